// The counting form of the seam, for the tool and the benchmarks: the figure "system calls per
// message" comes from here, and the library that people link does not pay for it.

#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "os/syscall_count.hpp"
#include "os/syscall_raw.hpp"

namespace sluice::syscall {

namespace {
// Relaxed: a number for people that orders nothing. The one global of this form.
std::atomic<std::uint64_t> calls{0};
}  // namespace

std::uint64_t calls_so_far() noexcept { return calls.load(std::memory_order_relaxed); }

long raw(long number, long a, long b, long c, long d, long e, long f) noexcept {
  // A plain load and store: threads that race lose a count, never time on a locked instruction.
  calls.store(calls.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  const long outcome = ::syscall(number, a, b, c, d, e, f);
  return outcome < 0 ? -errno : outcome;
}

}  // namespace sluice::syscall
