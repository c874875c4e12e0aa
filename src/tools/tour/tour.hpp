#pragma once
// `sluice tour`: real input through every mechanism, between real processes, verified.

#include <cstddef>
#include <string>
#include <vector>

#include "tools/tool_failure.hpp"

namespace sluice::tour {

struct tour_options {
  std::vector<std::string> paths;       ///< What to send: files and directories.
  std::vector<std::string> mechanisms;  ///< Only these, by name; empty: all.
  std::size_t limit_bytes = 0;
  bool json = false;
};

/// One line per mechanism.
[[nodiscard]] std::string list_of_mechanisms();

/// Runs the tour and prints it. Throws `tools::tool_failure` where it cannot.
[[nodiscard]] tools::exit_code run_tour(const tour_options& options);

}  // namespace sluice::tour
