#pragma once
// Which signals one thread holds back, changed for a scope.

#include <sluice/base/result.hpp>
#include <sluice/primitive/signal_set.hpp>
#include <thread>
#include <utility>

namespace sluice {

/// Changes the signal mask of the calling thread, and restores it.
///
/// *Semantics*: blocked signals stay pending until somebody takes them (signal_receiver) or the
/// scope ends. Threads started inside the scope inherit the mask, so block before starting them.
/// Scopes nest: the last one made must end first. SIGKILL, SIGSTOP and what the C library keeps for
/// itself are never blocked, whatever is asked (sigprocmask(2) reports nothing about that either).
/// *Threads*: made and ended on one thread, which is asserted. *Errors*: none in practice.
/// *Lifetime*: restored when this goes; what is pending then has its usual effect at once. *Crash*:
/// the mask goes with the thread. A program started by exec inherits it, which is why
/// process::spawn clears it.
class scoped_signal_mask {
 public:
  /// Adds to what is blocked.
  [[nodiscard]] static result<scoped_signal_mask> block(signal_set signals);
  /// Takes from what is blocked.
  [[nodiscard]] static result<scoped_signal_mask> unblock(signal_set signals);
  /// What the calling thread blocks now.
  [[nodiscard]] static result<signal_set> current();

  scoped_signal_mask(scoped_signal_mask&& other) noexcept
      : before_(other.before_), thread_(std::exchange(other.thread_, {})) {}
  scoped_signal_mask& operator=(scoped_signal_mask&&) = delete;
  ~scoped_signal_mask() {
    if (thread_ != std::thread::id{}) restore();
  }

  /// What was blocked before.
  [[nodiscard]] signal_set before() const noexcept { return before_; }

 private:
  explicit scoped_signal_mask(signal_set before) noexcept : before_(before) {}
  void restore() noexcept;

  signal_set before_;
  std::thread::id thread_ = std::this_thread::get_id();  // none after a move
};

}  // namespace sluice
