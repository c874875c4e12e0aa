#pragma once
// Ending gracefully: SIGINT and SIGTERM turned into a std::stop_token, without a global and without
// code in signal context.

#include <signal.h>

#include <memory>
#include <sluice/base/deadline.hpp>
#include <sluice/base/readiness.hpp>
#include <sluice/base/result.hpp>
#include <sluice/primitive/scoped_signal_mask.hpp>
#include <sluice/primitive/signal_set.hpp>
#include <stop_token>
#include <thread>

namespace sluice {

/// Requests a stop when one of its signals comes.
///
/// *Semantics*: blocks the signals in the thread that makes it, and receives them. Somebody has to
/// look: whoever waits calls `wait` or `try_wait` (and polls `native_handle`), or `watch` starts a
/// thread that this object owns and that blocks every signal. A stop is requested once and for
/// good; `request_stop` runs callbacks on the thread that looks, never in signal context.
/// *Threads*: made before the threads that shall not get the signals; made, set to `watch` and
/// ended on one thread; the rest from any thread at once. *Errors*: those of signal_receiver;
/// `operation_not_permitted` from the copy in a forked child, which shall make one of its own.
/// *Lifetime*: the mask is restored when this goes. If a stop was requested, signals that came
/// afterwards are taken away first: they asked for the same, so a second Ctrl-C waits for the end
/// as well; a signal that came and was never looked at has its usual effect. *Crash*: nothing is
/// left.
class stop_signal {
 public:
  [[nodiscard]] static result<stop_signal> create(signal_set signals = {SIGINT, SIGTERM});

  stop_signal(stop_signal&& other) noexcept;
  stop_signal& operator=(stop_signal&&) = delete;
  ~stop_signal();

  [[nodiscard]] std::stop_token token() const noexcept;
  [[nodiscard]] bool stop_requested() const noexcept;
  /// The signal that requested the stop; 0 before.
  [[nodiscard]] int number() const noexcept;

  /// Looks whether a signal came; would_block if not. Success means that a stop was requested.
  [[nodiscard]] result<void> try_wait();
  /// Waits until a stop was requested, by whoever looked.
  [[nodiscard]] result<void> wait(deadline until = deadline::never());
  /// Starts the thread that looks, until a signal came or this object goes. Once; again it does
  /// nothing.
  [[nodiscard]] result<void> watch();

  /// Readable once a signal came that nobody has looked at; to be polled where nobody watches.
  [[nodiscard]] int native_handle() const noexcept;

 private:
  struct state;
  stop_signal(scoped_signal_mask mask, std::unique_ptr<state> made) noexcept;

  scoped_signal_mask mask_;
  std::unique_ptr<state> state_;  // where the watching thread finds it after a move
  std::thread watcher_;
};

template <>
inline constexpr bool polled_by_native_handle<stop_signal> = true;

}  // namespace sluice
