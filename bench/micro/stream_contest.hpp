#pragma once
// A comparison between two processes, over one stream. Both sides use the very same descriptors, so
// they have the same pipe with the same capacity and differ in nothing but the code around the
// calls. What one message costs on either side: the sender writes its payload; header and payload
// go out together; the receiver reads ahead, checks the header, and looks at every byte of the
// payload, in the buffer of the caller (`take::copy`) or where it was read (`take::in_place`).

#include <chrono>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "cell.hpp"
#include "machine.hpp"
#include "partner.hpp"
#include "payload.hpp"
#include "raw_frames.hpp"

namespace bench {

enum class take { copy, in_place };
/// On one core the two run in turns, the sender until the pipe is full and the receiver until it is
/// empty: nobody is waited for, every instruction counts, and the ratio is at its least flattering.
/// On two cores they run at once, and waking each other is a large part of the work of both sides.
enum class placement { two_cores, one_core };

struct stream_options {
  std::size_t message_bytes = 64;
  take how = take::copy;
  placement where = placement::two_cores;
  cell_settings settings = {};
};

/// The sending half of both sides. `Sender` has `send(message)` and `native_handle()`.
template <class Sender>
partner::role sending_role(Sender made, const stream_options& options) {
  struct state {
    Sender sender;
    raw_sender raw;
    std::vector<std::byte> message;
  };
  const int fd = made.native_handle();
  auto shared = std::make_shared<state>(
      state{std::move(made), raw_sender{fd}, std::vector<std::byte>(options.message_bytes)});
  return [shared, settings = options.settings](side which, std::uint64_t messages) {
    const std::uint64_t spoilt = settings.spoil ? messages / 2 : messages;
    const std::uint64_t before =
        which == side::sluice ? settings.calls_so_far() : shared->raw.calls();
    const auto prepare = [&](std::uint64_t sequence) {
      write_payload(sequence, shared->message);
      if (sequence == spoilt) shared->message.back() ^= std::byte{1};
    };
    if (which == side::sluice) {
      for (std::uint64_t i = 0; i < messages; ++i) {
        prepare(i);
        shared->sender.send(shared->message).value();
      }
      return settings.calls_so_far() - before;
    }
    for (std::uint64_t i = 0; i < messages; ++i) {
      prepare(i);
      shared->raw.send(shared->message);
    }
    return shared->raw.calls() - before;
  };
}

inline void expect_payload(std::uint64_t sequence, sluice::const_bytes message,
                           std::size_t message_bytes) {
  if (message.size() != message_bytes || !is_payload(sequence, message))
    throw std::runtime_error{"a message is not what was sent"};
}

/// The receiving half of both sides, without the clock.
template <class Receiver>
class receiving_role {
 public:
  receiving_role(Receiver made, const stream_options& options)
      : receiver_(std::move(made)),
        raw_(receiver_.native_handle()),
        how_(options.how),
        calls_so_far_(options.settings.calls_so_far),
        buffer_(options.message_bytes) {}

  /// Receives a batch and returns the system calls it took.
  std::uint64_t receive(side which, std::uint64_t messages) {
    if (which == side::sluice) {
      const std::uint64_t before = calls_so_far_();
      if (how_ == take::copy) {
        for (std::uint64_t i = 0; i < messages; ++i) {
          const std::size_t size = receiver_.receive(buffer_).value();
          expect_payload(i, sluice::const_bytes{buffer_}.first(size), buffer_.size());
        }
      } else if constexpr (requires { receiver_.peek(); }) {
        for (std::uint64_t i = 0; i < messages; ++i) {
          expect_payload(i, receiver_.peek().value(), buffer_.size());
          receiver_.release();
        }
      } else {
        throw std::logic_error{"this channel shows no message in place"};
      }
      return calls_so_far_() - before;
    }
    const std::uint64_t before = raw_.calls();
    for (std::uint64_t i = 0; i < messages; ++i) {
      sluice::const_bytes message = raw_.next();
      if (how_ == take::copy) {
        const std::size_t size = sluice::copy_bytes(message, buffer_);
        message = sluice::const_bytes{buffer_}.first(size);
      }
      expect_payload(i, message, buffer_.size());
    }
    return raw_.calls() - before;
  }

 private:
  Receiver receiver_;
  raw_receiver raw_;
  take how_;
  std::uint64_t (*calls_so_far_)() noexcept;
  std::vector<std::byte> buffer_;
};

/// Two processes and the stream between them. `Link` has `open()`, which gives a link with
/// `become_sender()`, called in the child, and `become_receiver()`, called in the parent.
template <class Link>
contest open_stream(const stream_options& options) {
  using receiver = decltype(std::declval<Link&>().become_receiver());
  const auto& cores = allowed_cores();
  Link link = Link::open();
  const int sender_core = options.where == placement::two_cores ? cores.back() : cores.front();
  const auto prepare = [&] { return sending_role(link.become_sender(), options); };
  pin_to(cores.front());
  be_a_batch(options.where == placement::one_core);
  // In this order: fork first, so that the child is not given our end.
  auto sender = std::make_unique<partner>(sender_core, prepare);
  auto receiving = std::make_shared<receiving_role<receiver>>(link.become_receiver(), options);
  return [sender = std::shared_ptr<partner>{std::move(sender)}, receiving](side which,
                                                                           std::uint64_t messages) {
    const double cpu_before = cpu_seconds();
    const auto start = std::chrono::steady_clock::now();
    sender->begin(which, messages);
    const std::uint64_t calls = receiving->receive(which, messages);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    const double cpu = cpu_seconds() - cpu_before;
    const partner::report sent = sender->finish();
    return segment{.seconds = elapsed.count(),
                   .cpu_seconds = cpu + sent.cpu_seconds,
                   .sender_calls = sent.calls,
                   .receiver_calls = calls};
  };
}

}  // namespace bench
