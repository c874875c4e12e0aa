#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sluice/channel/system_v_queue_sender.hpp>
#include <utility>

#include "channel/growing_pause.hpp"
#include "channel/system_v_queue_state.hpp"
#include "os/syscall.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "msgsnd";

namespace state = system_v_queue_state;

}  // namespace

result<system_v_queue_sender> system_v_queue_sender::open(
    const system_v_name& name, const system_v_queue_open_options& options) {
  auto queue = system_v_queue::open(name, options);
  if (!queue) return failure{queue.error()};
  return over(*queue);
}

result<system_v_queue_sender> system_v_queue_sender::over(const system_v_queue& queue) {
  system_v_queue_sender made{queue.identity()};
  if (auto learnt = made.learn_limits(); !learnt) return failure{learnt.error()};
  return made;
}

result<void> system_v_queue_sender::learn_limits() {
  auto limits = syscall::queue_limits_now();
  if (!limits) return failure{limits.error()};
  auto found = state::inspect(queue_);
  if (!found) return failure{found.error()};
  max_message_bytes_ = std::min(limits->message_bytes, found->capacity_bytes);
  staged_.resize(sizeof(long) + max_message_bytes_);
  return {};
}

// Limits may have been raised or lowered since they were looked at.
result<void> system_v_queue_sender::check_size(std::size_t bytes) {
  if (auto learnt = learn_limits(); !learnt) return learnt;
  if (bytes <= max_message_bytes_) return {};
  return failure{std::errc::message_size, operation,
                 "beyond the sysctl kernel.msgmax, or the capacity of the queue"};
}

result<void> system_v_queue_sender::send_once(const_bytes message, long type, bool may_wait) {
  if (removed_) return state::removed(operation);
  if (type < 1)
    return failure{std::errc::invalid_argument, operation, "the type of a message is above 0"};
  if (message.size() > max_message_bytes_) {
    if (auto fits = check_size(message.size()); !fits) return fits;
  }
  std::memcpy(staged_.data(), &type, sizeof type);
  copy_bytes(message, mutable_bytes{staged_}.subspan(sizeof type));
  if (may_wait) return send_and_wait(message.size());
  const long outcome = syscall::queue_send_outcome(queue_.id, staged_.data(), message.size(),
                                                   syscall::queue_no_wait);
  if (outcome >= 0) [[likely]]
    return {};
  return refused(outcome, message.size());
}

// A message larger than the queue would wait for ever: `message_size`. And it is learnt after how
// much more the queue will be full, if nobody receives meanwhile.
result<void> system_v_queue_sender::look_before_sleep(std::size_t bytes) {
  auto found = state::inspect(queue_);
  if (!found) {
    removed_ = removed_ || found.error() == errc::removed;
    return failure{found.error()};
  }
  if (bytes > found->capacity_bytes) {
    if (auto fits = check_size(bytes); !fits) return fits;
  }
  const std::size_t room = found->capacity_bytes - std::min(found->bytes, found->capacity_bytes);
  if (found->messages == 0) {
    likely_full_at_ = unlimited;  // the receiver keeps up
  } else if (bytes <= room) {
    likely_full_at_ = sent_bytes_ + room;
  } else {
    likely_full_at_ = std::exchange(sent_bytes_, 0);
  }
  return {};
}

// The kernel copies a message before it finds no room for it. So where the queue is likely to be
// full, the look that a sleep needs comes first, and the message is given to the kernel once.
result<void> system_v_queue_sender::send_and_wait(std::size_t bytes) {
  long outcome = -EAGAIN;
  if (bytes <= likely_full_at_ - std::min(sent_bytes_, likely_full_at_)) [[likely]]
    outcome = syscall::queue_send_outcome(queue_.id, staged_.data(), bytes, syscall::queue_no_wait);
  if (outcome == -EAGAIN) [[unlikely]] {
    if (auto fits = look_before_sleep(bytes); !fits) return fits;
    outcome = syscall::queue_send_outcome(queue_.id, staged_.data(), bytes, 0);
  }
  if (outcome < 0) [[unlikely]]
    return refused(outcome, bytes);
  sent_bytes_ += bytes;
  return {};
}

result<void> system_v_queue_sender::refused(long outcome, std::size_t bytes) {
  if (outcome == -EAGAIN) {
    wanted_bytes_ = bytes;
    return failure{error::from_errno(EAGAIN, operation,
                                     "the queue is full; its capacity is what the sysctl "
                                     "kernel.msgmnb said when it was made, or what was set")};
  }
  if (outcome == -EINVAL) {
    // Said of a message that is too large, too.
    auto fits = check_size(bytes);
    if (!fits && !(fits.error() == errc::removed)) return fits;
  }
  if (state::is_removed(outcome)) {
    removed_ = true;
    return state::removed(operation);
  }
  if (outcome == -EACCES)
    return failure{error::from_errno(EACCES, operation, "we may not write to this queue")};
  return syscall::failed(outcome, operation);
}

result<void> system_v_queue_sender::wait_writable(deadline until) {
  growing_pause pause;
  while (!removed_) {
    auto found = state::inspect(queue_);
    if (!found && found.error() == errc::removed) {
      removed_ = true;  // which the next send reports
      break;
    }
    if (!found) return failure{found.error()};
    // As the kernel reckons, which also counts every message as a byte.
    const bool fits = found->bytes + wanted_bytes_ <= found->capacity_bytes &&
                      found->messages < found->capacity_bytes;
    if (fits) break;
    if (wanted_bytes_ > found->capacity_bytes) {
      max_message_bytes_ = found->capacity_bytes;  // which the next send reports
      break;
    }
    if (until.has_passed())
      return failure{std::errc::timed_out, "wait_writable", "the queue stays full"};
    if (auto slept = syscall::sleep(pause.next(until)); !slept) return slept;
  }
  return {};
}

result<void> system_v_queue_sender::send(const_bytes message, long type, deadline until) {
  return retry_until(
      until, [&] { return send_once(message, type, until.is_never()); },
      [&](deadline d) { return wait_writable(d); });
}

}  // namespace sluice
