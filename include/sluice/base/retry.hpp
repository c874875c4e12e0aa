#pragma once
// The one loop behind everything that waits: try, and where that would block, wait and try again.

#include <sluice/base/deadline.hpp>
#include <sluice/base/error.hpp>
#include <sluice/base/result.hpp>

namespace sluice {

/// The rest of `retry_until` after a first attempt that failed. Apart from it, and never inline, so
/// that the attempt that succeeds is all that the caller's code has to hold.
template <class Outcome, class Attempt, class Wait>
[[gnu::noinline, gnu::cold]] void wait_and_retry(Outcome& outcome, deadline until, Attempt& attempt,
                                                 Wait& wait) {
  while (!outcome && would_block(outcome.error())) {
    if (result<void> ready = wait(until); !ready) {
      outcome = failure{ready.error()};
      return;
    }
    outcome = attempt();
  }
}

/// Calls `attempt` until it reports something other than would_block; between two calls `wait`
/// waits, at most until `until`. The first attempt is made even if that has passed.
template <class Attempt, class Wait>
auto retry_until(deadline until, Attempt&& attempt, Wait&& wait) -> decltype(attempt()) {
  // One variable and one return: the outcome is made where the caller wants it, and not copied.
  auto outcome = attempt();
  if (!outcome) [[unlikely]]
    wait_and_retry(outcome, until, attempt, wait);
  return outcome;
}

}  // namespace sluice
