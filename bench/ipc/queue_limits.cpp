#include "queue_limits.hpp"

#include <algorithm>
#include <fstream>

namespace bench {

namespace {

std::size_t limit(const char* path, std::size_t usually) {
  std::ifstream file{path};
  std::size_t value = 0;
  return file >> value && value > 0 ? value : usually;
}

}  // namespace

size_range system_v_queue_sizes() {
  return {.from = 0, .to = limit("/proc/sys/kernel/msgmax", 8192)};
}

size_range posix_queue_sizes() {
  return {.from = 0, .to = limit("/proc/sys/fs/mqueue/msgsize_max", 8192)};
}

std::size_t posix_queue_messages(const link_options& options) {
  const std::size_t fit = options.memory_bytes / options.message_bytes;
  return std::clamp<std::size_t>(fit, 1, limit("/proc/sys/fs/mqueue/msg_max", 10));
}

std::string posix_name(const std::string& address) {
  std::string name = address;
  std::ranges::replace(name, '/', '-');
  return "/" + name;
}

}  // namespace bench
