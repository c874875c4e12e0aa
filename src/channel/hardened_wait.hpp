#pragma once
// How a side of a hardened ring waits: it looks for a while, then says that it sleeps, makes the
// fence, looks once more and sleeps on the other's word, never longer than the cap. Whoever keeps
// waking it with nothing there makes it sleep without listening, longer and longer.

#include <sluice/channel/hardened_side.hpp>
#include <sluice/ring/pause.hpp>

#include "channel/growing_pause.hpp"

namespace sluice {

template <class WorthIt>
bool hardened_side::spin(deadline until, WorthIt& worth_it) {
  constexpr int least_share = 16;  // of the spin that is worth trying
  if (options_.spin.count() <= 0) return false;
  // Looking did not help for long: one short attempt, to learn whether it helps again.
  if (spin_budget_ < options_.spin / least_share) spin_budget_ = options_.spin / least_share;
  const auto last = earlier(until, deadline{spin_budget_});
  // The clock is asked now and then: it costs as much as some ten looks.
  do {
    for (int looks = 0; looks < 16; ++looks) {
      if (worth_it()) {
        statistics_.spun += 1;
        spin_budget_ = options_.spin;
        return true;
      }
      ring::pause();
    }
  } while (!last.has_passed());
  spin_budget_ /= 2;
  return false;
}

template <class WorthIt>
result<void> hardened_side::wait(deadline until, const char* operation, WorthIt worth_it) {
  constexpr int believed = 4;  // wake-ups in vain: the one of an earlier sleep, and some more
  if (is_inherited()) return refused(operation);
  if (is_dropped()) return {};  // the verb says why
  if (worth_it()) return {};
  if (!is_connected()) return failure{std::errc::not_connected, operation, "connect() comes first"};
  statistics_.waits += 1;
  const bool is_wanted_now = until.has_passed();
  if (!is_wanted_now && spin(until, worth_it)) return {};
  growing_pause pauses;
  int in_vain = 0;
  // To ask for a death is a system call: who sleeps and wakes often does it now and then.
  bool asks = is_wanted_now || deadline::clock::now() >= asks_again_;
  for (;; asks = true) {
    if (asks) {
      auto seen = look_at_other();
      if (!seen) return failure{seen.error()};
      if (worth_it()) return {};
      if (until.has_passed()) return failure{std::errc::timed_out, operation};
      asks_again_ = deadline::clock::now() + options_.longest_sleep / 8;
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
