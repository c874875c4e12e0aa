#pragma once
// Signals received as data, through a descriptor that can be polled: signalfd(2).

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <sluice/base/deadline.hpp>
#include <sluice/base/readiness.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/unique_fd.hpp>
#include <sluice/primitive/signal_set.hpp>
#include <span>

namespace sluice {

/// What made a signal.
enum class signal_origin {
  process,  ///< A process, with kill(2) or the like: no payload.
  queue,    ///< A process, with a payload: signal_sender, sigqueue(3).
  timer,    ///< timer_create(2).
  child,    ///< A child that ended, stopped or went on (SIGCHLD).
  kernel,   ///< The kernel: the keyboard, an alarm, a broken pipe, ...
};

/// One signal as it came. `sender` and `user` of a queued one are what the sender wrote there: the
/// kernel does not check them (rt_sigqueueinfo(2)), so they serve to answer, not to trust.
struct received_signal {
  int number = 0;
  signal_origin origin = signal_origin::kernel;
  /// Process that sent it, or the child that it tells of. 0 when the sender lives in another PID
  /// namespace, or when the queue was full and a standard signal came without what belonged to it.
  pid_t sender = 0;
  uid_t user = 0;             ///< Real user of the sender.
  std::uint64_t payload = 0;  ///< What was queued with it; 0 without.
  int status = 0;             ///< Of a child: exit code, or the signal that ended or stopped it.
};

/// Receives a set of signals that the threads of this process hold back.
///
/// *Semantics*: lower numbers first. A real-time signal comes as often as it was sent, in order,
/// each with its payload. A standard signal that is sent again before it was received merges with
/// the first, whose sender and payload are what comes. *Threads*: any thread at once, each signal
/// to one of them. The signals must be blocked in every thread (scoped_signal_mask before the first
/// thread is started), else a thread that does not block them gets them in the usual way. *Errors*:
/// `create` refuses with `invalid_argument` and the reason: an empty set, SIGKILL and SIGSTOP
/// (nobody receives those), the synchronous ones (see is_synchronous), and signals that the calling
/// thread does not block; no mask is changed behind your back. *Lifetime*: signals not received
/// stay pending, and have their usual effect when they are unblocked. *Crash*: pending signals go
/// with the process; after exec they and the mask are still there.
class signal_receiver {
 public:
  /// One call takes this many at most.
  static constexpr std::size_t max_batch = 32;

  [[nodiscard]] static result<signal_receiver> create(signal_set signals);
  /// Takes over a signalfd; `invalid_argument` if it is none, else as `create`. Needs /proc.
  [[nodiscard]] static result<signal_receiver> from_native(unique_fd fd);

  /// Takes one signal; would_block when none is pending.
  [[nodiscard]] result<received_signal> try_take();
  /// Takes as many as are pending and fit, at least one (0 into an empty span), with one system
  /// call; returns how many.
  [[nodiscard]] result<std::size_t> try_take(std::span<received_signal> into);
  [[nodiscard]] result<void> wait_readable(deadline until) const;
  /// Waits for one and takes it.
  [[nodiscard]] result<received_signal> take(deadline until = deadline::never());

  [[nodiscard]] signal_set signals() const noexcept { return signals_; }
  /// Readable while one of the signals is pending. Non-blocking. A forked child that reads it reads
  /// the child's signals, and polling there may not wake it: make a receiver of its own instead.
  [[nodiscard]] int native_handle() const noexcept { return fd_.get(); }
  [[nodiscard]] unique_fd release_handle() && noexcept { return std::move(fd_); }

 private:
  signal_receiver(unique_fd fd, signal_set signals) noexcept
      : fd_(std::move(fd)), signals_(signals) {}

  unique_fd fd_;
  signal_set signals_;
};

template <>
inline constexpr bool polled_by_native_handle<signal_receiver> = true;

}  // namespace sluice
