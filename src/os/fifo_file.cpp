#include "os/fifo_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <string>

#include "os/syscall.hpp"

namespace sluice::fifo_file {

namespace {

constexpr named_file::kind fifo_kind{
    .type = S_IFIFO,
    .operation = "fifo",
    .other_type = "the name leads to something else than a FIFO",
    .other_owner = "the FIFO belongs to another user: name the owner in the options to accept it",
    .open_to_all = "everybody may write to the FIFO: chmod o-w it, or accept that in the options",
};

result<void> check(const struct stat& found, const trust& trusted) {
  return named_file::check(found, fifo_kind, trusted);
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
  return named_file::identity_of(*found);
}

result<file_identity> make(int directory, const char* leaf, mode_t mode) {
  if (auto made = syscall::make_fifo(directory, leaf, mode); !made) return failure{made.error()};
  auto settled = settle(directory, leaf, mode);
  if (!settled) static_cast<void>(syscall::unlink_at(directory, leaf));
  return settled;
}

}  // namespace

result<owned_name> create(name_place place, mode_t mode) {
  auto lock = place.lock();
  if (!lock) return failure{lock.error()};
  auto made = named_file::publish(
      place, [&](const char* leaf) { return make(place.directory(), leaf, mode); });
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
  return opened{std::move(*fd), named_file::identity_of(*after)};
}

result<void> unlink(const name_place& place, const trust& trusted) {
  return named_file::unlink(place, fifo_kind, trusted);
}

}  // namespace sluice::fifo_file
