#pragma once
// What a process has used of the machine: processor time, and what getrusage(2) counts.

#include <cstdint>

namespace bench {

struct costs {
  double cpu_seconds = 0;
  std::uint64_t system_calls = 0;  ///< As far as they are counted: call_count.hpp.
  std::uint64_t sleeps = 0;        ///< Voluntary context switches.
  std::uint64_t preemptions = 0;   ///< The others.
  std::uint64_t minor_faults = 0;
  std::uint64_t major_faults = 0;

  [[nodiscard]] static costs so_far() noexcept;
  friend costs operator-(const costs& to, const costs& from) noexcept;
  friend costs operator+(const costs& one, const costs& other) noexcept;
};

}  // namespace bench
