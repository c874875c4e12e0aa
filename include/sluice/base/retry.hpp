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
  for (;;) {
    auto outcome = attempt();
    if (outcome || !would_block(outcome.error())) return outcome;
    if (result<void> ready = wait(until); !ready) return failure{ready.error()};
  }
}

}  // namespace sluice
