#pragma once
// What the counting form of the seam (syscall_counted.cpp) adds: how many system calls this process
// has made through the library so far.

#include <cstdint>

namespace sluice::syscall {

/// System calls of this process since it started or was forked. Any thread may ask.
[[nodiscard]] std::uint64_t calls_so_far() noexcept;

}  // namespace sluice::syscall
