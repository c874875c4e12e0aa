#include "os/fifo_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <string>

#include "os/syscall.hpp"

namespace sluice::fifo_file {

namespace {

constexpr const char* operation = "fifo";

file_identity identity_of(const struct stat& found) noexcept {
  return {.device = found.st_dev, .inode = found.st_ino};
}

result<void> check(const struct stat& found, const trust& trusted) {
  if (S_ISLNK(found.st_mode))
    return failure{std::errc::too_many_symbolic_link_levels, operation,
                   "the name is a symbolic link: those are not followed"};
  if (!S_ISFIFO(found.st_mode))
    return failure{std::errc::invalid_argument, operation,
                   "the name leads to something else than a FIFO"};
  if (found.st_uid != trusted.owner)
    return failure{std::errc::permission_denied, operation,
                   "the FIFO belongs to another user: name the owner in the options to accept it"};
  if ((found.st_mode & S_IWOTH) != 0 && !trusted.world_writable)
    return failure{std::errc::permission_denied, operation,
                   "everybody may write to the FIFO: chmod o-w it, or accept that in the options"};
  return {};
}

// Gives the FIFO under `leaf` exactly this mode, and tells which file it is. Opened only to be
// named (O_PATH): that needs no permission that a umask may have taken from us, and nobody who
// waits for the other side takes us for it.
result<file_identity> settle(int directory, const char* leaf, mode_t mode) {
  const trust own{.owner = syscall::effective_user(), .world_writable = true};
  auto fd = syscall::open_at(directory, leaf, O_PATH | O_NOFOLLOW);
  if (!fd) return failure{fd.error()};
  auto found = syscall::status(fd->get());
  if (!found) return failure{found.error()};
  if (auto ours = check(*found, own); !ours) return failure{ours.error()};
  if ((found->st_mode & 07777) != mode) {
    if (auto exact = syscall::set_mode(fd->get(), mode); !exact) return failure{exact.error()};
  }
  return identity_of(*found);
}

result<file_identity> make(int directory, const char* leaf, mode_t mode) {
  if (auto made = syscall::make_fifo(directory, leaf, mode); !made) return failure{made.error()};
  auto settled = settle(directory, leaf, mode);
  if (!settled) static_cast<void>(syscall::unlink_at(directory, leaf));
  return settled;
}

// Under the directory's lock there is one creator at a time, so what already bears the temporary
// name was left by one that died.
result<file_identity> make_and_publish(const name_place& place, mode_t mode) {
  const char* leaf = place.leaf().c_str();
  if (auto taken = syscall::status_at(place.directory(), leaf); taken)
    return failure{std::errc::file_exists, "mkfifoat"};
  const std::string unfinished = "." + place.leaf();
  auto cleared = syscall::unlink_at(place.directory(), unfinished.c_str());
  if (!cleared && !(cleared.error() == std::errc::no_such_file_or_directory))
    return failure{cleared.error().with_hint(
        "something that is not ours bears the name of an unfinished FIFO: a dot and the name")};
  auto made = make(place.directory(), unfinished.c_str(), mode);
  if (!made) return made;
  auto published = syscall::rename_exclusive(place.directory(), unfinished.c_str(), leaf);
  if (published) return made;
  static_cast<void>(syscall::unlink_at(place.directory(), unfinished.c_str()));
  return failure{published.error()};
}

}  // namespace

result<owned_name> create(name_place place, mode_t mode) {
  auto lock = place.lock();
  if (!lock) return failure{lock.error()};
  auto made = place.in_runtime_directory() ? make_and_publish(place, mode)
                                           : make(place.directory(), place.leaf().c_str(), mode);
  if (!made && made.error() == std::errc::file_exists)
    return failure{made.error().with_hint(
        "the name is taken; open_or_create takes over a FIFO that was left behind")};
  if (!made) return failure{made.error()};
  return owned_name{std::move(place), *made};
}

result<owned_name> adopt(name_place place, mode_t mode) {
  auto lock = place.lock();
  if (!lock) return failure{lock.error()};
  auto settled = settle(place.directory(), place.leaf().c_str(), mode);
  if (!settled) return failure{settled.error()};
  return owned_name{std::move(place), *settled};
}

result<opened> open(const name_place& place, direction which, const trust& trusted) {
  // Looked at first, since opening a device would already do something to it.
  auto before = syscall::status_at(place.directory(), place.leaf().c_str());
  if (!before) return failure{before.error()};
  if (auto checked = check(*before, trusted); !checked) return failure{checked.error()};

  const int access = which == direction::read ? O_RDONLY : O_WRONLY;
  auto fd =
      syscall::open_at(place.directory(), place.leaf().c_str(), access | O_NONBLOCK | O_NOFOLLOW);
  if (!fd) return failure{fd.error()};
  auto after = syscall::status(fd->get());
  if (!after) return failure{after.error()};
  if (auto checked = check(*after, trusted); !checked) return failure{checked.error()};
  if (auto set = syscall::set_nonblocking(fd->get(), false); !set) return failure{set.error()};
  return opened{std::move(*fd), identity_of(*after)};
}

result<void> unlink(const name_place& place, const trust& trusted) {
  auto lock = place.lock();
  if (!lock) return failure{lock.error()};
  auto found = syscall::status_at(place.directory(), place.leaf().c_str());
  if (!found) return failure{found.error()};
  if (auto checked = check(*found, trusted); !checked) return checked;
  return syscall::unlink_at(place.directory(), place.leaf().c_str());
}

}  // namespace sluice::fifo_file
