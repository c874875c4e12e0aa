#pragma once
// Carries out a run: round by round over all cells, until the rounds, the budget or somebody's
// patience end it. What was measured by then is kept.

#include <string>
#include <vector>

#include "contest.hpp"
#include "options.hpp"
#include "supervisor.hpp"
#include "trials.hpp"

namespace bench {

struct run_outcome {
  bool was_interrupted = false;
  bool budget_was_used_up = false;
  std::size_t cells_not_measured = 0;
  double seconds = 0;
};

/// Measures in place. Interleaved: each round visits every cell once, those of a group one after
/// the other, beginning with another one each time.
[[nodiscard]] run_outcome carry_out(std::vector<group>& groups, std::vector<trial_set>& sets,
                                    const run_options& options, supervisor& runner,
                                    const std::string& directory);

}  // namespace bench
