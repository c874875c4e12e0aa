#pragma once
// The small programs over ring/ that are explored. Each is a few operations of two or three
// threads, with everything in its way that the protocol must cope with.

#include <vector>

#include "explorer.hpp"

namespace sluice::weak {

[[nodiscard]] std::vector<program> log_programs();
[[nodiscard]] std::vector<program> lane_programs();
[[nodiscard]] std::vector<program> topic_programs();
[[nodiscard]] std::vector<program> waiting_programs();

/// Those of waiting, each with a mistake.
[[nodiscard]] std::vector<program> mistaken_programs();

[[nodiscard]] inline std::vector<program> all_programs() {
  std::vector<program> all = log_programs();
  for (const auto& more : {lane_programs(), topic_programs(), waiting_programs()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace sluice::weak
