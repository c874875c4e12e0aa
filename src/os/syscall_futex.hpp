#pragma once
// The door, futex part: sleeping on a word of shared memory until somebody changes it. The policy
// is that of syscall.hpp. Source: futex(2).

#include <atomic>
#include <cstdint>
#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>

namespace sluice::syscall {

/// Sleeps while `word` is `expected`, in whatever process it is changed and woken. Success says
/// only that it is worth looking again; `timed_out` once the deadline (monotonic) passed.
[[nodiscard]] result<void> futex_wait(const std::atomic<std::uint32_t>& word,
                                      std::uint32_t expected, deadline until);

/// Wakes all who sleep on `word`. Reports nothing: a sleeper looks again by itself anyway.
void futex_wake_all(const std::atomic<std::uint32_t>& word) noexcept;

/// Wakes one of them, if there is one: whether somebody was woken, who may be killed before it
/// runs.
bool futex_wake_one(const std::atomic<std::uint32_t>& word) noexcept;

}  // namespace sluice::syscall
