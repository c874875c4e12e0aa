#include "channel/system_v_queue_state.hpp"

#include <cerrno>

namespace sluice::system_v_queue_state {

bool is_removed(long outcome) noexcept { return outcome == -EIDRM || outcome == -EINVAL; }

bool is_removed(const error& reason) noexcept {
  return reason == std::errc::identifier_removed || reason == std::errc::invalid_argument;
}

failure removed(const char* operation) noexcept {
  return {errc::removed, operation, "the queue was removed (ipcrm, or its owner's end)"};
}

system_v_queue_identity identity_of(const syscall::queue_record& found) noexcept {
  return {.id = found.id, .key = found.key, .creator = found.creator};
}

result<syscall::queue_record> inspect(int id) {
  auto found = syscall::queue_inspect(id);
  if (!found && is_removed(found.error())) return removed("msgctl(IPC_STAT)");
  return found;
}

result<syscall::queue_record> inspect(const system_v_queue_identity& known) {
  auto found = inspect(known.id);
  if (found && identity_of(*found) != known)
    return failure{errc::removed, "msgctl(IPC_STAT)",
                   "the queue was removed, and its number given to another one"};
  return found;
}

}  // namespace sluice::system_v_queue_state
