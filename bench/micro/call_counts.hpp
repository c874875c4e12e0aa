#pragma once
// System calls per message. They are counted by a twin of this program, sluice_bench_micro_counted,
// that is linked with the counting form of the library: so the program that keeps the time runs the
// library that users link, without a counter in it. What is counted does not depend on who counts:
// both make the same cells from the same objects.

#include <optional>
#include <string>

namespace bench {

/// Calls per message; the halves of both sides.
struct call_counts {
  double sluice_sender = 0;
  double sluice_receiver = 0;
  double raw_sender = 0;
  double raw_receiver = 0;
};

/// Lets the twin count for the cell of that name; nothing if there is no twin beside this program.
[[nodiscard]] std::optional<call_counts> counts_of(const std::string& cell_name);

}  // namespace bench
