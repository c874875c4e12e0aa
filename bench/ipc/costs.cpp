#include "costs.hpp"

#include <sys/resource.h>

#include "call_count.hpp"
#include "machine.hpp"

namespace bench {

namespace {

std::uint64_t number(long counted) noexcept { return static_cast<std::uint64_t>(counted); }

}  // namespace

costs costs::so_far() noexcept {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  return {.cpu_seconds = bench::cpu_seconds(),
          .system_calls = system_calls_so_far(),
          .sleeps = number(used.ru_nvcsw),
          .preemptions = number(used.ru_nivcsw),
          .minor_faults = number(used.ru_minflt),
          .major_faults = number(used.ru_majflt)};
}

costs operator-(const costs& to, const costs& from) noexcept {
  return {.cpu_seconds = to.cpu_seconds - from.cpu_seconds,
          .system_calls = to.system_calls - from.system_calls,
          .sleeps = to.sleeps - from.sleeps,
          .preemptions = to.preemptions - from.preemptions,
          .minor_faults = to.minor_faults - from.minor_faults,
          .major_faults = to.major_faults - from.major_faults};
}

costs operator+(const costs& one, const costs& other) noexcept {
  return {.cpu_seconds = one.cpu_seconds + other.cpu_seconds,
          .system_calls = one.system_calls + other.system_calls,
          .sleeps = one.sleeps + other.sleeps,
          .preemptions = one.preemptions + other.preemptions,
          .minor_faults = one.minor_faults + other.minor_faults,
          .major_faults = one.major_faults + other.major_faults};
}

}  // namespace bench
