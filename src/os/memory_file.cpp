#include "os/memory_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <string>

#include "os/memory_budget.hpp"
#include "os/syscall.hpp"
#include "os/syscall_memory.hpp"

namespace sluice::memory_file {

namespace {

constexpr const char* operation = "shared_memory";

constexpr named_file::kind memory_kind{
    .type = S_IFREG,
    .operation = operation,
    .other_type = "the name leads to something else than a file of memory",
    .other_owner = "the memory belongs to another user: name the owner in the options to accept it",
    .open_to_all = "everybody may write to the memory: chmod o-w it, or accept that in the options",
};

result<void> name_it(int fd, const name_place& place) {
  auto lock = place.lock();
  if (!lock) return failure{lock.error()};
  auto named = syscall::name_file(fd, place.directory(), place.leaf().c_str());
  if (!named && named.error() == std::errc::file_exists)
    return failure{named.error().with_hint(
        "the name is taken; open_or_create takes over memory that was left behind")};
  return named;
}

result<mapped> finish(unique_fd fd, const blueprint& plan) {
  auto map = furnish(fd.get(), plan);
  if (!map) return failure{map.error()};
  if (auto exact = syscall::set_mode(fd.get(), plan.mode); !exact) return failure{exact.error()};
  if (auto held = syscall::lock_file(fd.get(), LOCK_EX | LOCK_NB); !held)
    return failure{held.error()};
  auto found = syscall::status(fd.get());
  if (!found) return failure{found.error()};
  return mapped{std::move(fd), std::move(*map), named_file::identity_of(*found)};
}

// For file systems without unnamed files. A creator that is killed leaves the temporary name.
result<mapped> create_under_temporary_name(const name_place& place, const blueprint& plan) {
  auto number = syscall::random_number();
  if (!number) return failure{number.error()};
  const std::string unfinished = "." + place.leaf() + "." + std::to_string(*number);
  auto fd = syscall::open_at(place.directory(), unfinished.c_str(),
                             O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!fd) return failure{fd.error()};
  auto made = finish(std::move(*fd), plan);
  if (made) {
    auto lock = place.lock();
    if (!lock) {
      made = failure{lock.error()};
    } else if (auto named = syscall::rename_exclusive(place.directory(), unfinished.c_str(),
                                                      place.leaf().c_str());
               !named) {
      made = failure{named.error()};
    }
  }
  if (!made) static_cast<void>(syscall::unlink_at(place.directory(), unfinished.c_str()));
  return made;
}

}  // namespace

const named_file::kind& file_kind() noexcept { return memory_kind; }

result<memory_map> furnish(int fd, const blueprint& plan) {
  auto in_memory = syscall::lies_in_memory(fd);
  if (!in_memory) return failure{in_memory.error()};
  if (*in_memory) {
    if (auto enough = check_memory_budget(plan.size_bytes, operation); !enough)
      return failure{enough.error()};
  }
  if (auto all = syscall::allocate(fd, plan.size_bytes); !all) return failure{all.error()};
  auto map = memory_map::map(fd, {.size_bytes = plan.size_bytes});
  if (!map || !plan.initialize) return map;
  if (auto filled = plan.initialize(map->writable_bytes()); !filled) return failure{filled.error()};
  return map;
}

result<mapped> create(const name_place& place, const blueprint& plan) {
  auto fd = syscall::unnamed_file(place.directory(), 0600);
  if (!fd && fd.error() == std::errc::operation_not_supported)
    return create_under_temporary_name(place, plan);
  if (!fd) return failure{fd.error()};
  auto made = finish(std::move(*fd), plan);
  if (!made) return made;
  if (auto named = name_it(made->fd.get(), place); !named) return failure{named.error()};
  return made;
}

result<mapped> open(const name_place& place, const expectation& wanted) {
  // Looked at first, since opening a device would already do something to it.
  auto before = syscall::status_at(place.directory(), place.leaf().c_str());
  if (!before) return failure{before.error()};
  if (auto good = named_file::check(*before, memory_kind, wanted.trusted); !good)
    return failure{good.error()};
  const bool writable = wanted.access == map_access::read_write;
  auto fd = syscall::open_at(place.directory(), place.leaf().c_str(),
                             (writable ? O_RDWR : O_RDONLY) | O_NOFOLLOW | O_NONBLOCK);
  if (!fd) return failure{fd.error()};
  auto found = syscall::status(fd->get());
  if (!found) return failure{found.error()};
  if (auto good = named_file::check(*found, memory_kind, wanted.trusted); !good)
    return failure{good.error()};
  const auto size = static_cast<std::size_t>(found->st_size);
  if (size == 0)
    return failure{std::errc::invalid_argument, operation,
                   "the file is empty: another program is still making it, or it is no memory"};
  if (wanted.size_bytes != 0 && size != wanted.size_bytes)
    return failure{errc::incompatible, operation, "the memory has another size than expected"};
  // Programs that only set a size leave holes; a touch of one kills when there is no memory.
  const bool has_holes = static_cast<std::size_t>(found->st_blocks) * 512 < size;
  if (writable && has_holes) {
    if (auto all = syscall::allocate(fd->get(), size); !all) return failure{all.error()};
  }
  auto map =
      memory_map::map(fd->get(), {.size_bytes = size, .access = wanted.access, .file_bytes = size});
  if (!map) return failure{map.error()};
  return mapped{std::move(*fd), std::move(*map), named_file::identity_of(*found)};
}

result<mapped> create_anonymous(const blueprint& plan, bool others_read_only) {
  auto fd = syscall::memory_file("sluice");
  if (!fd) return failure{fd.error()};
  auto map = furnish(fd->get(), plan);
  if (!map) return failure{map.error()};
  auto found = syscall::status(fd->get());
  if (!found) return failure{found.error()};
  int sealed = syscall::seal_shrink | syscall::seal_grow | syscall::seal_seal;
  // After our own mapping was made: that one stays writable.
  if (others_read_only) sealed |= syscall::seal_future_write;
  if (auto done = syscall::add_seals(fd->get(), sealed); !done) return failure{done.error()};
  return mapped{std::move(*fd), std::move(*map), named_file::identity_of(*found)};
}

result<mapped> adopt(unique_fd fd, const expectation& wanted, bool unsealed) {
  constexpr const char* native = "from_native";
  // First the seals: the size that is looked at after them is that of now and for good.
  auto known = syscall::seals(fd.get());
  const bool has_none = !known && known.error() == std::errc::invalid_argument;  // on a disk
  if (!known && !has_none) return failure{known.error()};
  const int seals = known ? *known : 0;
  auto found = syscall::status(fd.get());
  if (!found) return failure{found.error()};
  if (!S_ISREG(found->st_mode))
    return failure{std::errc::invalid_argument, native, "the descriptor is no memory"};
  const auto size = static_cast<std::size_t>(found->st_size);
  if (size == 0) return failure{std::errc::invalid_argument, native, "the memory is empty"};
  if (wanted.size_bytes != 0 && size != wanted.size_bytes)
    return failure{errc::incompatible, native, "the memory has another size than expected"};
  if ((seals & syscall::seal_shrink) == 0 && !unsealed)
    return failure{std::errc::permission_denied, native,
                   "the memory is not sealed against shrinking: whoever shrinks it kills us; "
                   "accept that in the options"};
  auto flags = syscall::status_flags(fd.get());
  if (!flags) return failure{flags.error()};
  const bool read_only = (*flags & O_ACCMODE) == O_RDONLY ||
                         (seals & (syscall::seal_write | syscall::seal_future_write)) != 0;
  if ((*flags & O_ACCMODE) == O_WRONLY)
    return failure{std::errc::permission_denied, native, "the descriptor is open for writing only"};
  auto map = memory_map::map(fd.get(), {.size_bytes = size,
                                        .access = read_only ? map_access::read_only : wanted.access,
                                        .file_bytes = size});
  if (!map) return failure{map.error()};
  return mapped{std::move(fd), std::move(*map), named_file::identity_of(*found)};
}

result<bool> share_duty(int fd) {
  auto held = syscall::lock_file(fd, LOCK_SH | LOCK_NB);
  if (!held && would_block(held.error())) return false;
  if (!held) return failure{held.error()};
  return true;
}

// In two steps: of those who leave at once all have given up their share before the last one asks.
bool leave_duty(int fd) {
  return syscall::lock_file(fd, LOCK_UN) && syscall::lock_file(fd, LOCK_EX | LOCK_NB);
}

result<unique_fd> reopen(int fd) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  auto again = syscall::open_at(AT_FDCWD, path.c_str(), O_RDWR);
  if (!again) return failure{again.error().with_hint("to open memory anew takes /proc")};
  return again;
}

void give_duty_up(int fd) noexcept { static_cast<void>(syscall::lock_file(fd, LOCK_UN)); }

bool take_duty(int fd) { return syscall::lock_file(fd, LOCK_EX | LOCK_NB).has_value(); }

}  // namespace sluice::memory_file
