#pragma once
// A pair of real-time signals as a message channel: the lower one carries messages of eight bytes
// in its payload, the higher one says that a sender has ended. No object, no name, nothing to clean
// up: the kernel's queue of signals of one process is the channel, and its PID is the address.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/base/readiness.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/os/process.hpp>
#include <sluice/primitive/signal_sender.hpp>
#include <sluice/primitive/signal_set.hpp>

namespace sluice {

inline constexpr std::size_t signal_message_bytes = 8;

inline constexpr channel_capabilities signal_channel_capabilities{
    .mechanism = "signals (real-time pair)",
    .keeps_boundaries = true,
    .order = ordering::total,
    .many_senders = true,
    .many_receivers = false,
    .pollable = true,
    .min_message_bytes = signal_message_bytes,
    .max_message_bytes = signal_message_bytes,
};

/// Two real-time signals. The end must have the higher number: the kernel hands lower numbers out
/// first (signal(7)), so the end of a sender comes after all that was sent before it.
struct signal_pair {
  int data = 0;
  int end = 0;

  /// SIGRTMIN + 2n and the one after it. Numbers that are no pair are refused where they are used.
  [[nodiscard]] static signal_pair nth(int n) noexcept;
  /// Both, to be blocked.
  [[nodiscard]] constexpr signal_set signals() const noexcept { return {data, end}; }
};

/// Sends messages of exactly eight bytes to one process as real-time signals.
///
/// *Semantics*: one queued signal per message. *Threads*: one thread at a time; as many senders, in
/// as many processes, as you like. After fork the child's copy is a sender of its own, announced
/// with its first message. *Errors*: `message_size` for any other size; would_block when the queue
/// is full (RLIMIT_SIGPENDING of the receiver); the kernel tells nobody when there is room again,
/// so waiting looks again at growing intervals of up to 10 ms; `broken_pipe` when the receiver's
/// process is gone. *Lifetime*: its end is announced when it goes, without waiting, also into a
/// full queue, but without a name there: several such ends may merge, or be taken for that of a
/// process that died meanwhile, and then the channel does not end before this process does;
/// `detach` waits for room. *Crash*: what was sent stays, and the receiver is told; a process
/// that calls exec without ending its senders is noticed only when it dies.
class signal_channel_sender {
 public:
  static constexpr channel_capabilities capabilities = signal_channel_capabilities;

  /// Waits until the process holds both signals back, as a receiver of the pair does (a process
  /// that does not would be killed by the first message), and announces this sender; `timed_out`
  /// otherwise. Reads /proc.
  [[nodiscard]] static result<signal_channel_sender> open(const process& receiver, signal_pair pair,
                                                          deadline until = deadline::never());

  signal_channel_sender(signal_channel_sender&&) noexcept;
  signal_channel_sender& operator=(signal_channel_sender&&) noexcept;
  ~signal_channel_sender();

  [[nodiscard]] result<void> try_send(const_bytes message);
  [[nodiscard]] result<void> wait_writable(deadline until);
  [[nodiscard]] result<void> send(const_bytes message, deadline until = deadline::never()) {
    return sluice::send(*this, message, until);
  }

  /// Announces the copy that a fork made, at once instead of with its first message: before the
  /// parent's ends, say, so that the channel does not end meanwhile. Elsewhere it does nothing.
  [[nodiscard]] result<void> attach(deadline until = deadline::never());
  /// Announces the end, waiting for room. Afterwards there is nothing to send on: `broken_pipe`.
  [[nodiscard]] result<void> detach(deadline until = deadline::never());

  [[nodiscard]] std::size_t max_message_bytes() const noexcept { return signal_message_bytes; }

 private:
  struct state;
  explicit signal_channel_sender(std::unique_ptr<state> made) noexcept;
  std::unique_ptr<state> state_;
};

/// Receives the messages that any number of senders queue for this process.
///
/// *Semantics*: in the order sent, over all senders. Ends when every sender that was announced has
/// ended, and begins again when another comes. A signal queued by a program that is not ours
/// (sigqueue(3), `kill -q`) is a message too, without an announced sender; what kill(2) sends is
/// none, and is counted. *Threads*: one thread at a time, one receiver per pair and process; both
/// signals must be blocked in every thread. *Errors*: `errc::closed` as above;
/// `std::errc::connection_reset` once for each process that died without ending its senders, after
/// everything that it had sent; `no_buffer_space` below eight bytes; `operation_not_permitted` from
/// the copy in a forked child, once what had been read ahead is used up. *Lifetime*: what was not
/// received is thrown away when it goes. A message that comes when the signals are no longer
/// blocked ends the process, unless they are ignored: scoped_signal_handler::ignore before blocking
/// them, where senders may live longer. *Crash*: everything pending is gone with the process.
/// Senders are trusted: who may signal this process may forge messages and ends.
class signal_channel_receiver {
 public:
  static constexpr channel_capabilities capabilities = signal_channel_capabilities;

  /// Both signals must be blocked by the calling thread: scoped_signal_mask::block(pair.signals()).
  [[nodiscard]] static result<signal_channel_receiver> create(signal_pair pair);

  signal_channel_receiver(signal_channel_receiver&&) noexcept;
  signal_channel_receiver& operator=(signal_channel_receiver&&) noexcept;
  ~signal_channel_receiver();

  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes buffer);
  [[nodiscard]] result<void> wait_readable(deadline until);
  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer,
                                            deadline until = deadline::never()) {
    return sluice::receive(*this, buffer, until);
  }
  /// Eight, once there is a message.
  [[nodiscard]] result<std::size_t> next_size();

  /// Senders that were announced and have not ended, as far as was read.
  [[nodiscard]] std::size_t senders() const noexcept;
  /// Signals of the pair that were no messages.
  [[nodiscard]] std::uint64_t strays() const noexcept;
  /// Readable when a signal came or a sender's process died. What was read ahead does not show:
  /// drain with `try_receive` until it would block before waiting on this.
  [[nodiscard]] int native_handle() const noexcept;
  /// The descriptor, and whether something was read ahead.
  [[nodiscard]] result<readiness> receive_readiness();

 private:
  struct state;
  explicit signal_channel_receiver(std::unique_ptr<state> made) noexcept;
  std::unique_ptr<state> state_;
};

static_assert(message_sender<signal_channel_sender> && message_receiver<signal_channel_receiver>);

}  // namespace sluice
