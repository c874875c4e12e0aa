#pragma once
// The door, message queues: System V (by number, without a descriptor) and POSIX (by descriptor).
// The policy is that of syscall.hpp. What every message makes is inline, as in syscall_invoke.hpp.

#include <sys/types.h>
#include <time.h>

#include <cstddef>
#include <cstdint>
#include <sluice/base/result.hpp>
#include <sluice/os/unique_fd.hpp>

#include "os/syscall_invoke.hpp"

namespace sluice::syscall {

// System V queues. Source: msgget(2), msgctl(2), msgop(2).

/// What the kernel knows of one.
struct queue_record {
  int id = -1;
  key_t key = 0;
  uid_t owner = 0;
  gid_t group = 0;
  uid_t creator = 0;
  mode_t mode = 0;
  std::size_t messages = 0;
  std::size_t bytes = 0;
  std::size_t capacity_bytes = 0;  // msg_qbytes
  pid_t last_sender = 0;
  pid_t last_receiver = 0;
  std::int64_t last_send = 0;  // seconds of the wall clock, 0: never
  std::int64_t last_receive = 0;
  std::int64_t last_change = 0;
};
/// Makes one that did not exist (`file_exists`); IPC_PRIVATE (0) always does.
[[nodiscard]] result<int> queue_create(key_t key, mode_t mode);
[[nodiscard]] result<int> queue_find(key_t key);
/// Also of a queue that we may not read, where the kernel tells that (Linux 4.17).
[[nodiscard]] result<queue_record> queue_inspect(int id);
/// Sets owner, group, mode and capacity.
[[nodiscard]] result<void> queue_change(int id, const queue_record& wanted);
[[nodiscard]] result<void> queue_remove(int id);

/// What the kernel allows in this IPC namespace, now.
struct queue_limits {
  std::size_t message_bytes = 0;  // kernel.msgmax
  std::size_t queue_bytes = 0;    // kernel.msgmnb: capacity of new queues
  std::size_t queues = 0;         // kernel.msgmni
  std::size_t queues_in_use = 0;
};
[[nodiscard]] result<queue_limits> queue_limits_now();

inline constexpr int queue_no_wait = 04000;  // IPC_NOWAIT
inline constexpr int queue_except = 020000;  // MSG_EXCEPT
/// `message` is its type (a long) and `bytes` of text. 0 or minus the errno.
inline long queue_send_outcome(int id, const void* message, std::size_t bytes, int flags) noexcept {
  return retried(SYS_msgsnd, id, message, bytes, flags);
}
/// How many bytes of text came, or minus the errno.
inline long queue_receive_outcome(int id, void* message, std::size_t bytes, long type,
                                  int flags) noexcept {
  return retried(SYS_msgrcv, id, message, bytes, type, flags);
}

// POSIX queues. Names are as in mq_open(3) without the slash. Source: mq_overview(7).

struct posix_queue_record {
  std::size_t capacity_messages = 0;
  std::size_t max_message_bytes = 0;
  std::size_t messages = 0;
};
/// Makes one that did not exist (`file_exists`), for reading and writing. The umask applies.
[[nodiscard]] result<unique_fd> posix_queue_create(const char* name, mode_t mode,
                                                   const posix_queue_record& wanted);
enum class queue_access { read, write };
[[nodiscard]] result<unique_fd> posix_queue_open(const char* name, queue_access how);
/// Whether the descriptor was opened for this.
[[nodiscard]] result<bool> queue_allows(int fd, queue_access how);
/// Fails with `bad_file_descriptor` for what is no queue.
[[nodiscard]] result<posix_queue_record> posix_queue_inspect(int fd);
[[nodiscard]] result<void> posix_queue_unlink(const char* name);
/// RLIMIT_MSGQUEUE: bytes in all queues of this process's user.
[[nodiscard]] result<std::size_t> posix_queue_bytes_limit();

// An end that lies in the past makes them try and not wait, without O_NONBLOCK, which all who share
// the description would have. -ETIMEDOUT then says that they would block.
inline long posix_send_outcome(int fd, const void* message, std::size_t bytes, unsigned priority,
                               bool may_wait) noexcept {
  constexpr timespec past{};
  return retried(SYS_mq_timedsend, fd, message, bytes, priority, may_wait ? nullptr : &past);
}
inline long posix_receive_outcome(int fd, void* into, std::size_t bytes, unsigned& priority,
                                  bool may_wait) noexcept {
  constexpr timespec past{};
  return retried(SYS_mq_timedreceive, fd, into, bytes, &priority, may_wait ? nullptr : &past);
}

}  // namespace sluice::syscall
