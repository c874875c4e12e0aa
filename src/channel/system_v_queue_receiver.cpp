#include <algorithm>
#include <cerrno>
#include <cstring>
#include <sluice/channel/system_v_queue_receiver.hpp>

#include "channel/growing_pause.hpp"
#include "channel/system_v_queue_state.hpp"
#include "os/syscall.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "msgrcv";

namespace state = system_v_queue_state;

// As msgrcv(2) takes a selection.
struct asked {
  long type = 0;
  int flags = 0;
};

asked to_kernel(message_selection which) noexcept {
  switch (which.what()) {
    case message_selection::kind::any:
      break;
    case message_selection::kind::exactly:
      return {.type = which.type()};
    case message_selection::kind::lowest_up_to:
      return {.type = -which.type()};
    case message_selection::kind::all_except:
      return {.type = which.type(), .flags = syscall::queue_except};
  }
  return {};
}

failure too_small() noexcept {
  return {std::errc::no_buffer_space, "system_v_queue_receiver::receive",
          "next_size() tells how large the buffer must be"};
}

}  // namespace

result<system_v_queue_receiver> system_v_queue_receiver::open(
    const system_v_name& name, const system_v_queue_open_options& options) {
  auto queue = system_v_queue::open(name, options);
  if (!queue) return failure{queue.error()};
  return over(*queue);
}

result<system_v_queue_receiver> system_v_queue_receiver::over(const system_v_queue& queue) {
  auto limits = syscall::queue_limits_now();
  if (!limits) return failure{limits.error()};
  system_v_queue_receiver made{queue.identity()};
  made.room_.resize(sizeof(long) + limits->message_bytes);
  return made;
}

failure system_v_queue_receiver::refused(long outcome) noexcept {
  if (outcome == -ENOMSG) return {std::errc::resource_unavailable_try_again, operation};
  if (state::is_removed(outcome)) {
    removed_ = true;
    return state::removed(operation);
  }
  if (outcome == -EACCES)
    return error::from_errno(EACCES, operation, "we may not read from this queue");
  return syscall::failed(outcome, operation);
}

// Receives a message of at most `most` bytes into the room, which grows where it must. The kernel
// leaves a longer one where it is, since it is never told MSG_NOERROR.
result<std::size_t> system_v_queue_receiver::take(std::size_t most, message_selection which,
                                                  bool may_wait) {
  const asked what = to_kernel(which);
  const int flags = what.flags | (may_wait ? 0 : syscall::queue_no_wait);
  for (;;) {
    const std::size_t size = std::min(most, room_.size() - sizeof(long));
    const long outcome =
        syscall::queue_receive_outcome(queue_.id, room_.data(), size, what.type, flags);
    if (outcome >= 0) [[likely]] {
      std::memcpy(&last_type_, room_.data(), sizeof last_type_);
      return static_cast<std::size_t>(outcome);
    }
    if (outcome != -E2BIG) return refused(outcome);
    if (size == most) return too_small();
    room_.resize(sizeof(long) + std::min(most, 2 * size + 1));
  }
}

// Whether a message is kept that is ours to hand out.
bool system_v_queue_receiver::has_kept() noexcept {
  if (!kept_) [[likely]]
    return false;
  if (kept_->owner != syscall::process_id()) kept_.reset();
  return kept_.has_value();
}

// The oldest message, whatever its type and size: so whichever selection takes its type takes it
// before all that are in the queue, except that a lower type may have come.
result<void> system_v_queue_receiver::keep() {
  if (has_kept()) return {};
  if (removed_) return state::removed(operation);
  auto size = take(static_cast<std::size_t>(PTRDIFF_MAX), message_selection::any(), false);
  if (!size) return failure{size.error()};
  std::swap(room_, kept_bytes_);
  if (room_.size() < kept_bytes_.size()) room_.resize(kept_bytes_.size());
  kept_ = {.size = *size, .type = last_type_, .owner = syscall::process_id()};
  return {};
}

result<std::size_t> system_v_queue_receiver::receive_once(mutable_bytes buffer,
                                                          message_selection which, bool may_wait) {
  if (!which.is_valid())
    return failure{std::errc::invalid_argument, operation, "the type of a message is above 0"};
  if (has_kept() && which.takes(kept_->type)) {
    if (which.what() == message_selection::kind::lowest_up_to && kept_->type > 1 && !removed_) {
      auto size = take(buffer.size(), message_selection::lowest_up_to(kept_->type - 1), false);
      if (size) copy_bytes(const_bytes{room_}.subspan(sizeof(long), *size), buffer);
      if (size || !would_block(size.error())) return size;
    }
    if (kept_->size > buffer.size()) return too_small();
    last_type_ = kept_->type;
    const std::size_t size = kept_->size;
    kept_.reset();
    return copy_bytes(const_bytes{kept_bytes_}.subspan(sizeof(long), size), buffer);
  }
  if (removed_) return state::removed(operation);
  auto size = take(buffer.size(), which, may_wait);
  if (size) copy_bytes(const_bytes{room_}.subspan(sizeof(long), *size), buffer);
  return size;
}

result<std::size_t> system_v_queue_receiver::next_size() {
  if (auto kept = keep(); !kept) return failure{kept.error()};
  return kept_->size;
}

result<const_bytes> system_v_queue_receiver::try_peek() {
  if (auto kept = keep(); !kept) return failure{kept.error()};
  last_type_ = kept_->type;
  return const_bytes{kept_bytes_}.subspan(sizeof(long), kept_->size);
}

// Not empty either when it was removed: the next call reports that.
result<bool> system_v_queue_receiver::is_empty() {
  auto found = state::inspect(queue_);
  if (found) return found->messages == 0;
  if (!(found.error() == errc::removed)) return failure{found.error()};
  removed_ = true;
  return false;
}

result<void> system_v_queue_receiver::wait_readable(deadline until) {
  if (has_kept() || removed_) return {};
  if (until.is_never()) {
    // Sleeps until there is a message, and leaves it there: with room for nothing only one without
    // bytes is handed out.
    constexpr std::size_t nothing = 0;
    auto size = take(nothing, message_selection::any(), true);
    if (size) {
      kept_ = {.size = 0, .type = last_type_, .owner = syscall::process_id()};
      if (kept_bytes_.size() < sizeof(long)) kept_bytes_.resize(sizeof(long));
      return {};
    }
    // What the verb reports, too.
    if (size.error() == std::errc::no_buffer_space || size.error() == errc::removed) return {};
    return failure{size.error()};
  }
  growing_pause pause;
  for (;;) {
    auto empty = is_empty();
    if (!empty) return failure{empty.error()};
    if (!*empty) return {};
    if (until.has_passed()) return failure{std::errc::timed_out, "wait_readable"};
    if (auto slept = syscall::sleep(pause.next(until)); !slept) return slept;
  }
}

result<std::size_t> system_v_queue_receiver::receive(mutable_bytes buffer, message_selection which,
                                                     deadline until) {
  growing_pause pause;
  return retry_until(
      until, [&] { return receive_once(buffer, which, until.is_never()); },
      [&](deadline d) -> result<void> {
        // Other types may be there, so this only tells whether the queue is.
        auto empty = is_empty();
        if (!empty) return failure{empty.error()};
        if (removed_) return {};
        if (d.has_passed()) return failure{std::errc::timed_out, operation};
        return syscall::sleep(pause.next(d));
      });
}

}  // namespace sluice
