#pragma once
// The part of a wait that makes no system call: who waits looks again and again, as long as it has
// learnt that this may help.

#include <sluice/base/deadline.hpp>
#include <sluice/ring/patience.hpp>
#include <sluice/ring/pause.hpp>

namespace sluice {

/// Whether `worth_it()` became true while looking, in a wait that began at `began`.
template <class WorthIt>
[[nodiscard]] bool look_patiently(ring::patience& patience, deadline until,
                                  deadline::clock::time_point began, WorthIt& worth_it) {
  const std::chrono::nanoseconds longest = patience.next();
  if (longest.count() <= 0) return false;
  const auto last = earlier(until, deadline{began + longest}).when();
  // The clock is asked now and then: it costs as much as some ten looks.
  for (auto now = began; now < last; now = deadline::clock::now()) {
    for (int looks = 0; looks < 16; ++looks) {
      if (worth_it()) {
        patience.looked_with_success(now - began);
        return true;
      }
      ring::pause();
    }
  }
  patience.looked_in_vain();
  return false;
}

}  // namespace sluice
