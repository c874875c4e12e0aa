#pragma once
// The door, part of the living: locks of single bytes, which the kernel frees at a death, the
// at-fork handlers, and the barrier that one thread makes for all. The policy is that of
// syscall.hpp.

#include <cstdint>
#include <sluice/base/result.hpp>

namespace sluice::syscall {

/// Locks one byte for the open description behind `fd`; false when another description has it.
/// Source: fcntl(2), "Open file description locks".
[[nodiscard]] result<bool> try_lock_byte(int fd, std::uint64_t at);
[[nodiscard]] result<void> unlock_byte(int fd, std::uint64_t at);
/// Gives up all locks of the open description, whoever else has a descriptor of it.
void unlock_all(int fd) noexcept;
/// Whether another description has locked the byte.
[[nodiscard]] result<bool> is_byte_locked(int fd, std::uint64_t at);

/// The file offset, which belongs to the open description.
[[nodiscard]] result<std::uint64_t> offset(int fd);
[[nodiscard]] result<void> set_offset(int fd, std::uint64_t to);
[[nodiscard]] result<void> set_close_on_exec(int fd);

/// Has the C library call these whenever the process forks, for good. Source: pthread_atfork(3).
[[nodiscard]] result<void> at_fork(void (*before)(), void (*in_parent)(), void (*in_child)());

/// The barrier of membarrier(2) that reaches every thread of every process that registered for it.
/// Kernels without it, and sandboxes, refuse (`function_not_supported`, `invalid_argument`,
/// `operation_not_permitted`): then both sides need a fence.
[[nodiscard]] result<void> register_for_barriers();
/// A full fence on each processor that runs such a thread now. Needs no registration itself.
[[nodiscard]] result<void> barrier_for_all();

}  // namespace sluice::syscall
