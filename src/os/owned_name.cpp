#include <sluice/os/owned_name.hpp>
#include <utility>

#include "os/named_file.hpp"
#include "os/syscall.hpp"

namespace sluice {

owned_name::owned_name(name_place place, file_identity identity)
    : place_(std::move(place)),
      identity_(identity),
      path_(place_->path()),
      owner_(syscall::process_id()) {}

owned_name::owned_name(owned_name&& other) noexcept
    : place_(std::exchange(other.place_, std::nullopt)),
      identity_(other.identity_),
      path_(std::move(other.path_)),
      owner_(other.owner_) {}

owned_name& owned_name::operator=(owned_name&& other) noexcept {
  std::swap(place_, other.place_);
  std::swap(identity_, other.identity_);
  std::swap(path_, other.path_);
  std::swap(owner_, other.owner_);
  return *this;
}

owned_name::~owned_name() {
  if (place_ && owner_ == syscall::process_id()) static_cast<void>(unlink());
}

result<bool> owned_name::is_intact() const {
  if (!place_) return false;
  return named_file::leads_to(*place_, identity_);
}

result<void> owned_name::unlink() {
  constexpr const char* gone = "the name is gone, or leads to another object by now";
  if (!place_) return failure{errc::removed, "unlink", "this object does not own the name"};
  auto lock = place_->lock();
  if (!lock) return failure{lock.error()};
  auto intact = is_intact();
  if (!intact) return failure{intact.error()};
  if (!*intact) {
    place_.reset();
    return failure{errc::removed, "unlink", gone};
  }
  if (auto done = syscall::unlink_at(place_->directory(), place_->leaf().c_str()); !done)
    return done;
  place_.reset();
  return {};
}

}  // namespace sluice
