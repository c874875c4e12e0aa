#include <sluice/channel/system_v_selection.hpp>
#include <utility>

#include "os/syscall.hpp"

namespace sluice {

result<system_v_selection> system_v_selection::over(const system_v_queue& queue,
                                                    message_selection which) {
  if (!which.is_valid())
    return failure{std::errc::invalid_argument, "system_v_selection", "types begin with 1"};
  auto receiver = system_v_queue_receiver::over(queue);
  if (!receiver) return failure{receiver.error()};
  return system_v_selection{std::move(*receiver), which};
}

bool system_v_selection::has_kept() noexcept {
  if (kept_ && kept_->owner != syscall::process_id()) kept_.reset();
  return kept_.has_value();
}

// Takes the next message that is ours out of the queue, where it cannot be looked at.
result<void> system_v_selection::keep(deadline until) {
  while (!has_kept()) {
    auto size = until == deadline::now() ? queue_.try_receive(room_, which_)
                                         : queue_.receive(room_, which_, until);
    if (size) {
      kept_ = {.size = *size, .owner = syscall::process_id()};
    } else if (size.error() == std::errc::no_buffer_space) {
      room_.resize(2 * room_.size());  // kernel.msgmax ends this
    } else {
      return failure{size.error()};
    }
  }
  return {};
}

result<std::size_t> system_v_selection::try_receive(mutable_bytes buffer) {
  if (auto kept = keep(deadline::now()); !kept) return failure{kept.error()};
  if (kept_->size > buffer.size())
    return failure{std::errc::no_buffer_space, "system_v_selection::receive",
                   "next_size() tells how large the buffer must be"};
  const std::size_t size = copy_bytes(const_bytes{room_}.first(kept_->size), buffer);
  kept_.reset();
  return size;
}

result<std::size_t> system_v_selection::next_size() {
  if (auto kept = keep(deadline::now()); !kept) return failure{kept.error()};
  return kept_->size;
}

result<const_bytes> system_v_selection::try_peek() {
  if (auto kept = keep(deadline::now()); !kept) return failure{kept.error()};
  return const_bytes{room_}.first(kept_->size);
}

result<void> system_v_selection::wait_readable(deadline until) {
  auto kept = keep(until);
  if (!kept && would_block(kept.error()))
    return failure{std::errc::timed_out, "system_v_selection::wait_readable"};
  // An end or an error is told by the next verb.
  if (!kept && !(kept.error() == std::errc::timed_out)) return {};
  return kept;
}

}  // namespace sluice
