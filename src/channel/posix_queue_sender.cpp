#include <cerrno>
#include <sluice/channel/posix_queue_sender.hpp>

#include "channel/posix_queue_state.hpp"
#include "os/syscall.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "mq_timedsend";

}  // namespace

result<posix_queue_sender> posix_queue_sender::open(std::string_view name,
                                                    const posix_queue_open_options& options) {
  auto known = posix_queue_state::kernel_name(name);
  if (!known) return failure{known.error()};
  auto found = posix_queue_state::open(*known, posix_queue_state::access::write, options);
  if (!found) return failure{found.error()};
  return posix_queue_sender{std::move(found->fd), found->max_message_bytes};
}

result<posix_queue_sender> posix_queue_sender::from_native(unique_fd fd) {
  auto taken = posix_queue_state::adopt(std::move(fd), posix_queue_state::access::write);
  if (!taken) return failure{taken.error()};
  return posix_queue_sender{std::move(taken->fd), taken->max_message_bytes};
}

result<void> posix_queue_sender::send_once(const_bytes message, unsigned priority, bool may_wait) {
  if (message.size() > max_message_bytes_)
    return failure{std::errc::message_size, operation,
                   "beyond max_message_bytes, for which the queue was made"};
  if (priority > highest_priority)
    return failure{std::errc::invalid_argument, operation, "priorities go from 0 to 32767"};
  const long outcome =
      syscall::posix_send_outcome(fd_.get(), message.data(), message.size(), priority, may_wait);
  if (outcome >= 0) [[likely]]
    return {};
  // EAGAIN only where somebody made the description non-blocking.
  if (outcome == -ETIMEDOUT || outcome == -EAGAIN)
    return failure{std::errc::resource_unavailable_try_again, operation,
                   "the queue holds as many messages as it was made for"};
  return syscall::failed(outcome, operation);
}

result<void> posix_queue_sender::wait_writable(deadline until) {
  return syscall::wait_writable(fd_.get(), until);
}

result<void> posix_queue_sender::send(const_bytes message, unsigned priority, deadline until) {
  return retry_until(
      until, [&] { return send_once(message, priority, until.is_never()); },
      [&](deadline d) { return wait_writable(d); });
}

}  // namespace sluice
