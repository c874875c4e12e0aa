#pragma once
// What a run says: a table for people, and everything for programs.

#include <stdexcept>
#include <string>
#include <vector>

#include "contest.hpp"
#include "memory.hpp"
#include "options.hpp"
#include "run.hpp"
#include "trials.hpp"

namespace bench {

/// The machine, the command, what is not there, and how to read what follows.
void print_heading(const std::vector<std::string>& command, const run_options& options);
/// One table per group, and at its end what failed, what was thrown away and what was left out.
void print_tables(const std::vector<group>& groups);

/// The same of what was measured with crews.
void print_trials(const std::vector<trial_set>& sets);

/// What each channel takes while it is idle.
void print_memory(const std::vector<memory_row>& rows);

/// How the run ended, if it ended early.
void print_outcome(const run_outcome& outcome);

/// Whether this program counts the system calls of that transport.
[[nodiscard]] bool calls_are_counted(const transport& one) noexcept;
/// "floor", "rival", "ours".
[[nodiscard]] const char* role_name(role what) noexcept;

struct results {
  const std::vector<group>& groups;
  const std::vector<trial_set>& sets;
  const std::vector<memory_row>& memory;
  const run_outcome& outcome;
};

/// The results are lost, or a part of them.
struct cannot_write : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// All figures of all rounds. Throws `cannot_write`.
void write_json(const results& all, const std::vector<std::string>& command,
                const run_options& options);

}  // namespace bench
