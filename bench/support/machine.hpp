#pragma once
// The machine that figures come from, and the place of a process on it.

#include <string>
#include <utility>
#include <vector>

namespace bench {

/// What has to stand beside figures: name and value of each fact, for people.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> describe_machine();

/// The cores that this process was allowed to use when it started, lowest first.
[[nodiscard]] const std::vector<int>& allowed_cores();

/// Keeps the calling thread, and what it forks, on one core.
void pin_to(int core);
/// Takes all of the allowed cores again.
void unpin();

/// Makes the scheduler run the calling thread in batches: it does not cut others short when it
/// wakes. For two processes on one core, where each wake-up would otherwise be a matter of luck.
void be_a_batch(bool yes);

/// Processor time that this process has used so far.
[[nodiscard]] double cpu_seconds();

}  // namespace bench
