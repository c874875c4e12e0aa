// The door, second half: names, memory, events and processes.

#include <fcntl.h>
#include <linux/memfd.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>
#include <string>

#include "os/syscall.hpp"
#include "os/syscall_invoke.hpp"

namespace sluice::syscall {

result<struct stat> status(int fd) {
  struct stat found {};
  const long outcome = retried(SYS_fstat, fd, &found);
  if (outcome < 0) return failed(outcome, "fstat");
  return found;
}

result<struct stat> status_at(int directory, const char* leaf) {
  struct stat found {};
  const long outcome = retried(SYS_newfstatat, directory, leaf, &found, AT_SYMLINK_NOFOLLOW);
  if (outcome < 0) return failed(outcome, "fstatat");
  return found;
}

result<void> make_fifo(int directory, const char* leaf, mode_t mode) {
  const long outcome = retried(SYS_mknodat, directory, leaf, S_IFIFO | (mode & 07777), 0);
  if (outcome < 0) return failed(outcome, "mkfifoat");
  return {};
}

result<void> make_directory(int directory, const char* leaf, mode_t mode) {
  const long outcome = retried(SYS_mkdirat, directory, leaf, mode);
  if (outcome < 0) return failed(outcome, "mkdirat");
  return {};
}

result<void> set_mode(int fd, mode_t mode) {
  // Also of what is only named (O_PATH), which fchmod(2) does not take: opening it for more may
  // need the very permissions that are missing.
  constexpr long fchmodat2 = 452;  // Linux 6.6, on every architecture; newer than the headers
  constexpr const char* itself = "";
  long outcome = retried(fchmodat2, fd, itself, mode, AT_EMPTY_PATH);
  if (outcome == -ENOSYS) {
    const std::string link = "/proc/self/fd/" + std::to_string(fd);
    outcome = retried(SYS_fchmodat, AT_FDCWD, link.c_str(), mode);
    if (outcome == -ENOENT)
      return failure{error::from_errno(ENOENT, "fchmodat",
                                       "setting a mode needs Linux 6.6, or /proc mounted")};
  }
  if (outcome < 0) return failed(outcome, "fchmodat");
  return {};
}

result<void> unlink_at(int directory, const char* leaf) {
  const long outcome = retried(SYS_unlinkat, directory, leaf, 0);
  if (outcome < 0) return failed(outcome, "unlinkat");
  return {};
}

result<void> rename_exclusive(int directory, const char* from, const char* to) {
  long outcome = retried(SYS_renameat2, directory, from, directory, to, unsigned{RENAME_NOREPLACE});
  if (outcome == -EINVAL || outcome == -ENOSYS) {
    // File systems without the exclusive rename: a hard link is exclusive as well.
    outcome = retried(SYS_linkat, directory, from, directory, to, 0);
    if (outcome >= 0) {
      auto done = unlink_at(directory, from);
      if (!done) static_cast<void>(unlink_at(directory, to));
      return done;
    }
  }
  if (outcome < 0) return failed(outcome, "renameat2");
  return {};
}

result<std::string> read_link(const char* path) {
  std::array<char, 4096> text;
  const long size = retried(SYS_readlinkat, AT_FDCWD, path, text.data(), text.size());
  if (size < 0) return failed(size, "readlinkat");
  return std::string(text.data(), static_cast<std::size_t>(size));
}

result<unique_fd> memory_file(const char* label) {
  const long fd = retried(SYS_memfd_create, label, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return failed(fd, "memfd_create");
  return unique_fd{static_cast<int>(fd)};
}

namespace {

// Beyond RLIMIT_FSIZE the kernel would kill by SIGXFSZ, also for files in memory.
result<void> check_file_size(std::size_t bytes) {
  constexpr const char* operation = "fallocate";
  rlimit limit{};
  constexpr void* unchanged = nullptr;
  const long outcome = retried(SYS_prlimit64, 0, int{RLIMIT_FSIZE}, unchanged, &limit);
  if (outcome >= 0 && limit.rlim_cur != RLIM_INFINITY && bytes > limit.rlim_cur)
    return failure{std::errc::file_too_large, operation,
                   "larger than RLIMIT_FSIZE allows (ulimit -f)"};
  if (bytes > std::size_t{std::numeric_limits<off_t>::max()})
    return failure{std::errc::file_too_large, operation, "no file can be that large"};
  return {};
}

}  // namespace

result<void> allocate(int fd, std::size_t bytes) {
  if (auto allowed = check_file_size(bytes); !allowed) return allowed;
  // In steps: tmpfs undoes an interrupted step, and under a storm of signals one large step would
  // never come to its end.
  std::size_t step = std::size_t{16} << 20;
  for (std::size_t done = 0; done < bytes;) {
    const std::size_t now = std::min(step, bytes - done);
    const long outcome = once(SYS_fallocate, fd, 0, done, now);
    if (outcome == -EINTR) {
      step = std::max(step / 4, std::size_t{4096});
      continue;
    }
    if (outcome < 0) return failed(outcome, "fallocate");
    done += now;
  }
  return {};
}

result<void*> map_shared(int fd, std::size_t bytes, std::size_t offset, bool writable) {
  const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  constexpr void* anywhere = nullptr;
  const long address = retried(SYS_mmap, anywhere, bytes, protection, MAP_SHARED, fd, offset);
  if (address < 0 && address > -4096) return failed(address, "mmap");
  return reinterpret_cast<void*>(address);
}

result<void*> map_shared_twice(int fd, std::size_t bytes, std::size_t offset, bool writable) {
  const int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
  constexpr void* anywhere = nullptr;
  // Room for both first, so that nothing else can be mapped behind the first one.
  const long room = retried(SYS_mmap, anywhere, 2 * bytes, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (room < 0 && room > -4096) return failed(room, "mmap");
  auto* const start = reinterpret_cast<std::byte*>(room);
  for (std::byte* at : {start, start + bytes}) {
    const long mapped =
        retried(SYS_mmap, at, bytes, protection, MAP_SHARED | MAP_FIXED, fd, offset);
    if (mapped < 0 && mapped > -4096) {
      unmap(start, 2 * bytes);
      return failed(mapped, "mmap");
    }
  }
  return static_cast<void*>(start);
}

void unmap(void* address, std::size_t bytes) noexcept { retried(SYS_munmap, address, bytes); }

std::size_t page_bytes() noexcept { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

result<unique_fd> event_counter(std::uint32_t initial, bool counting) {
  const int flags = EFD_CLOEXEC | (counting ? EFD_SEMAPHORE : 0);
  const long fd = retried(SYS_eventfd2, initial, flags);
  if (fd < 0) return failed(fd, "eventfd");
  return unique_fd{static_cast<int>(fd)};
}

result<unique_fd> process_handle(pid_t id) {
  const long fd = retried(SYS_pidfd_open, id, 0);  // close-on-exec by definition
  if (fd < 0) return failed(fd, "pidfd_open");
  return unique_fd{static_cast<int>(fd)};
}

result<void> send_signal(int process, int number) {
  constexpr void* as_kill_does = nullptr;
  const long outcome = retried(SYS_pidfd_send_signal, process, number, as_kill_does, 0);
  if (outcome < 0) return failed(outcome, "pidfd_send_signal");
  return {};
}

result<exited> reap(int process) {
  siginfo_t info{};
  constexpr int by_pidfd = 3;  // P_PIDFD, which glibc names only for its own waitid
  constexpr void* no_usage = nullptr;
  const long outcome = retried(SYS_waitid, by_pidfd, process, &info, WEXITED | WNOHANG, no_usage);
  if (outcome < 0) return failed(outcome, "waitid");
  if (info.si_pid == 0) return exited{};
  return exited{.yes = true, .by_signal = info.si_code != CLD_EXITED, .value = info.si_status};
}

pid_t process_id() noexcept { return static_cast<pid_t>(once(SYS_getpid)); }

uid_t effective_user() noexcept { return static_cast<uid_t>(once(SYS_geteuid)); }

result<std::uint64_t> random_number() {
  std::uint64_t number = 0;
  const long got = retried(SYS_getrandom, &number, sizeof number, 0);
  if (got < 0) return failed(got, "getrandom");
  return number;
}

bool is_terminal(int fd) noexcept {
  termios ignored{};
  return retried(SYS_ioctl, fd, TCGETS, &ignored) >= 0;
}

}  // namespace sluice::syscall
