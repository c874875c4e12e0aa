#pragma once
// Every channel in the shape that the experiments of traits_test.cpp want: whole messages go in and
// something comes out. A stream of bytes takes part as if each write were a message and each read
// gave one: what it cannot keep shows in the experiment.

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <sluice/base/channel_traits.hpp>
#include <sluice/channel/fifo.hpp>
#include <sluice/channel/fifo_channel.hpp>
#include <sluice/channel/local_channel.hpp>
#include <sluice/channel/pipe.hpp>
#include <sluice/compose/framed.hpp>
#include <string>
#include <vector>

#include "conformance/queue_links.hpp"
#include "conformance/signal_links.hpp"
#include "support/isolation.hpp"

namespace sluice::test {

using message_bytes = std::vector<std::byte>;

/// A writer that takes each message for one write, and passes the rest on later.
template <class Writer>
class naive_sender {
 public:
  static constexpr const channel_capabilities& capabilities = channel_traits<Writer>;
  explicit naive_sender(Writer writer) : writer_(std::move(writer)) {}

  result<void> try_send(const_bytes message) {
    auto taken = writer_.try_write(message);
    if (!taken) return failure{taken.error()};
    const const_bytes rest = message.subspan(*taken);
    kept_.assign(rest.begin(), rest.end());
    return {};
  }
  result<void> wait_writable(deadline until) {
    if (kept_.empty()) return writer_.wait_writable(until);
    auto taken = writer_.try_write(kept_);
    if (!taken) return failure{taken.error()};
    kept_.erase(kept_.begin(), kept_.begin() + static_cast<std::ptrdiff_t>(*taken));
    return {};
  }
  [[nodiscard]] int native_handle() const { return writer_.native_handle(); }

 private:
  Writer writer_;
  message_bytes kept_;
};

/// A reader that takes each read for one message.
template <class Reader>
class naive_receiver {
 public:
  static constexpr const channel_capabilities& capabilities = channel_traits<Reader>;
  explicit naive_receiver(Reader reader) : reader_(std::move(reader)) {}
  result<std::size_t> try_receive(mutable_bytes buffer) { return reader_.try_read(buffer); }
  [[nodiscard]] int native_handle() const { return reader_.native_handle(); }

 private:
  Reader reader_;
};

// A probe: one channel, and
//   another_sender(), another_receiver()   more ends of it, as other processes would have them
//   leave_behind(name)       in a child: puts the text into a channel that has this name, if it can
//   find_again(name)         afterwards: the receiving end of that channel, if there is a way
//   unlink(name)             removes what was left behind
//   accepts_maximum(bytes)   whether a channel can be made for messages of that size

struct pipe_probe {
  static constexpr const char* name = "pipe";
  using sender_type = naive_sender<pipe_writer>;
  using receiver_type = naive_receiver<pipe_reader>;

  pipe both = pipe::create().value();
  [[nodiscard]] static unique_fd copy_of(int fd) {
    return unique_fd{::fcntl(fd, F_DUPFD_CLOEXEC, 0)};
  }
  sender_type another_sender() const {
    return sender_type{pipe_writer::from_native(copy_of(both.writer.native_handle())).value()};
  }
  receiver_type another_receiver() const {
    return receiver_type{pipe_reader::from_native(copy_of(both.reader.native_handle())).value()};
  }
  // A pipe has no name: when nobody has it open nothing leads to it.
  static void leave_behind(const std::string&, const_bytes) {}
  static std::optional<receiver_type> find_again(const std::string&) { return std::nullopt; }
  static bool unlink(const std::string&) { return false; }
  // A stream has no messages: there is nothing to limit.
  static bool accepts_maximum(std::size_t) { return true; }
};

struct framed_pipe_probe {
  static constexpr const char* name = "framed_pipe";
  using sender_type = framed_sender<pipe_writer>;
  using receiver_type = framed_receiver<pipe_reader>;

  pipe_probe pipe;
  sender_type another_sender() const {
    return sender_type::create(
               pipe_writer::from_native(pipe_probe::copy_of(pipe.both.writer.native_handle()))
                   .value())
        .value();
  }
  receiver_type another_receiver() const {
    return receiver_type::create(
               pipe_reader::from_native(pipe_probe::copy_of(pipe.both.reader.native_handle()))
                   .value())
        .value();
  }
  static void leave_behind(const std::string&, const_bytes) {}
  static std::optional<receiver_type> find_again(const std::string&) { return std::nullopt; }
  static bool unlink(const std::string&) { return false; }
  static bool accepts_maximum(std::size_t bytes) {
    auto made = pipe::create().value();
    return sender_type::create(std::move(made.writer), {.max_message_bytes = bytes}).has_value();
  }
};

/// What the channels over a FIFO have in common; `Ends` opens theirs.
template <class Ends>
struct named_probe {
  using sender_type = decltype(Ends::sender(std::string{}));
  using receiver_type = decltype(Ends::receiver(std::string{}));

  fifo named = fifo::create(unique_name()).value();
  fifo_reader kept_open = fifo_reader::open(named.path()).value();  // so that writers may come
  sender_type another_sender() const { return Ends::sender(named.path()); }
  receiver_type another_receiver() const { return Ends::receiver(named.path()); }
  static void leave_behind(const std::string& name, const_bytes text) {
    fifo made = fifo::create(name).value();
    made.persist();
    auto receiver = Ends::receiver(name);
    auto sender = Ends::sender(name);
    EXPECT_TRUE(sender.try_send(text));
  }
  static std::optional<receiver_type> find_again(const std::string& name) {
    return Ends::receiver(name);
  }
  static bool unlink(const std::string& name) { return fifo::unlink(name).has_value(); }
};

struct fifo_ends {
  static naive_sender<fifo_writer> sender(const std::string& name) {
    return naive_sender{fifo_writer::open(name, deadline::now()).value()};
  }
  static naive_receiver<fifo_reader> receiver(const std::string& name) {
    return naive_receiver{fifo_reader::open(name).value()};
  }
};
struct fifo_probe : named_probe<fifo_ends> {
  static constexpr const char* name = "fifo";
  static bool accepts_maximum(std::size_t) { return true; }  // as a pipe
};

struct framed_fifo_ends {
  static framed_sender<fifo_writer> sender(const std::string& name) {
    return framed_sender<fifo_writer>::create(fifo_writer::open(name, deadline::now()).value())
        .value();
  }
  static framed_receiver<fifo_reader> receiver(const std::string& name) {
    return framed_receiver<fifo_reader>::create(fifo_reader::open(name).value()).value();
  }
};
struct framed_fifo_probe : named_probe<framed_fifo_ends> {
  static constexpr const char* name = "framed_fifo";
  bool accepts_maximum(std::size_t bytes) const {
    return sender_type::create(fifo_writer::open(named.path(), deadline::now()).value(),
                               {.max_message_bytes = bytes})
        .has_value();
  }
};

struct fifo_channel_ends {
  static fifo_sender sender(const std::string& name) {
    return fifo_sender::open(name, deadline::now()).value();
  }
  static fifo_receiver receiver(const std::string& name) {
    return fifo_receiver::open(name).value();
  }
};
struct fifo_channel_probe : named_probe<fifo_channel_ends> {
  static constexpr const char* name = "fifo_channel";
  bool accepts_maximum(std::size_t bytes) const {
    return fifo_sender::open(named.path(), deadline::now(), {.max_message_bytes = bytes})
        .has_value();
  }
};

struct system_v_queue_probe {
  static constexpr const char* name = "system_v_queue";
  using sender_type = system_v_queue_sender;
  using receiver_type = system_v_queue_receiver;

  system_v_queue_link link;
  sender_type another_sender() const { return link.another_sender(); }
  receiver_type another_receiver() const { return link.another_receiver(); }
  static void leave_behind(const std::string& called, const_bytes text) {
    auto made = system_v_queue::create(called).value();
    made.persist();
    EXPECT_TRUE(system_v_queue_sender::over(made).value().try_send(text));
  }
  static std::optional<receiver_type> find_again(const std::string& called) {
    return system_v_queue_receiver::open(called).value();
  }
  static bool unlink(const std::string& called) {
    return system_v_queue::unlink(called).has_value();
  }
  bool accepts_maximum(std::size_t bytes) {
    return link.sender->try_send(message_bytes(bytes)).has_value();
  }
};

struct posix_queue_probe {
  static constexpr const char* name = "posix_queue";
  using sender_type = posix_queue_sender;
  using receiver_type = posix_queue_receiver;

  posix_queue_link link;
  sender_type another_sender() const { return link.another_sender(); }
  receiver_type another_receiver() const { return link.another_receiver(); }
  static void leave_behind(const std::string& called, const_bytes text) {
    auto made = posix_queue::create(called).value();
    made.persist();
    EXPECT_TRUE(posix_queue_sender::open(called).value().try_send(text));
  }
  static std::optional<receiver_type> find_again(const std::string& called) {
    return posix_queue_receiver::open(called).value();
  }
  static bool unlink(const std::string& called) { return posix_queue::unlink(called).has_value(); }
  bool accepts_maximum(std::size_t bytes) {
    return link.sender->try_send(message_bytes(bytes)).has_value();
  }
};

struct mailbox_probe {
  static constexpr const char* name = "mailbox";
  using sender_type = mailbox_sender;
  using receiver_type = mailbox_receiver;

  mailbox_link link;
  sender_type another_sender() const { return link.another_sender(); }
  receiver_type another_receiver() const { return link.another_receiver(); }
  static void leave_behind(const std::string& its_name, const_bytes text) {
    auto made = mailbox::create(its_name).value();
    made.persist();
    EXPECT_TRUE(mailbox_sender::open(its_name).value().try_send(text));
  }
  static std::optional<receiver_type> find_again(const std::string& its_name) {
    return mailbox_receiver::open(its_name).value();
  }
  static bool unlink(const std::string& its_name) { return mailbox::unlink(its_name).has_value(); }
  static bool accepts_maximum(std::size_t bytes) {
    return mailbox::create(unique_name(), {.capacity_messages = 1, .max_message_bytes = bytes})
        .has_value();
  }
};

struct signal_channel_probe {
  static constexpr const char* name = "signal_channel";
  using sender_type = signal_channel_sender;
  using receiver_type = signal_channel_receiver;

  signal_channel_link link;
  sender_type another_sender() const { return link.another_sender(); }
  receiver_type another_receiver() const { return link.another_receiver(); }
  // A process that is gone leaves no signals, and nothing leads to it.
  static void leave_behind(const std::string&, const_bytes) {}
  static std::optional<receiver_type> find_again(const std::string&) { return std::nullopt; }
  static bool unlink(const std::string&) { return false; }
  bool accepts_maximum(std::size_t bytes) {
    return link.sender->try_send(message_bytes(bytes)).has_value();
  }
};

struct local_probe {
  static constexpr const char* name = "local";
  using sender_type = local_sender;
  using receiver_type = local_receiver;

  local_channel both = local_channel::create().value();
  sender_type another_sender() const { return both.sender.duplicate(); }
  receiver_type another_receiver() const { return both.receiver.duplicate(); }
  // It has no name either.
  static void leave_behind(const std::string&, const_bytes) {}
  static std::optional<receiver_type> find_again(const std::string&) { return std::nullopt; }
  static bool unlink(const std::string&) { return false; }
  static bool accepts_maximum(std::size_t bytes) {
    return local_channel::create({.max_message_bytes = bytes}).has_value();
  }
};

}  // namespace sluice::test
