#pragma once
// What a run says: a table for people, and everything for programs.

#include <string>
#include <vector>

#include "contest.hpp"
#include "options.hpp"
#include "trials.hpp"

namespace bench {

/// The machine, the command, what is not there, and how to read what follows.
void print_heading(const std::vector<std::string>& command, const run_options& options);
/// One table per group, and at its end what failed, what was thrown away and what was left out.
void print_tables(const std::vector<group>& groups);

/// The same of what was measured with crews.
void print_trials(const std::vector<trial_set>& sets);

/// "floor", "rival", "ours".
[[nodiscard]] const char* role_name(role what) noexcept;

/// All figures of all rounds. Throws when the file cannot be written.
void write_json(const std::vector<group>& groups, const std::vector<trial_set>& sets,
                const std::vector<std::string>& command, const run_options& options);

}  // namespace bench
