#include "os/syscall_raw.hpp"

#include <unistd.h>

#include <cerrno>

namespace sluice::syscall {

long raw(long number, long a, long b, long c, long d, long e, long f) noexcept {
  const long outcome = ::syscall(number, a, b, c, d, e, f);
  return outcome < 0 ? -errno : outcome;
}

}  // namespace sluice::syscall
