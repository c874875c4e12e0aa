#pragma once
// How a participant of a ring waits: it looks for a while, then lies down, says so, makes the
// barrier that the waker spares, looks once more and sleeps, never longer than the cap.

#include <sluice/channel/ring_attachment.hpp>
#include <sluice/ring/pause.hpp>

namespace sluice {

template <class WorthIt>
bool ring_attachment::spin(deadline until, WorthIt& worth_it) {
  if (options_.spin.count() <= 0) return false;
  // Looking did not help for long: only now and then, to learn whether it helps again.
  if (spin_budget_.count() == 0) {
    if (++waits_without_spin_ % waits_between_spins != 0) return false;
    spin_budget_ = options_.spin / least_share;
  }
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
      ring::pause();
    }
    if (deadline::clock::now() >= last) break;
  }
  // In vain: half of it next time, and in the end nothing.
  spin_budget_ /= 2;
  if (spin_budget_ < options_.spin / least_share) spin_budget_ = std::chrono::nanoseconds{0};
  return false;
}

template <class WorthIt, class Notice>
result<void> ring_attachment::wait(deadline until, const char* operation, WorthIt worth_it,
                                   Notice notice) {
  if (is_inherited()) return refused(operation);
  if (worth_it()) return {};
  statistics_.waits += 1;
  // Who sleeps otherwise is not armed: meanwhile its descriptor says that a look is worth it.
  if (poll_ != nullptr && ring::rouse(slot()) != ring::rest::awake) [[unlikely]] {
    if (auto said = stay_readable(); !said) return said;
  }
  const bool is_wanted_now = until.has_passed();
  if (!is_wanted_now && spin(until, worth_it)) return {};
  // To ask for deaths is a system call: who sleeps and wakes often does it now and then.
  const bool asks = is_wanted_now || deadline::clock::now() >= asks_again_;
  auto slept = sleep_on(until, operation, asks, worth_it, notice);
  get_up();
  return slept;
}

template <class WorthIt>
bool ring_attachment::linger(WorthIt worth_it) {
  if (is_inherited() || worth_it()) return true;
  statistics_.waits += 1;
  return spin(deadline::never(), worth_it);
}

// Who wakes because the longest sleep is over lies on while it looks around.
template <class WorthIt, class Notice>
result<void> ring_attachment::sleep_on(deadline until, const char* operation, bool asks,
                                       WorthIt& worth_it, Notice& notice) {
  for (;; asks = true) {
    if (asks) {
      result<bool> is_over = notice();
      if (!is_over) return failure{is_over.error()};
      if (*is_over || worth_it()) return {};
      if (until.has_passed()) return failure{std::errc::timed_out, operation};
      asks_again_ = deadline::clock::now() + options_.longest_sleep / 8;
    }
    const auto cap = prepare_sleep(ring::rest::parked);
    if (worth_it()) return {};
    if (auto slept = sleep(until, cap); !slept) return slept;
    if (worth_it()) return {};
  }
}

template <class WorthIt, class Notice>
result<void> ring_attachment::arm(WorthIt worth_it, Notice notice) {
  if (poll_ == nullptr) return {};
  result<bool> is_over = hush();
  if (is_over && *is_over) is_over = notice();
  if (is_over && !*is_over) {
    const auto cap = prepare_sleep(ring::rest::armed);
    if (!worth_it()) return expect(cap);
  }
  // Also where something failed: it is not to be silent then.
  auto readable = stay_readable();
  if (!is_over) return failure{is_over.error()};
  return readable;
}

}  // namespace sluice
