#include "os/presence_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

#include "os/syscall.hpp"

namespace sluice::presence_file {

namespace {

constexpr named_file::kind file_kind{
    .type = S_IFREG,
    .operation = "request_presence",
    .other_type = "the name leads to something else than a file",
    .other_owner = "the file belongs to another user: name the owner in the options to accept it",
    .open_to_all = "everybody may lock in this file: chmod o-w it, or accept that in the options",
};

result<opened> settle(unique_fd fd, mode_t mode) {
  if (auto exact = syscall::set_mode(fd.get(), mode); !exact) return failure{exact.error()};
  auto found = syscall::status(fd.get());
  if (!found) return failure{found.error()};
  return opened{std::move(fd), named_file::identity_of(*found)};
}

}  // namespace

result<opened> create(const name_place& place, mode_t mode) {
  auto lock = place.lock();
  if (!lock) return failure{lock.error()};
  unique_fd kept;
  auto made = named_file::publish(place, [&](const char* leaf) -> result<file_identity> {
    auto fd =
        syscall::open_at(place.directory(), leaf, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
    if (!fd) return failure{fd.error()};
    auto settled = settle(std::move(*fd), mode);
    if (!settled) {
      static_cast<void>(syscall::unlink_at(place.directory(), leaf));
      return failure{settled.error()};
    }
    kept = std::move(settled->fd);
    return settled->identity;
  });
  if (!made) return failure{made.error()};
  return opened{std::move(kept), *made};
}

result<opened> open(const name_place& place, const named_file::trust& trusted) {
  // Looked at first, since opening a device would already do something to it.
  auto before = syscall::status_at(place.directory(), place.leaf().c_str());
  if (!before) return failure{before.error()};
  if (auto good = named_file::check(*before, file_kind, trusted); !good)
    return failure{good.error()};
  auto fd =
      syscall::open_at(place.directory(), place.leaf().c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  if (!fd) return failure{fd.error()};
  auto found = syscall::status(fd->get());
  if (!found) return failure{found.error()};
  if (auto good = named_file::check(*found, file_kind, trusted); !good)
    return failure{good.error()};
  return opened{std::move(*fd), named_file::identity_of(*found)};
}

result<void> unlink(const name_place& place, const named_file::trust& trusted) {
  return named_file::unlink(place, file_kind, trusted);
}

}  // namespace sluice::presence_file
