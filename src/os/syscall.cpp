// The door, first half: descriptors, bytes, waiting, pipes. Names, memory and processes are in
// syscall_objects.cpp.

#include "os/syscall.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cassert>

#include "os/syscall_invoke.hpp"

namespace sluice::syscall {

namespace {

timespec to_timespec(std::chrono::nanoseconds span) noexcept {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(span);
  return {.tv_sec = seconds.count(), .tv_nsec = (span - seconds).count()};
}

}  // namespace

const char* advice_for(int number) noexcept {
  switch (number) {
    case EMFILE:
      return "too many descriptors in this process: raise RLIMIT_NOFILE (ulimit -n)";
    case ENFILE:
      return "too many descriptors on this machine: raise the sysctl fs.file-max";
    case ENOMEM:
      return "not enough memory, or a limit of the control group or of RLIMIT_AS";
    case ENOSPC:
      return "the file system is full (df), or its quota is used up";
    case ENAMETOOLONG:
      return "a name has at most 255 bytes, a path 4095";
    case ENOSYS:
      return "this kernel is too old (Linux 5.10 has all calls that are needed), or a sandbox "
             "around this process refuses the call";
    case ELOOP:
      return "a symbolic link is not followed here";
    default:
      return "";
  }
}

void close(int fd) noexcept {
  // Not retried on EINTR: on Linux the descriptor is gone whatever close(2) returns.
  once(SYS_close, fd);
}

result<unique_fd> open_at(int directory, const char* path, int flags, mode_t mode) {
  const long fd = retried(SYS_openat, directory, path, flags | O_CLOEXEC, mode);
  if (fd < 0) return failed(fd, "openat");
  return unique_fd{static_cast<int>(fd)};
}

result<unique_fd> duplicate(int fd, int lowest) {
  const long copy = retried(SYS_fcntl, fd, F_DUPFD_CLOEXEC, lowest);
  if (copy < 0) return failed(copy, "fcntl(F_DUPFD_CLOEXEC)");
  return unique_fd{static_cast<int>(copy)};
}

result<int> status_flags(int fd) {
  const long flags = retried(SYS_fcntl, fd, F_GETFL);
  if (flags < 0) return failed(flags, "fcntl(F_GETFL)");
  return static_cast<int>(flags);
}

result<void> set_nonblocking(int fd, bool yes) {
  auto flags = status_flags(fd);
  if (!flags) return failure{flags.error()};
  const int wanted = yes ? *flags | O_NONBLOCK : *flags & ~O_NONBLOCK;
  if (wanted == *flags) return {};
  const long outcome = retried(SYS_fcntl, fd, F_SETFL, wanted);
  if (outcome < 0) return failed(outcome, "fcntl(F_SETFL)");
  return {};
}

result<void> lock_file(int fd, int operation) {
  const long outcome = retried(SYS_flock, fd, operation);
  if (outcome < 0) return failed(outcome, "flock");
  return {};
}

result<std::size_t> read(int fd, mutable_bytes into, int flags) {
  return byte_count(read_outcome(fd, into, flags), "read");
}

result<std::size_t> write(int fd, const_bytes bytes) {
  return byte_count(write_outcome(fd, bytes), "write");
}

result<std::size_t> write(int fd, byte_parts parts, int flags) {
  return byte_count(write_outcome(fd, parts, flags), "write");
}

result<std::size_t> write_masked(int fd, byte_parts parts, int flags) {
  using kernel_set = std::uint64_t;
  constexpr kernel_set sigpipe = kernel_set{1} << (SIGPIPE - 1);
  kernel_set before = 0;
  kernel_set pending = 0;
  const long blocked =
      retried(SYS_rt_sigprocmask, SIG_BLOCK, &sigpipe, &before, sizeof(kernel_set));
  if (blocked < 0) return failed(blocked, "rt_sigprocmask");
  retried(SYS_rt_sigpending, &pending, sizeof(kernel_set));

  auto taken = write(fd, parts, flags);

  const bool raised = !taken && taken.error() == std::errc::broken_pipe;
  if (raised && (pending & sigpipe) == 0) {
    // SIGPIPE of a write is sent to the writing thread, so it is here by now.
    constexpr timespec at_once{};
    retried(SYS_rt_sigtimedwait, &sigpipe, static_cast<const void*>(nullptr), &at_once,
            sizeof(kernel_set));
  }
  if ((before & sigpipe) == 0) {
    retried(SYS_rt_sigprocmask, SIG_SETMASK, &before, static_cast<const void*>(nullptr),
            sizeof(kernel_set));
  }
  return taken;
}

result<short> poll(int fd, short events, deadline until) {
  pollfd watched{.fd = fd, .events = events, .revents = 0};
  for (;;) {
    timespec left{};
    if (!until.is_never()) left = to_timespec(until.remaining());
    const timespec* timeout = until.is_never() ? nullptr : &left;
    const long ready = once(SYS_ppoll, &watched, 1, timeout, static_cast<const void*>(nullptr), 0);
    if (ready > 0) return watched.revents;
    // A time-out that the kernel's timer rounded early is not one yet.
    if (ready == 0 && until.has_passed()) return short{0};
    if (ready < 0 && ready != -EINTR) return failed(ready, "poll");
    if (ready == -EINTR && until.has_passed()) until = deadline::now();
  }
}

namespace {

result<void> wait_for(int fd, short events, deadline until, const char* operation) {
  auto ready = poll(fd, events, until);
  if (!ready) return failure{ready.error()};
  if (*ready == 0) return failure{std::errc::timed_out, operation};
  if ((*ready & POLLNVAL) != 0)
    return failure{std::errc::bad_file_descriptor, operation,
                   "something else in this process closed our descriptor"};
  return {};
}

}  // namespace

result<void> wait_readable(int fd, deadline until) {
  return wait_for(fd, POLLIN, until, "wait_readable");
}

result<void> wait_writable(int fd, deadline until) {
  return wait_for(fd, POLLOUT, until, "wait_writable");
}

result<bool> is_readable(int fd) {
  auto ready = poll(fd, POLLIN, deadline::now());
  if (!ready) return failure{ready.error()};
  if ((*ready & POLLNVAL) != 0)
    return failure{std::errc::bad_file_descriptor, "is_readable",
                   "something else in this process closed our descriptor"};
  return *ready != 0;
}

result<void> sleep(deadline until) {
  while (!until.has_passed()) {
    timespec left{};
    if (!until.is_never()) left = to_timespec(until.remaining());
    const timespec* timeout = until.is_never() ? nullptr : &left;
    constexpr void* nothing = nullptr;
    const long outcome = once(SYS_ppoll, nothing, 0, timeout, nothing, 0);
    if (outcome < 0 && outcome != -EINTR) return failed(outcome, "poll");
  }
  return {};
}

result<pipe_ends> pipe() {
  std::array<int, 2> fds{-1, -1};
  const long outcome = retried(SYS_pipe2, fds.data(), O_CLOEXEC);
  if (outcome < 0) return failed(outcome, "pipe2");
  return pipe_ends{unique_fd{fds[0]}, unique_fd{fds[1]}};
}

result<std::size_t> pipe_capacity(int fd) {
  const long bytes = retried(SYS_fcntl, fd, F_GETPIPE_SZ);
  if (bytes < 0) return failed(bytes, "fcntl(F_GETPIPE_SZ)");
  return static_cast<std::size_t>(bytes);
}

result<std::size_t> set_pipe_capacity(int fd, std::size_t bytes) {
  constexpr const char* operation = "fcntl(F_SETPIPE_SZ)";
  // The kernel takes an int; what does not fit would otherwise wrap around to something small.
  if (bytes > std::size_t{1} << 31)
    return failure{std::errc::invalid_argument, operation, "a pipe holds at most 2 GiB"};
  const long actual = retried(SYS_fcntl, fd, F_SETPIPE_SZ, bytes);
  if (actual == -EPERM)
    return failure{
        error::from_errno(EPERM, operation,
                          "beyond the sysctl fs.pipe-max-size, or this user's pipes together "
                          "are beyond fs.pipe-user-pages-soft")};
  if (actual == -EBUSY)
    return failure{error::from_errno(EBUSY, operation, "what is in the pipe now would not fit")};
  if (actual < 0) return failed(actual, operation);
  return static_cast<std::size_t>(actual);
}

}  // namespace sluice::syscall
