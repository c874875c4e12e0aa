#pragma once
// The one door to the kernel. Every function is one system call with the library's policy:
//  - EINTR is retried and never seen by a caller; a wait goes on with what is left of its deadline;
//  - descriptors are close-on-exec;
//  - no SIGPIPE: the kernel's no-signal write flag (Linux 6.18), else write_masked();
//  - a failure carries the name of the call, the untouched errno and, at a limit, what to raise.
// Types of the kernel stay behind this header where they can.

#include <sys/stat.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <sluice/base/bytes.hpp>
#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/process.hpp>
#include <sluice/os/unique_fd.hpp>
#include <span>
#include <string>

namespace sluice::syscall {

// Descriptors.
void close(int fd) noexcept;
[[nodiscard]] result<unique_fd> open_at(int directory, const char* path, int flags,
                                        mode_t mode = 0);
[[nodiscard]] result<unique_fd> duplicate(int fd, int lowest = 0);
[[nodiscard]] result<int> status_flags(int fd);
[[nodiscard]] result<void> set_nonblocking(int fd, bool yes);  // for all who share it
[[nodiscard]] result<void> lock_file(int fd, int operation);   // flock(2)

// Bytes. `flags` are the RWF_ flags of preadv2(2); 0 is a plain call.
[[nodiscard]] result<std::size_t> read(int fd, mutable_bytes into, int flags = 0);
[[nodiscard]] result<std::size_t> write(int fd, byte_parts parts, int flags = 0);
/// One piece, plainly: without a list of pieces that the kernel would have to copy and check.
[[nodiscard]] result<std::size_t> write(int fd, const_bytes bytes);
/// As `write`, for kernels without the no-signal flag: blocks SIGPIPE, writes, takes back the
/// signal that this write raised, and restores the mask; a SIGPIPE that was pending stays pending.
[[nodiscard]] result<std::size_t> write_masked(int fd, byte_parts parts, int flags = 0);
/// The no-signal flag of pwritev2(2), which the distribution's headers do not know yet.
inline constexpr int no_signal = 0x00000100;  // RWF_NOSIGNAL, Linux 6.18
inline constexpr int no_wait = 0x00000008;    // RWF_NOWAIT

/// Waits for `events` on one descriptor. Returns what poll(2) reports: 0 once the deadline passed.
[[nodiscard]] result<short> poll(int fd, short events, deadline until);
/// Waits until the descriptor can be read or written, or has an end or an error to report;
/// `timed_out` once the deadline passed.
[[nodiscard]] result<void> wait_readable(int fd, deadline until);
[[nodiscard]] result<void> wait_writable(int fd, deadline until);
/// Whether it can be read, or has an end or an error to report, now: without an error to be made
/// and told apart where the answer is no, as it nearly always is to who asks whether a process
/// died.
[[nodiscard]] result<bool> is_readable(int fd);
/// Sleeps until the deadline or for ever.
[[nodiscard]] result<void> sleep(deadline until);

// Pipes.
struct pipe_ends {
  unique_fd reader;
  unique_fd writer;
};
[[nodiscard]] result<pipe_ends> pipe();
[[nodiscard]] result<std::size_t> pipe_capacity(int fd);
[[nodiscard]] result<std::size_t> set_pipe_capacity(int fd, std::size_t bytes);

// Names.
[[nodiscard]] result<struct stat> status(int fd);
[[nodiscard]] result<struct stat> status_at(int directory,
                                            const char* leaf);  // no symlink followed
[[nodiscard]] result<void> make_fifo(int directory, const char* leaf, mode_t mode);
[[nodiscard]] result<void> make_directory(int directory, const char* leaf, mode_t mode);
[[nodiscard]] result<void> set_mode(int fd, mode_t mode);
[[nodiscard]] result<void> unlink_at(int directory, const char* leaf);
/// Gives `from` the name `to` if nobody has that (`file_exists`), in one step.
[[nodiscard]] result<void> rename_exclusive(int directory, const char* from, const char* to);
[[nodiscard]] result<std::string> read_link(const char* path);

// Memory.
[[nodiscard]] result<unique_fd> memory_file(const char* label);
[[nodiscard]] result<void> allocate(int fd, std::size_t bytes);
[[nodiscard]] result<void*> map_shared(int fd, std::size_t bytes, std::size_t offset,
                                       bool writable);
/// The same bytes twice in a row: what ends in the first copy goes on in the second.
[[nodiscard]] result<void*> map_shared_twice(int fd, std::size_t bytes, std::size_t offset,
                                             bool writable);
void unmap(void* address, std::size_t bytes) noexcept;
[[nodiscard]] std::size_t page_bytes() noexcept;

// Events, processes.
[[nodiscard]] result<unique_fd> event_counter(std::uint32_t initial, bool counting);
[[nodiscard]] result<unique_fd> process_handle(pid_t id);
[[nodiscard]] result<void> send_signal(int process, int number);
struct exited {
  bool yes = false;  // false: it lives
  bool by_signal = false;
  int value = 0;
};
/// Looks at the child behind a pidfd without waiting, and reaps it if it is dead.
[[nodiscard]] result<exited> reap(int process);
/// Forks through the C library, so that at-fork handlers run. 0 in the child.
[[nodiscard]] result<pid_t> fork();
/// Starts a program; the options are process::spawn's. Source: posix_spawn(3).
[[nodiscard]] result<pid_t> spawn(const spawn_options& options);
/// Kills and reaps a child of ours that cannot be handed to the caller.
void abandon_child(pid_t id) noexcept;
/// Ends this process without any handler or destructor.
[[noreturn]] void exit_now(int code) noexcept;
[[nodiscard]] pid_t process_id() noexcept;
[[nodiscard]] uid_t effective_user() noexcept;
[[nodiscard]] result<std::uint64_t> random_number();
[[nodiscard]] bool is_terminal(int fd) noexcept;

}  // namespace sluice::syscall
