#pragma once
// How a side of a hardened ring waits: it looks for a while, then says that it sleeps, makes the
// fence, looks once more and sleeps on the other's word, never longer than the cap. Whoever keeps
// waking it with nothing there makes it sleep without listening, longer and longer.

#include <sluice/channel/hardened_side.hpp>

#include "channel/growing_pause.hpp"
#include "channel/patient_look.hpp"

namespace sluice {

template <class WorthIt>
result<void> hardened_side::wait(deadline until, const char* operation, WorthIt worth_it) {
  if (is_inherited()) return refused(operation);
  if (is_dropped()) return {};  // the verb says why
  if (worth_it()) return {};
  if (!is_connected()) return failure{std::errc::not_connected, operation, "connect() comes first"};
  statistics_.waits += 1;
  const auto began = deadline::clock::now();
  const bool is_wanted_now = began >= until.when();
  if (!is_wanted_now && look_patiently(patience_, until, began, worth_it)) {
    statistics_.spun += 1;
    return {};
  }
  // To ask for a death is a system call: who sleeps and wakes often does it now and then.
  const bool asks = is_wanted_now || began >= asks_again_;
  auto slept = sleep_on(until, operation, asks, worth_it);
  patience_.slept(deadline::clock::now() - began, slept.has_value());
  return slept;
}

template <class WorthIt>
result<void> hardened_side::sleep_on(deadline until, const char* operation, bool asks,
                                     WorthIt& worth_it) {
  constexpr int believed = 4;  // wake-ups in vain: the one of an earlier sleep, and some more
  growing_pause pauses;
  int in_vain = 0;
  for (;; asks = true) {
    if (asks) {
      auto seen = look_at_other();
      if (!seen) return failure{seen.error()};
      if (worth_it()) return {};
      if (until.has_passed()) return failure{std::errc::timed_out, operation};
      asks_again_ = deadline{options_.longest_sleep}.when();
    }
    const std::uint32_t before = lie_down();
    if (worth_it()) {
      get_up();
      return {};
    }
    auto woken = sleep(before, until);
    if (!woken) return failure{woken.error()};
    if (worth_it()) return {};
    if (!*woken || ++in_vain < believed) continue;
    if (auto paused = pause(pauses.next(until)); !paused) return paused;
  }
}

}  // namespace sluice
