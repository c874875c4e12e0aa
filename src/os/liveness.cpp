#include <cassert>
#include <sluice/os/liveness.hpp>
#include <utility>

#include "os/own_description.hpp"
#include "os/syscall_liveness.hpp"

namespace sluice {

namespace {

// Behind everything that a file can hold on Linux, and with room for all slots below 2^63: nobody's
// locks of data come here but those of "the whole file, however long".
constexpr std::uint64_t first_slot = std::uint64_t{1} << 62;
constexpr std::uint64_t byte_of(std::uint32_t slot) noexcept { return first_slot + slot; }

failure inherited(const char* operation) {
  return {std::errc::operation_not_permitted, operation,
          "this handle is the parent's: attach anew after fork"};
}

failure lost(const char* operation) {
  return {std::errc::bad_file_descriptor, operation,
          "something else in this process closed our descriptor; what it held is free"};
}

}  // namespace

constinit std::atomic<std::uint64_t> liveness::forks{0};

liveness::liveness(std::unique_ptr<own_description> description) noexcept
    : description_(std::move(description)),
      // Relaxed: as in is_inherited().
      forks_before_(forks.load(std::memory_order_relaxed)) {}

liveness::liveness(liveness&& other) noexcept = default;
liveness& liveness::operator=(liveness&& other) noexcept = default;
liveness::~liveness() = default;

result<liveness> liveness::open(int file) {
  auto description = own_description::open(file);
  if (!description) return failure{description.error()};
  return liveness{std::move(*description)};
}

result<liveness> liveness::from_native(unique_fd description) {
  auto adopted = own_description::adopt(std::move(description));
  if (!adopted) return failure{adopted.error()};
  return liveness{std::move(*adopted)};
}

result<int> liveness::checked(const char* operation) const {
  assert(description_ && "a handle that was moved from or released is not used");
  if (is_inherited() || description_->is_inherited()) return inherited(operation);
  auto ours = description_->check();
  if (!ours) return failure{ours.error()};
  if (!*ours) return lost(operation);
  return description_->number();
}

result<bool> liveness::try_hold(std::uint32_t slot) {
  // Checked before: a lock upon somebody else's description would be no proof of anything.
  auto fd = checked("liveness::try_hold");
  if (!fd) return failure{fd.error()};
  return syscall::try_lock_byte(*fd, byte_of(slot));
}

result<void> liveness::let_go(std::uint32_t slot) {
  // Checked before: the number may lead to another handle's description by now.
  auto fd = checked("liveness::let_go");
  if (!fd) return failure{fd.error()};
  return syscall::unlock_byte(*fd, byte_of(slot));
}

result<bool> liveness::is_held_by_others(std::uint32_t slot) const {
  constexpr const char* operation = "liveness::is_held_by_others";
  assert(description_ && "a handle that was moved from or released is not used");
  if (is_inherited()) return inherited(operation);
  // Not checked: asking does no harm on whatever description, and the answer is a hint.
  auto held = description_->number() < 0
                  ? result<bool>{lost(operation)}
                  : syscall::is_byte_locked(description_->number(), byte_of(slot));
  if (!held && held.error() == std::errc::bad_file_descriptor) return lost(operation);
  return held;
}

result<void> liveness::check() {
  if (auto fd = checked("liveness::check"); !fd) return failure{fd.error()};
  return {};
}

int liveness::native_handle() const noexcept { return description_ ? description_->number() : -1; }

unique_fd liveness::release_handle() && noexcept {
  assert(description_ && "a handle that was moved from or released is not used");
  unique_fd description = description_->release();
  description_.reset();
  return description;
}

}  // namespace sluice
