#pragma once
// System calls, as far as they can be counted without slowing down what is timed: those of the raw
// floors at the place where they are made, those of the library by the counting form of its kernel
// door, which only sluice_bench_counted is linked with. What other libraries do inside is unknown.

#include <cstdint>
#include <utility>

namespace bench {

/// Of this process, by raw floors. One thread makes them.
inline std::uint64_t raw_calls = 0;

/// Makes a system call and counts it.
template <class Call>
auto counted(Call&& call) noexcept(noexcept(call())) {
  ++raw_calls;
  return std::forward<Call>(call)();
}

/// Of this process: raw ones, and where this program counts them those of the library.
[[nodiscard]] std::uint64_t system_calls_so_far() noexcept;
/// Whether this program is the one that counts calls of the library.
[[nodiscard]] bool counts_library_calls() noexcept;

}  // namespace bench
