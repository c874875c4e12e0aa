#include <array>
#include <string_view>

#include "channel/system_v_queue_state.hpp"

namespace sluice {

result<system_v_queue_limits> system_v_queue_limits::now() {
  auto found = syscall::queue_limits_now();
  if (!found) return failure{found.error()};
  return system_v_queue_limits{.message_bytes = found->message_bytes,
                               .queue_bytes = found->queue_bytes,
                               .queues = found->queues,
                               .queues_in_use = found->queues_in_use};
}

std::string system_v_queue_limits::explain(const error& reason) const {
  std::string sentence = reason.message();
  const std::string_view hint = reason.hint();
  const auto add = [&](std::string_view sysctl, std::size_t value) {
    if (hint.find(sysctl) == hint.npos) return;
    sentence.append("; ").append(sysctl).append(" = ").append(std::to_string(value));
    if (sysctl == "kernel.msgmni")
      sentence.append(", ").append(std::to_string(queues_in_use)).append(" in use");
  };
  add("kernel.msgmax", message_bytes);
  add("kernel.msgmnb", queue_bytes);
  add("kernel.msgmni", queues);
  return sentence;
}

}  // namespace sluice
