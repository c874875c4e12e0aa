#include "os/syscall_liveness.hpp"

#include <fcntl.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/syscall_invoke.hpp"

namespace sluice::syscall {

namespace {

struct flock bytes_from(std::uint64_t at, off_t count, int type) noexcept {
  struct flock range {};  // l_pid must be 0 for locks of descriptions
  range.l_type = static_cast<short>(type);
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(at);
  range.l_len = count;
  return range;
}

failure lock_failed(long outcome, const char* operation) {
  if (outcome == -ENOLCK)
    return error::from_errno(ENOLCK, operation,
                             "the file system keeps no locks, or no memory is left for them");
  return failed(outcome, operation);
}

}  // namespace

result<bool> try_lock_byte(int fd, std::uint64_t at) {
  const struct flock wanted = bytes_from(at, 1, F_WRLCK);
  const long outcome = retried(SYS_fcntl, fd, F_OFD_SETLK, &wanted);
  if (outcome == -EAGAIN) return false;
  if (outcome < 0) return lock_failed(outcome, "fcntl(F_OFD_SETLK)");
  return true;
}

result<void> unlock_byte(int fd, std::uint64_t at) {
  const struct flock given_back = bytes_from(at, 1, F_UNLCK);
  const long outcome = retried(SYS_fcntl, fd, F_OFD_SETLK, &given_back);
  if (outcome < 0) return lock_failed(outcome, "fcntl(F_OFD_SETLK)");
  return {};
}

void unlock_all(int fd) noexcept {
  constexpr off_t to_the_end = 0;
  const struct flock everything = bytes_from(0, to_the_end, F_UNLCK);
  retried(SYS_fcntl, fd, F_OFD_SETLK, &everything);
}

result<bool> is_byte_locked(int fd, std::uint64_t at) {
  struct flock asked = bytes_from(at, 1, F_WRLCK);
  const long outcome = retried(SYS_fcntl, fd, F_OFD_GETLK, &asked);
  if (outcome < 0) return lock_failed(outcome, "fcntl(F_OFD_GETLK)");
  return asked.l_type != F_UNLCK;
}

result<std::uint64_t> offset(int fd) {
  const long now = retried(SYS_lseek, fd, 0, SEEK_CUR);
  if (now < 0) return failed(now, "lseek");
  return static_cast<std::uint64_t>(now);
}

result<void> set_offset(int fd, std::uint64_t to) {
  const long now = retried(SYS_lseek, fd, to, SEEK_SET);
  if (now < 0) return failed(now, "lseek");
  return {};
}

result<void> set_close_on_exec(int fd) {
  const long outcome = retried(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
  if (outcome < 0) return failed(outcome, "fcntl(F_SETFD)");
  return {};
}

result<void> at_fork(void (*before)(), void (*in_parent)(), void (*in_child)()) {
  // Through the C library and not through the seam: the handlers are its own.
  const int number = ::pthread_atfork(before, in_parent, in_child);
  if (number != 0) return failed(-number, "pthread_atfork");
  return {};
}

result<void> register_for_barriers() {
  const long outcome = retried(SYS_membarrier, int{MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED}, 0, 0);
  if (outcome < 0) return failed(outcome, "membarrier");
  return {};
}

result<void> barrier_for_all() {
  const long outcome = retried(SYS_membarrier, int{MEMBARRIER_CMD_GLOBAL_EXPEDITED}, 0, 0);
  if (outcome < 0) return failed(outcome, "membarrier");
  return {};
}

}  // namespace sluice::syscall
