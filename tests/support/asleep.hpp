#pragma once
// Waiting for somebody else to wait, by looking instead of hoping.

#include <sys/types.h>

namespace sluice::test {

/// The calling thread's number.
[[nodiscard]] pid_t this_thread_id() noexcept;

/// Returns once the kernel says that this thread sleeps in a system call. A process number stands
/// for the process's first thread.
void wait_until_asleep(pid_t thread);
/// The same of somebody who may also have ended, reaped or not.
void wait_until_asleep_or_dead(pid_t thread);

}  // namespace sluice::test
