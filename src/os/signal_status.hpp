#pragma once
// What /proc tells of signals: what a process holds back, how full its queue is, and which signals
// a descriptor receives.

#include <sys/types.h>

#include <cstdint>
#include <sluice/base/result.hpp>

namespace sluice::signal_status {

struct status {
  std::uint64_t blocked = 0;  ///< By the main thread, which the kernel asks first.
  std::uint64_t queued = 0;   ///< Signals pending for the user of the process.
  std::uint64_t limit = 0;    ///< RLIMIT_SIGPENDING of the process.
};

/// By number: who holds a handle on the process checks afterwards that it still lives.
[[nodiscard]] result<status> of_process(pid_t id);

/// The set that a signalfd receives; `invalid_argument` when it is none.
[[nodiscard]] result<std::uint64_t> of_descriptor(int fd);

}  // namespace sluice::signal_status
