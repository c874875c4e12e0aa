#pragma once
// Messages of many writers over one FIFO. The kernel keeps up to PIPE_BUF bytes of one write
// together; longer messages go as fragments of that size, each of which says whose it is, so that
// nothing interleaves and a killed writer spoils only the message it was sending. The fragments'
// format is docs/frame-format.md.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/base/readiness.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/channel/fifo.hpp>

namespace sluice {

inline constexpr channel_capabilities fifo_channel_capabilities{
    .mechanism = "fifo messages",
    .keeps_boundaries = true,
    .order = ordering::per_sender,
    .many_senders = true,
    .many_receivers = false,
    .pollable = true,
    .max_message_bytes = 0xffff'ffff,
};

struct fifo_sender_options {
  fifo_open_options open = {};
  std::size_t max_message_bytes = std::size_t{1} << 20;
};

/// Sends messages into a FIFO beside any number of other senders.
///
/// *Semantics*: up to 4064 bytes one system call and all or nothing; beyond that a message that has
/// begun is accepted: what the pipe cannot take yet is kept here and goes out before anything else,
/// with the next send, `wait_writable` or `flush`. *Threads*: one thread at a time; as many senders
/// as you like. *Errors*: `message_size` above the maximum, `broken_pipe` when the receiver is
/// gone. *Lifetime*: a message kept here when the sender goes is spoilt, so `flush` first.
/// *Crash*: a message that was being sent is never delivered; all others are.
class fifo_sender {
 public:
  static constexpr channel_capabilities capabilities = fifo_channel_capabilities;

  /// Opens the FIFO, waiting for its receiver at most until the deadline.
  [[nodiscard]] static result<fifo_sender> open(std::string_view name,
                                                deadline until = deadline::never(),
                                                const fifo_sender_options& options = {});
  /// Sends over a writer that is open already.
  [[nodiscard]] static result<fifo_sender> over(fifo_writer writer,
                                                const fifo_sender_options& options = {});

  fifo_sender(fifo_sender&&) noexcept;
  fifo_sender& operator=(fifo_sender&&) noexcept;
  ~fifo_sender();

  [[nodiscard]] result<void> try_send(const_bytes message);
  [[nodiscard]] result<void> send_waiting(const_bytes message);
  /// Also sends what is kept here.
  [[nodiscard]] result<void> wait_writable(deadline until);

  /// After success the pipe has taken the whole message, unless the deadline passed inside it: then
  /// the rest is kept here.
  [[nodiscard]] result<void> send(const_bytes message, deadline until = deadline::never());
  /// Waits until the pipe has taken all that was accepted.
  [[nodiscard]] result<void> flush(deadline until = deadline::never());

  [[nodiscard]] std::size_t max_message_bytes() const noexcept;
  [[nodiscard]] int native_handle() const noexcept;

 private:
  struct state;
  explicit fifo_sender(std::unique_ptr<state> made) noexcept;
  std::unique_ptr<state> state_;
};

struct fifo_receiver_options {
  fifo_open_options open = {};
  /// Longer messages of any sender are skipped and counted as spoilt.
  std::size_t max_message_bytes = std::size_t{1} << 20;
  /// Messages in fragments that may be under way at once, one per sender. When more begin, the
  /// oldest is given up as spoilt: memory stays bounded whatever senders do.
  std::size_t max_unfinished = 64;
};

/// Receives the messages of all senders into a FIFO.
///
/// *Semantics*: whole messages, in the order of their last fragments; per sender as sent.
/// *Threads*: one thread at a time; one receiver per FIFO. *Errors*: `errc::closed` when the last
/// sender left and all was received; `errc::corrupt` once when somebody wrote bytes that are no
/// fragments: receiving goes on with the next fragment that is whole. *Lifetime*: independent of
/// the name. *Crash*: a message received before its bytes were used is gone with the receiver, as
/// is what was buffered here (up to 64 KiB and the unfinished messages).
class fifo_receiver {
 public:
  static constexpr channel_capabilities capabilities = fifo_channel_capabilities;

  [[nodiscard]] static result<fifo_receiver> open(std::string_view name,
                                                  const fifo_receiver_options& options = {});

  fifo_receiver(fifo_receiver&&) noexcept;
  fifo_receiver& operator=(fifo_receiver&&) noexcept;
  ~fifo_receiver();

  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes buffer);
  [[nodiscard]] result<std::size_t> receive_waiting(mutable_bytes buffer);
  [[nodiscard]] result<void> wait_readable(deadline until);

  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer,
                                            deadline until = deadline::never()) {
    return sluice::receive(*this, buffer, until);
  }
  /// The next message without taking it: valid until `release` or the next verb.
  [[nodiscard]] result<const_bytes> try_peek();
  /// Drops the message that `try_peek` showed.
  void release() noexcept;

  [[nodiscard]] result<std::size_t> next_size();
  /// Messages that were begun and will never be whole: their sender was killed, or broke off, or
  /// sent more than the maximum.
  [[nodiscard]] std::uint64_t spoilt() const noexcept;
  /// Readable also when bytes came but no whole message yet. What is buffered here does not show:
  /// drain with `try_receive` until it would block before waiting on this.
  [[nodiscard]] int native_handle() const noexcept;
  /// The descriptor, and whether something was read ahead.
  [[nodiscard]] result<readiness> receive_readiness();

 private:
  struct state;
  explicit fifo_receiver(std::unique_ptr<state> made) noexcept;
  std::unique_ptr<state> state_;
};

static_assert(waiting_sender<fifo_sender> && waiting_receiver<fifo_receiver>);

}  // namespace sluice
