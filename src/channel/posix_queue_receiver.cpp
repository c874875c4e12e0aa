#include <cerrno>
#include <sluice/channel/posix_queue_receiver.hpp>

#include "channel/posix_queue_state.hpp"
#include "os/syscall.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "mq_timedreceive";

}  // namespace

result<posix_queue_receiver> posix_queue_receiver::open(std::string_view name,
                                                        const posix_queue_open_options& options) {
  auto known = posix_queue_state::kernel_name(name);
  if (!known) return failure{known.error()};
  auto found = posix_queue_state::open(*known, posix_queue_state::access::read, options);
  if (!found) return failure{found.error()};
  return posix_queue_receiver{std::move(found->fd), found->max_message_bytes};
}

result<posix_queue_receiver> posix_queue_receiver::from_native(unique_fd fd) {
  auto taken = posix_queue_state::adopt(std::move(fd), posix_queue_state::access::read);
  if (!taken) return failure{taken.error()};
  return posix_queue_receiver{std::move(taken->fd), taken->max_message_bytes};
}

// `into` must be as large as the largest message of the queue.
result<std::size_t> posix_queue_receiver::take(mutable_bytes into, bool may_wait) {
  const long outcome =
      syscall::posix_receive_outcome(fd_.get(), into.data(), into.size(), last_priority_, may_wait);
  if (outcome >= 0) [[likely]]
    return static_cast<std::size_t>(outcome);
  // EAGAIN only where somebody made the description non-blocking.
  if (outcome == -ETIMEDOUT || outcome == -EAGAIN) {
    ahead_.set(false);
    return failure{std::errc::resource_unavailable_try_again, operation};
  }
  return syscall::failed(outcome, operation);
}

// Whether a message is kept that is ours to hand out.
bool posix_queue_receiver::has_kept() noexcept {
  if (!kept_) [[likely]]
    return false;
  if (kept_->owner != syscall::process_id()) kept_.reset();
  return kept_.has_value();
}

result<void> posix_queue_receiver::keep(bool may_wait) {
  if (has_kept()) return {};
  auto size = take(room_, may_wait);
  if (!size) return failure{size.error()};
  kept_ = {.size = *size, .priority = last_priority_, .owner = syscall::process_id()};
  ahead_.set(true);
  return {};
}

result<std::size_t> posix_queue_receiver::receive_once(mutable_bytes buffer, bool may_wait) {
  if (!kept_ && buffer.size() >= room_.size()) [[likely]]
    return take(buffer, may_wait);
  if (auto kept = keep(may_wait); !kept) return failure{kept.error()};
  if (kept_->size > buffer.size())
    return failure{std::errc::no_buffer_space, "posix_queue_receiver::receive",
                   "next_size() tells how large the buffer must be"};
  last_priority_ = kept_->priority;
  const std::size_t size = kept_->size;
  kept_.reset();
  return copy_bytes(const_bytes{room_}.first(size), buffer);
}

result<std::size_t> posix_queue_receiver::next_size() {
  if (auto kept = keep(false); !kept) return failure{kept.error()};
  return kept_->size;
}

result<const_bytes> posix_queue_receiver::try_peek() {
  if (auto kept = keep(false); !kept) return failure{kept.error()};
  last_priority_ = kept_->priority;
  return const_bytes{room_}.first(kept_->size);
}

result<void> posix_queue_receiver::wait_readable(deadline until) {
  if (has_kept()) return {};
  return syscall::wait_readable(fd_.get(), until);
}

}  // namespace sluice
