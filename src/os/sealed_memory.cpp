#include "os/sealed_memory.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <string>

#include "os/memory_file.hpp"
#include "os/syscall.hpp"
#include "os/syscall_memory.hpp"

namespace sluice::sealed_memory {

namespace {

constexpr int all_seals =
    syscall::seal_shrink | syscall::seal_grow | syscall::seal_future_write | syscall::seal_seal;

}  // namespace

result<unique_fd> create(std::size_t size_bytes,
                         const std::function<result<void>(mutable_bytes)>& initialize) {
  auto fd = syscall::memory_file("sluice");
  if (!fd) return fd;
  // It is born with mode 0777: whoever gets a descriptor could open it anew.
  if (auto exact = syscall::set_mode(fd->get(), 0600); !exact) return failure{exact.error()};
  auto map = memory_file::furnish(fd->get(), {.size_bytes = size_bytes, .initialize = initialize});
  if (!map) return failure{map.error()};
  return fd;
}

result<unique_fd> seal(int fd) {
  if (auto sealed = syscall::add_seals(fd, all_seals); !sealed) return failure{sealed.error()};
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  auto again = syscall::open_at(AT_FDCWD, path.c_str(), O_RDONLY);
  if (!again) return failure{again.error().with_hint("to open memory anew takes /proc")};
  return again;
}

result<std::uint64_t> check(int fd, const char* operation) {
  auto flags = syscall::status_flags(fd);
  if (!flags) return failure{flags.error()};
  if ((*flags & O_PATH) != 0 || (*flags & O_ACCMODE) == O_WRONLY)
    return failure{std::errc::invalid_argument, operation, "the descriptor is not open to read"};
  // First the seals: what is looked at after them stays so.
  auto seals = syscall::seals(fd);
  if (!seals && seals.error() == std::errc::invalid_argument)
    return failure{std::errc::invalid_argument, operation,
                   "the descriptor is no memory that can be sealed"};
  if (!seals) return failure{seals.error()};
  if ((*seals & all_seals) != all_seals)
    return failure{std::errc::permission_denied, operation,
                   "the memory lacks seals: against shrinking, growing, writing and more seals"};
  auto found = syscall::status(fd);
  if (!found) return failure{found.error()};
  const auto size = static_cast<std::uint64_t>(found->st_size);
  // To read a hole takes memory, ours, and kills where there is none. With these seals nobody makes
  // one later.
  if (static_cast<std::uint64_t>(found->st_blocks) * 512 < size)
    return failure{std::errc::permission_denied, operation,
                   "the memory has holes: the other side must allocate all of it"};
  return size;
}

}  // namespace sluice::sealed_memory
