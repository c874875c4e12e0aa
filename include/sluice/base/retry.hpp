#pragma once
// The one loop behind everything that waits: try, and where that would block, wait and try again.

#include <sluice/base/deadline.hpp>
#include <sluice/base/error.hpp>
#include <sluice/base/result.hpp>

namespace sluice {

/// Calls `attempt` until it reports something other than would_block; between two calls `wait`
/// waits, at most until `until`. The first attempt is made even if that has passed.
template <class Attempt, class Wait>
auto retry_until(deadline until, Attempt&& attempt, Wait&& wait) -> decltype(attempt()) {
  // One variable and one return: the outcome is made where the caller wants it, and not copied on
  // the way of every message.
  auto outcome = attempt();
  while (!outcome && would_block(outcome.error())) {
    if (result<void> ready = wait(until); !ready) {
      outcome = failure{ready.error()};
      break;
    }
    outcome = attempt();
  }
  return outcome;
}

}  // namespace sluice
