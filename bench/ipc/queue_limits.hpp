#pragma once
// What the kernel lets queues hold on this machine: the same for the library's and for raw ones.

#include <cstddef>
#include <string>

#include "transport.hpp"

namespace bench {

/// Messages up to kernel.msgmax.
[[nodiscard]] size_range system_v_queue_sizes();
/// Messages up to fs.mqueue.msgsize_max.
[[nodiscard]] size_range posix_queue_sizes();
/// As many messages as the memory of the cell, and fs.mqueue.msg_max, allow.
[[nodiscard]] std::size_t posix_queue_messages(const link_options& options);
/// POSIX names have one slash at most; what comes after the directories is ours alone.
[[nodiscard]] std::string posix_name(const std::string& address);

}  // namespace bench
