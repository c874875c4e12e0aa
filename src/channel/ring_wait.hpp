#pragma once
// How a participant of a ring waits: it looks for a while, then lies down, says so, makes the
// barrier that the waker spares, looks once more and sleeps, never longer than the cap.

#include <sluice/channel/ring_attachment.hpp>

namespace sluice {

namespace ring_wait {

/// Tells the processor that this is a loop that waits.
inline void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield" ::: "memory");
#endif
}

}  // namespace ring_wait

template <class WorthIt>
bool ring_attachment::spin(deadline until, WorthIt& worth_it) {
  if (spin_budget_.count() <= 0) return false;
  const auto start = deadline::clock::now();
  const auto last = earlier(until, deadline{start + spin_budget_}).when();
  // The clock is asked now and then: it costs as much as some ten looks.
  for (;;) {
    for (int looks = 0; looks < 16; ++looks) {
      if (worth_it()) {
        statistics_.spun += 1;
        spin_budget_ = options_.spin;
        return true;
      }
      ring_wait::pause();
    }
    if (deadline::clock::now() >= last) break;
  }
  // In vain: half of it next time, but never so little that it cannot learn that it helps again.
  spin_budget_ = std::max(spin_budget_ / 2, options_.spin / 16);
  return false;
}

template <class WorthIt, class Notice>
result<void> ring_attachment::wait(deadline until, const char* operation, WorthIt worth_it,
                                   Notice notice) {
  if (is_inherited()) return refused(operation);
  if (worth_it()) return {};
  statistics_.waits += 1;
  if (!until.has_passed() && spin(until, worth_it)) return {};
  for (;;) {
    result<bool> is_over = notice();
    if (!is_over) return failure{is_over.error()};
    if (*is_over || worth_it()) return {};
    if (until.has_passed()) return failure{std::errc::timed_out, operation};
    const auto cap = prepare_sleep();
    if (worth_it()) {
      get_up();
      return {};
    }
    auto slept = sleep(until, cap);
    if (!slept) return slept;
  }
}

}  // namespace sluice
