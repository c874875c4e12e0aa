#include <charconv>
#include <sluice/channel/posix_queue.hpp>
#include <string_view>

#include "os/syscall_lasting.hpp"
#include "os/syscall_queues.hpp"

namespace sluice {

namespace {

result<std::size_t> sysctl(const char* path) {
  auto text = syscall::file_text(path);
  if (!text) return failure{text.error()};
  std::size_t value = 0;
  const auto parsed = std::from_chars(text->data(), text->data() + text->size(), value);
  if (parsed.ec != std::errc{}) return failure{errc::corrupt, "read(/proc/sys)"};
  return value;
}

}  // namespace

result<posix_queue_limits> posix_queue_limits::now() {
  auto queues = sysctl("/proc/sys/fs/mqueue/queues_max");
  if (!queues) return failure{queues.error()};
  auto messages = sysctl("/proc/sys/fs/mqueue/msg_max");
  if (!messages) return failure{messages.error()};
  auto bytes = sysctl("/proc/sys/fs/mqueue/msgsize_max");
  if (!bytes) return failure{bytes.error()};
  auto user_bytes = syscall::posix_queue_bytes_limit();
  if (!user_bytes) return failure{user_bytes.error()};
  return posix_queue_limits{.queues = *queues,
                            .capacity_messages = *messages,
                            .message_bytes = *bytes,
                            .user_bytes = *user_bytes};
}

std::string posix_queue_limits::explain(const error& reason) const {
  std::string sentence = reason.message();
  const std::string_view hint = reason.hint();
  const auto add = [&](std::string_view limit, std::size_t value) {
    if (hint.find(limit) == hint.npos) return;
    sentence.append("; ").append(limit).append(" = ").append(std::to_string(value));
  };
  add("fs.mqueue.queues_max", queues);
  add("fs.mqueue.msg_max", capacity_messages);
  add("fs.mqueue.msgsize_max", message_bytes);
  add("RLIMIT_MSGQUEUE", user_bytes);
  return sentence;
}

}  // namespace sluice
