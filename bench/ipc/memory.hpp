#pragma once
// What a channel takes while nothing is in it: memory of the process, memory that is shared, and
// descriptors. Both ends are in one process, so nothing is counted twice. What the kernel keeps of
// its own is not seen: the buffers of pipes and sockets, which grow with what is under way.

#include <string>
#include <vector>

#include "options.hpp"
#include "supervisor.hpp"

namespace bench {

struct memory_use {
  double private_bytes = 0;  ///< Anonymous memory that was touched.
  double shared_bytes = 0;   ///< Of shared mappings, each once, whether it was touched or not.
  double descriptors = 0;
};

struct memory_row {
  std::string name;       ///< "memory/ring_channel"
  std::string transport;  ///< "ring_channel"
  role what = role::rival;
  memory_use each = {};
  bool is_measured = false;
  std::string failure = {};
  std::string unavailable = {};  ///< Why it cannot be had here; empty if it can.
};

/// What options allow.
[[nodiscard]] std::vector<memory_row> all_memory_rows(const run_options& options);

/// Makes several of each in a process of its own, in place. Needs /proc.
void measure_memory(std::vector<memory_row>& rows, const run_options& options,
                    const supervisor& runner, const std::string& directory);

}  // namespace bench
