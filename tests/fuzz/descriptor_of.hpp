#pragma once
// Descriptors of every kind, as a peer may send them.

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sluice/os/unique_fd.hpp>
#include <string>

#include "fuzz/script.hpp"
#include "fuzz/target.hpp"

namespace sluice::test {

/// Memory of the script's size, content and seals; holes where it says so.
inline unique_fd next_memory(script& input) {
  unique_fd fd{
      ::memfd_create("sent", MFD_CLOEXEC | (input.below(8) != 0 ? MFD_ALLOW_SEALING : 0U))};
  const std::size_t pages = input.below(5);
  const auto bytes = static_cast<off_t>(pages * 4096 + (input.coin() ? 0 : input.below(300)));
  require(::ftruncate(fd.get(), bytes) == 0, "memory has a size");
  if (input.below(4) != 0 && bytes != 0)
    require(::posix_fallocate(fd.get(), 0, bytes) == 0, "there is memory");
  const const_bytes content = input.piece(input.below(200));
  const std::size_t fits = std::min(content.size(), static_cast<std::size_t>(bytes));
  require(::pwrite(fd.get(), content.data(), fits, 0) == static_cast<ssize_t>(fits), "it holds it");
  const int seals = input.coin() ? F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | 0x10
                                 : static_cast<int>(input.below(32));
  static_cast<void>(::fcntl(fd.get(), F_ADD_SEALS, seals));
  return fd;
}

/// The same file anew, with other rights; the path leads through /proc.
inline unique_fd reopened(const unique_fd& fd, int flags) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd.get());
  return unique_fd{::open(path.c_str(), flags | O_CLOEXEC)};
}

inline unique_fd next_descriptor(script& input) {
  switch (input.below(12)) {
    case 0:
      return unique_fd{::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    case 1:
      return unique_fd{::open("/dev/null", O_RDWR | O_CLOEXEC)};
    case 2:
      return unique_fd{::eventfd(0, EFD_CLOEXEC)};
    case 3:
      return unique_fd{
          ::socket(AF_UNIX, (input.coin() ? SOCK_SEQPACKET : SOCK_STREAM) | SOCK_CLOEXEC, 0)};
    case 4: {
      int ends[2];
      require(::pipe2(ends, O_CLOEXEC) == 0, "a pipe can be made");
      const std::size_t which = input.below(2);
      const unique_fd other{ends[1 - which]};
      return unique_fd{ends[which]};
    }
    case 5:
      return unique_fd{::open("/proc/self/status", O_RDONLY | O_CLOEXEC)};
    case 6:
      return reopened(next_memory(input), O_RDONLY);
    case 7:
      return reopened(next_memory(input), O_PATH);
    case 8:
      return reopened(next_memory(input), input.coin() ? O_WRONLY : O_RDWR);
    default:
      return next_memory(input);
  }
}

}  // namespace sluice::test
