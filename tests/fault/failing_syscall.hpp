#pragma once
// The failing form of the seam under the kernel door (src/os/syscall_raw.hpp): while a fault_plan
// stands, system calls of the library in this process fail, come back short, or are counted, as the
// plan says. Without a plan this form is the plain one.

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <vector>

namespace sluice::test {

/// Which system calls are struck, and how.
struct fault {
  static constexpr std::uint64_t always = std::numeric_limits<std::uint64_t>::max();

  /// The numbers (SYS_openat ...) of the calls it is meant for; empty: any that can fail.
  std::vector<long> calls = {};
  /// Not 0: only calls of preadv2 and pwritev2 with one of these RWF_ flags.
  int with_flags = 0;
  /// The first of these calls that is struck, counted from 1; then every `every`-th, `times` times.
  std::uint64_t first = 1;
  std::uint64_t every = 1;
  std::uint64_t times = always;
  /// What a struck call reports instead of being made. A struck close(2) closes all the same, as it
  /// does on Linux.
  int error_number = 0;
  /// Where `error_number` is 0: a struck read or write moves at most this many bytes.
  std::size_t at_most_bytes = 0;
};

/// Strikes the library's system calls while it stands.
///
/// *Semantics*: one plan at a time; the first of its faults that fits strikes. Calls that cannot
/// fail (getpid, geteuid, the signal mask) are counted and never struck. *Threads*: calls from any
/// thread; made and dropped by one while no other calls. *Errors*: none. *Lifetime*: a forked child
/// is not concerned. *Crash*: nothing remains.
class fault_plan {
 public:
  fault_plan() : fault_plan(std::vector<fault>{}) {}
  explicit fault_plan(fault one) : fault_plan(std::vector<fault>{std::move(one)}) {}
  explicit fault_plan(std::vector<fault> faults);
  fault_plan(const fault_plan&) = delete;
  fault_plan& operator=(const fault_plan&) = delete;
  ~fault_plan();

  /// System calls since it stands, struck or not.
  [[nodiscard]] std::uint64_t calls() const noexcept { return calls_.load(); }
  /// How many of them with this number.
  [[nodiscard]] std::uint64_t calls_of(long number) const noexcept;
  /// How many were struck.
  [[nodiscard]] std::uint64_t struck() const noexcept { return struck_.load(); }
  /// The number of the first call that was struck, or -1.
  [[nodiscard]] long first_struck() const noexcept { return first_struck_.load(); }

  /// One system call under the plan: what raw() does while it stands.
  [[nodiscard]] long make(long number, const long (&arguments)[6]) noexcept;
  [[nodiscard]] bool concerns_this_process() const noexcept;

 private:
  struct counted_fault {
    fault what;
    std::atomic<std::uint64_t> seen{0};
    std::atomic<std::uint64_t> done{0};
  };
  [[nodiscard]] const fault* striking(long number, const long (&arguments)[6]) noexcept;

  static constexpr std::size_t highest_number = 512;
  std::deque<counted_fault> faults_;
  pid_t owner_;
  std::atomic<std::uint64_t> calls_{0};
  std::atomic<std::uint64_t> struck_{0};
  std::atomic<long> first_struck_{-1};
  std::vector<std::atomic<std::uint64_t>> calls_by_number_;
};

}  // namespace sluice::test
