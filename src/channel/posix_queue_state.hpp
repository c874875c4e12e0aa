#pragma once
// What queue, sender and receiver of POSIX do to come to a descriptor.

#include <sluice/channel/posix_queue.hpp>

#include "os/syscall_queues.hpp"

namespace sluice::posix_queue_state {

struct opened {
  unique_fd fd;
  file_identity identity;
  std::size_t max_message_bytes = 0;
};

using access = syscall::queue_access;

/// The name as the kernel takes it, without the slash; refuses what can be none.
[[nodiscard]] result<std::string> kernel_name(std::string_view name);

/// Opens a queue and checks whose it is and who may write to it.
[[nodiscard]] result<opened> open(const std::string& kernel_name, access how,
                                  const posix_queue_open_options& options);

/// Takes over a descriptor: it must be a queue, and allow this access.
[[nodiscard]] result<opened> adopt(unique_fd fd, access how);

}  // namespace sluice::posix_queue_state
