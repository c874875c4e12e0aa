#include <sluice/os/unique_fd.hpp>

#include "os/syscall.hpp"

namespace sluice {

result<unique_fd> unique_fd::duplicate() const { return syscall::duplicate(fd_); }

void unique_fd::reset() noexcept {
  if (const int fd = release(); fd >= 0) syscall::close(fd);
}

}  // namespace sluice
