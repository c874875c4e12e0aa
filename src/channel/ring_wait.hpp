#pragma once
// How a participant of a ring waits: it looks for a while, then lies down, says so, makes the
// barrier that the waker spares, looks once more and sleeps, never longer than the cap.

#include <algorithm>
#include <sluice/channel/ring_attachment.hpp>

#include "channel/patient_look.hpp"

namespace sluice {

template <class WorthIt>
bool ring_attachment::spin(deadline until, deadline::clock::time_point began, WorthIt& worth_it) {
  const bool found = look_patiently(patience_, until, began, worth_it);
  statistics_.spun += found ? 1 : 0;
  return found;
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
  const auto began = deadline::clock::now();
  const bool is_wanted_now = began >= until.when();
  if (!is_wanted_now && spin(until, began, worth_it)) return {};
  // To ask for deaths is a system call: who sleeps and wakes often does it now and then.
  const bool asks = is_wanted_now || began >= asks_again_;
  auto slept = sleep_on({.until = until, .now = began, .asks = asks}, operation, worth_it, notice);
  get_up();
  patience_.slept(deadline::clock::now() - began, slept.has_value());
  return slept;
}

template <class WorthIt>
bool ring_attachment::linger(WorthIt worth_it) {
  if (is_inherited() || worth_it()) return true;
  statistics_.waits += 1;
  return spin(deadline::never(), deadline::clock::now(), worth_it);
}

// Who wakes because the longest sleep is over lies on while it looks around.
template <class WorthIt, class Notice>
result<void> ring_attachment::sleep_on(sleep_plan plan, const char* operation, WorthIt& worth_it,
                                       Notice& notice) {
  for (;; plan.asks = true) {
    if (plan.asks) {
      result<bool> is_over = notice();
      if (!is_over) return failure{is_over.error()};
      if (*is_over || worth_it()) return {};
      plan.now = deadline::clock::now();
      if (plan.now >= plan.until.when()) return failure{std::errc::timed_out, operation};
      asks_again_ = plan.now + options_.longest_sleep;
    }
    const auto cap = prepare_sleep(ring::rest::parked);
    if (worth_it()) return {};
    // Not beyond the time to ask: however often we are woken until then, a death is noticed then.
    const deadline next = std::min(asks_again_, plan.now + cap);
    if (auto slept = sleep(earlier(plan.until, next)); !slept) return slept;
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
