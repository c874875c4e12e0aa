#include "os/syscall_signals.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>

#include "os/syscall.hpp"
#include "os/syscall_invoke.hpp"

namespace sluice::syscall {

namespace {

using kernel_set = std::uint64_t;

// Blocking what the C library uses between its threads (cancelling, changing user) would hang it.
kernel_set without_reserved(kernel_set set) noexcept {
  const int first_of_programs = SIGRTMIN;  // asks the C library
  const kernel_set below = (kernel_set{1} << (first_of_programs - 1)) - 1;
  constexpr kernel_set standard = (kernel_set{1} << 31) - 1;
  return set & ~(below & ~standard);
}

result<kernel_set> change_mask(int how, kernel_set set) {
  const kernel_set wanted = without_reserved(set);
  kernel_set before = 0;
  const long outcome = retried(SYS_rt_sigprocmask, how, &wanted, &before, sizeof(kernel_set));
  if (outcome < 0) return failed(outcome, "rt_sigprocmask");
  return before;
}

siginfo_t filled(const queued_signal& signal, pid_t self) noexcept {
  siginfo_t info;
  std::memset(&info, 0, sizeof info);  // the kernel refuses what it does not know in the rest
  info.si_signo = signal.number;
  info.si_code = SI_QUEUE;
  info.si_errno = signal.mark;
  info.si_pid = self;
  info.si_uid = static_cast<uid_t>(once(SYS_getuid));
  static_assert(sizeof info.si_value == sizeof signal.payload);
  std::memcpy(&info.si_value, &signal.payload, sizeof signal.payload);
  return info;
}

failure not_queued(long outcome, const char* operation) noexcept {
  if (outcome == -EAGAIN)
    return error::from_errno(EAGAIN, operation,
                             "the queue is full: RLIMIT_SIGPENDING (ulimit -i) of the receiver, "
                             "over all signals pending for its user");
  return failed(outcome, operation);
}

}  // namespace

result<std::uint64_t> block_signals(std::uint64_t set) { return change_mask(SIG_BLOCK, set); }
result<std::uint64_t> unblock_signals(std::uint64_t set) { return change_mask(SIG_UNBLOCK, set); }

bool set_signal_mask(std::uint64_t set) noexcept {
  const kernel_set wanted = without_reserved(set);
  constexpr void* nothing = nullptr;
  return retried(SYS_rt_sigprocmask, SIG_SETMASK, &wanted, nothing, sizeof(kernel_set)) >= 0;
}

namespace {

struct sigaction as_native(const signal_action& action) noexcept {
  // Of the mask the kernel reads its own width, a sixteenth: the rest need not be cleared.
  struct sigaction native;
  native.sa_handler = action.handler;
  native.sa_flags = action.flags;
  std::memcpy(&native.sa_mask, &action.blocked, sizeof action.blocked);
  return native;
}

}  // namespace

bool set_signal_action(int number, const signal_action& action) noexcept {
  const struct sigaction wanted = as_native(action);
  return ::sigaction(number, &wanted, nullptr) == 0;
}

int exchange_signal_action(int number, const signal_action& action,
                           signal_action& before) noexcept {
  const struct sigaction wanted = as_native(action);
  struct sigaction found;
  if (::sigaction(number, &wanted, &found) != 0) return -errno;
  before.handler = found.sa_handler;
  before.flags = found.sa_flags;
  std::memcpy(&before.blocked, &found.sa_mask, sizeof before.blocked);
  return 0;
}

failure action_refused(int outcome) noexcept { return failed(outcome, "sigaction"); }

result<void> queue_signal(int process, const queued_signal& signal) {
  const siginfo_t info = filled(signal, process_id());
  const long outcome = retried(SYS_pidfd_send_signal, process, signal.number, &info, 0);
  if (outcome < 0) return not_queued(outcome, "pidfd_send_signal");
  return {};
}

result<void> queue_signal_to_self(const queued_signal& signal) {
  const pid_t self = process_id();
  const siginfo_t info = filled(signal, self);
  const long outcome = retried(SYS_rt_sigqueueinfo, self, signal.number, &info);
  if (outcome < 0) return not_queued(outcome, "rt_sigqueueinfo");
  return {};
}

result<void> queue_signal_to_thread(pid_t thread, const queued_signal& signal) {
  const pid_t self = process_id();
  const siginfo_t info = filled(signal, self);
  const long outcome = retried(SYS_rt_tgsigqueueinfo, self, thread, signal.number, &info);
  if (outcome < 0) return not_queued(outcome, "rt_tgsigqueueinfo");
  return {};
}

result<void> send_signal_to_group(int leader, pid_t id, int number) {
  constexpr unsigned whole_group = 1U << 2;  // PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9
  constexpr void* as_kill_does = nullptr;
  long outcome = retried(SYS_pidfd_send_signal, leader, number, as_kill_does, whole_group);
  if (outcome >= 0) return {};
  if (outcome != -EINVAL) return failed(outcome, "pidfd_send_signal");
  // By its number, which nobody else can have as long as the leader was not reaped.
  constexpr int nothing = 0;
  outcome = retried(SYS_pidfd_send_signal, leader, nothing, as_kill_does, 0);
  if (outcome == -ESRCH) return failed(outcome, "pidfd_send_signal");
  outcome = retried(SYS_kill, -id, number);
  if (outcome < 0) return failed(outcome, "kill");
  return {};
}

result<unique_fd> signal_descriptor(std::uint64_t set) {
  const long fd = retried(SYS_signalfd4, -1, &set, sizeof set, SFD_CLOEXEC | SFD_NONBLOCK);
  if (fd < 0) return failed(fd, "signalfd");
  return unique_fd{static_cast<int>(fd)};
}

result<std::size_t> read_signals(int fd, std::span<signal_record> into) {
  // Left uninitialised: the kernel fills what it says it filled.
  std::array<signalfd_siginfo, max_signal_records> found;
  const std::size_t room = std::min(into.size(), found.size());
  if (room == 0) return std::size_t{0};
  const long got = retried(SYS_read, fd, found.data(), room * sizeof found[0]);
  if (got < 0) return failed(got, "read(signalfd)");
  const std::size_t count = static_cast<std::size_t>(got) / sizeof found[0];
  for (std::size_t i = 0; i < count; ++i) {
    const signalfd_siginfo& one = found[i];
    into[i] = {.number = static_cast<int>(one.ssi_signo),
               .code = one.ssi_code,
               .mark = one.ssi_errno,
               .sender = static_cast<pid_t>(one.ssi_pid),
               .user = one.ssi_uid,
               .status = one.ssi_status,
               .payload = one.ssi_ptr};
  }
  return count;
}

result<void> wait_any_readable(std::array<int, 2> fds, deadline until) {
  std::array<pollfd, 2> watched{pollfd{.fd = fds[0], .events = POLLIN, .revents = 0},
                                pollfd{.fd = fds[1], .events = POLLIN, .revents = 0}};
  for (;;) {
    timespec left{};
    const timespec* timeout = nullptr;
    if (!until.is_never()) {
      const auto rest = until.remaining();
      const auto seconds = std::chrono::floor<std::chrono::seconds>(rest);
      left = {.tv_sec = seconds.count(), .tv_nsec = (rest - seconds).count()};
      timeout = &left;
    }
    constexpr void* same_mask = nullptr;
    const long ready = once(SYS_ppoll, watched.data(), watched.size(), timeout, same_mask, 0);
    if (ready > 0) return {};
    if (ready < 0 && ready != -EINTR) return failed(ready, "poll");
    if (ready == 0 && until.has_passed()) return failure{std::errc::timed_out, "wait_any_readable"};
    if (ready == -EINTR && until.has_passed()) until = deadline::now();
  }
}

result<std::string> read_text(const char* path) {
  auto fd = open_at(AT_FDCWD, path, O_RDONLY | O_NOCTTY);
  if (!fd) return failure{fd.error()};
  std::string text;
  std::array<std::byte, 2048> piece;
  for (;;) {
    auto got = read(fd->get(), piece);
    if (!got) return failure{got.error()};
    if (*got == 0) return text;
    text += text_of(const_bytes{piece}.first(*got));
  }
}

pid_t thread_id() noexcept { return static_cast<pid_t>(once(SYS_gettid)); }

}  // namespace sluice::syscall
