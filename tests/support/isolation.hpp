#pragma once
// Keeps a test binary apart from everything else that runs: what it kills, and what it leaves.

#include <string>

namespace sluice::test {

/// To be called first in main, before there are threads.
///
///  - A process group of its own, so that the watchdog kills nobody else, and death with its parent
///    (interrupting a test run ends it although the terminal's signal no longer reaches it).
///  - Where this is permitted (root), an IPC namespace and a /dev/shm of its own: whatever is in
///    there after a test was made by that test.
void isolate_this_process();

/// Whether the IPC namespace and /dev/shm are this process's own.
[[nodiscard]] bool has_own_ipc() noexcept;

/// A name that no other process or test uses. It contains the process number: names outside of the
/// private runtime directory must, so that leftovers can be told from those of others.
[[nodiscard]] std::string unique_name();

}  // namespace sluice::test
