#pragma once
// A process that has no descriptor left: for children, which find out what becomes of them then.

#include <fcntl.h>
#include <sys/resource.h>

#include <cerrno>
#include <sluice/os/unique_fd.hpp>
#include <system_error>
#include <utility>
#include <vector>

namespace sluice::test {

/// Lowers this process's limit and takes every descriptor up to it. Each is there again when it is
/// closed; the limit stays.
[[nodiscard]] inline std::vector<unique_fd> take_all_descriptors() {
  const rlimit few{.rlim_cur = 64, .rlim_max = 64};
  if (::setrlimit(RLIMIT_NOFILE, &few) != 0)
    throw std::system_error{errno, std::generic_category(), "setrlimit"};
  std::vector<unique_fd> taken;
  for (;;) {
    unique_fd one{::fcntl(0, F_DUPFD_CLOEXEC, 0)};
    if (!one) return taken;
    taken.push_back(std::move(one));
  }
}

}  // namespace sluice::test
