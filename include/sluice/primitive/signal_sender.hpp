#pragma once
// Sending signals, so that they reach the process that is meant or nobody.

#include <sys/types.h>

#include <cstdint>
#include <sluice/base/result.hpp>
#include <sluice/os/process.hpp>
#include <sluice/os/unique_fd.hpp>

namespace sluice {

/// The kernel's id of the calling thread, for `signal_sender::to_thread`.
[[nodiscard]] pid_t current_thread_id() noexcept;

/// Sends signals to one target.
///
/// *Semantics*: a signal is delivered, merged (standard ones only, the payload of the merged one
/// with it) or reported as not sent; real-time signals are always queued, never sent as kill(2)
/// does it, which drops what does not fit. What becomes of it is up to the target: a signal that it
/// ignores is gone, one that it does not handle may end it. *Threads*: any thread at once.
/// *Errors*: `invalid_argument` for what is no signal; `operation_not_permitted` when the target
/// belongs to somebody else; `no_such_process` when it is gone, also when it is dead and nobody has
/// reaped it yet; would_block when a real-time signal finds the queue full (RLIMIT_SIGPENDING of
/// the receiver, over all signals pending for its user). A standard signal comes through even then,
/// without sender and payload. *Lifetime*: holds a descriptor of its own; independent of the handle
/// that it was made from. *Crash*: what was sent stays pending in the target.
class signal_sender {
 public:
  /// To the process behind a handle, never to a stranger who got its number later. Source:
  /// pidfd_send_signal(2) with SI_QUEUE, as sigqueue(3) fills it.
  [[nodiscard]] static result<signal_sender> to_process(const process& target);
  /// To the process that calls `send`; any thread that does not block the signal gets it.
  [[nodiscard]] static signal_sender to_self() noexcept;
  /// To one thread of the process that calls `send`. Source: rt_tgsigqueueinfo(2).
  [[nodiscard]] static result<signal_sender> to_thread(pid_t thread);
  /// To every process of the group that `leader` leads, standard signals without payload only. A
  /// real-time signal is refused (`not_supported`): the kernel reports success when one member got
  /// it, whoever else lost it to a full queue. Success means that one member may be signalled.
  /// Source: PIDFD_SIGNAL_PROCESS_GROUP (Linux 6.9), else kill(2) with the negative number, as long
  /// as the leader was not reaped: later the number may be another's.
  [[nodiscard]] static result<signal_sender> to_group(const process& leader);

  [[nodiscard]] result<void> send(int number, std::uint64_t payload = 0) const;

 private:
  enum class target { process, self, thread, group };
  signal_sender(target kind, unique_fd fd, pid_t id) noexcept
      : kind_(kind), fd_(std::move(fd)), id_(id) {}

  target kind_;
  unique_fd fd_;  // pidfd of the process or of the group's leader
  pid_t id_;      // of the thread, or of the group
};

}  // namespace sluice
