#pragma once
// The seam under the kernel door: one function through which every system call of the library goes.
// It is linked in one of three forms: plain (the library), counting (the tool and the benchmarks),
// failing on demand (tests). Nothing but src/os/syscall.cpp and the floors of the benchmarks calls
// it.

namespace sluice::syscall {

/// System call `number` with its arguments as the kernel takes them (syscall(2)). Returns what the
/// kernel returned, or minus the errno. No retry, no policy.
[[nodiscard]] long raw(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                       long f = 0) noexcept;

}  // namespace sluice::syscall
