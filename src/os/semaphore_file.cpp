#include "os/semaphore_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <string>

#include "os/syscall.hpp"
#include "os/syscall_semaphores.hpp"

namespace sluice::semaphore_file {

namespace {

constexpr const char* operation = "posix_semaphore";

constexpr named_file::kind semaphore_kind{
    .type = S_IFREG,
    .operation = operation,
    .other_type = "the name leads to something else than the file of a semaphore",
    .other_owner =
        "the semaphore belongs to another user: name the owner in the options to accept "
        "it",
    .open_to_all =
        "everybody may write to the semaphore: chmod o-w it, or accept that in the "
        "options",
};

using image = std::array<std::byte, sizeof(sem_t)>;

// The bytes of a semaphore, with nothing but zeros where the C library leaves gaps.
image image_of(bool shared, std::uint32_t value) noexcept {
  alignas(sem_t) image bytes{};
  syscall::posix_semaphore_init(reinterpret_cast<sem_t*>(bytes.data()), shared, value);
  return bytes;
}

result<unique_fd> make_unnamed(const name_place& place) {
  auto fd = syscall::open_at(place.directory(), ".", O_TMPFILE | O_RDWR, 0600);
  // File systems without such files say so in three ways.
  if (!fd &&
      (fd.error() == std::errc::is_a_directory || fd.error() == std::errc::operation_not_supported))
    return failure{fd.error().with_hint(
        "this file system has no files without a name (O_TMPFILE), so nothing can be published "
        "complete there: use the runtime directory or a POSIX name")};
  return fd;
}

result<void> write_whole(int fd, const image& bytes) {
  auto written = syscall::write(fd, const_bytes{bytes});
  if (!written) return failure{written.error()};
  if (*written != bytes.size())
    return failure{std::errc::no_space_on_device, "write", "the file system is full (df)"};
  return {};
}

result<void> publish(int fd, const name_place& place) {
  auto lock = place.lock();
  if (!lock) return failure{lock.error()};
  auto named = syscall::link_unnamed(fd, place.directory(), place.leaf().c_str());
  if (!named && named.error() == std::errc::file_exists)
    return failure{named.error().with_hint(
        "the name is taken; open_or_create takes over a semaphore that was left behind")};
  return named;
}

}  // namespace

const named_file::kind& file_kind() noexcept { return semaphore_kind; }

result<opened> create(const name_place& place, std::uint32_t value, mode_t mode) {
  auto fd = make_unnamed(place);
  if (!fd) return failure{fd.error()};
  if (auto full = write_whole(fd->get(), image_of(true, value)); !full)
    return failure{full.error()};
  if (auto exact = syscall::set_mode(fd->get(), mode); !exact) return failure{exact.error()};
  if (auto held = syscall::lock_file(fd->get(), LOCK_EX | LOCK_NB); !held)
    return failure{held.error()};
  auto found = syscall::status(fd->get());
  if (!found) return failure{found.error()};
  auto map = memory_map::map(fd->get(), {.size_bytes = sizeof(sem_t)});
  if (!map) return failure{map.error()};
  if (auto named = publish(fd->get(), place); !named) return failure{named.error()};
  return opened{std::move(*fd), std::move(*map), named_file::identity_of(*found)};
}

result<opened> open(const name_place& place, const named_file::trust& trusted) {
  // Looked at first, since opening a device would already do something to it.
  auto before = syscall::status_at(place.directory(), place.leaf().c_str());
  if (!before) return failure{before.error()};
  if (auto good = named_file::check(*before, semaphore_kind, trusted); !good)
    return failure{good.error()};
  auto fd =
      syscall::open_at(place.directory(), place.leaf().c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK);
  if (!fd) return failure{fd.error().with_hint("a semaphore is used by reading and writing it")};
  auto found = syscall::status(fd->get());
  if (!found) return failure{found.error()};
  if (auto good = named_file::check(*found, semaphore_kind, trusted); !good)
    return failure{good.error()};
  if (found->st_size != static_cast<off_t>(sizeof(sem_t)))
    return failure{errc::incompatible, operation,
                   "the file has not the size of a semaphore of this C library: another one made "
                   "it, or a program of another word size"};
  auto map = memory_map::map(fd->get(), {.size_bytes = sizeof(sem_t)});
  if (!map) return failure{map.error()};
  if (!is_shared_semaphore(map->bytes().data()))
    return failure{errc::corrupt, operation, "the file holds no semaphore that processes share"};
  return opened{std::move(*fd), std::move(*map), named_file::identity_of(*found)};
}

bool take_duty(int fd) { return syscall::lock_file(fd, LOCK_EX | LOCK_NB).has_value(); }

// The C library marks which semaphores are shared. In the words in which the images of a shared and
// a private one differ stands the mark; a semaphore without it, or memory that is zero, would never
// wake another process, and one with anything else in these words makes the C library abort: the
// kernel is told what it has no call for.
bool is_shared_semaphore(const void* where) noexcept {
  using word = unsigned int;  // as the C library has it
  using words = std::array<word, sizeof(image) / sizeof(word)>;
  const auto shared = std::bit_cast<words>(image_of(true, 0));
  const auto unshared = std::bit_cast<words>(image_of(false, 0));
  words found;
  std::memcpy(found.data(), where, sizeof found);
  for (std::size_t i = 0; i < found.size(); ++i)
    if (shared[i] != unshared[i] && found[i] != shared[i]) return false;
  return true;
}

}  // namespace sluice::semaphore_file
