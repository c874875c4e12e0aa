#include <sluice/primitive/segment_guard.hpp>

namespace sluice {

// Relaxed order throughout: the lock orders what its holders write, and the one look without the
// lock only spares work.

bool segment_guard::is_corrupt() const noexcept {
  return corrupt_.load(std::memory_order_relaxed) != 0;
}

bool segment_guard::lets_in(purpose why) const noexcept {
  if (!is_corrupt()) return true;
  // Nothing changes any more, so names that were whole when the holder died are still whole.
  return why == purpose::read_names && changing_names_.load(std::memory_order_relaxed) == 0;
}

// Takes the lock, and latches where its holder died.
segment_guard::outcome segment_guard::lock() noexcept {
  const auto taken = lock_.acquire();
  if (!taken && taken.error() == std::errc::resource_deadlock_would_occur) return outcome::ours;
  if (!taken) {
    corrupt_.store(1, std::memory_order_relaxed);  // the lock itself is beyond use
    return outcome::lost;
  }
  if (*taken == mutex_state::owner_dead) {
    // Latched before the lock counts as sound again: killed in between, the next one latches.
    corrupt_.store(1, std::memory_order_relaxed);
    lock_.mark_consistent();
  }
  return outcome::taken;
}

segment_guard::section::section(segment_guard& guard, purpose why) noexcept
    : guard_(guard), why_(why), state_(state::refused) {
  if (!guard_.lets_in(why)) return;
  const outcome locked = guard_.lock();
  if (locked == outcome::lost) return;
  if (locked == outcome::ours) {
    if (guard_.changing_names_.load(std::memory_order_relaxed) != 0) state_ = state::nested;
    return;
  }
  if (!guard_.lets_in(why)) {
    guard_.lock_.unlock();
    return;
  }
  state_ = state::entered;
  if (why_ != purpose::change_names) return;
  guard_.changing_names_.store(1, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);  // what a kill leaves has this order
}

segment_guard::section::~section() {
  if (state_ != state::entered) return;
  if (why_ == purpose::change_names) {
    std::atomic_signal_fence(std::memory_order_seq_cst);
    guard_.changing_names_.store(0, std::memory_order_relaxed);
  }
  guard_.lock_.unlock();
}

}  // namespace sluice
