#include "os/syscall_queues.hpp"

#include <fcntl.h>
#include <mqueue.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "os/syscall.hpp"

namespace sluice::syscall {

namespace {

static_assert(queue_no_wait == IPC_NOWAIT && queue_except == MSG_EXCEPT);

constexpr void* nothing = nullptr;

queue_record to_record(int id, const msqid_ds& found) noexcept {
  return {
      .id = id,
      .key = found.msg_perm.__key,
      .owner = found.msg_perm.uid,
      .group = found.msg_perm.gid,
      .creator = found.msg_perm.cuid,
      .mode = static_cast<mode_t>(found.msg_perm.mode & 0777),
      .messages = found.msg_qnum,
      .bytes = found.__msg_cbytes,
      .capacity_bytes = found.msg_qbytes,
      .last_sender = found.msg_lspid,
      .last_receiver = found.msg_lrpid,
      .last_send = found.msg_stime,
      .last_receive = found.msg_rtime,
      .last_change = found.msg_ctime,
  };
}

// Without permission to read: by the place in the kernel's table, which is the lower bits of the id
// (fifteen of them, or twenty-four where the kernel was started with ipcmni_extend).
long inspect_unread(int id, msqid_ds& found) noexcept {
  for (const int mask : {0x7fff, 0xff'ffff}) {
    const long told = retried(SYS_msgctl, id & mask, MSG_STAT_ANY, &found);
    if (told == id) return 0;
  }
  return -EACCES;
}

}  // namespace

result<int> queue_create(key_t key, mode_t mode) {
  constexpr const char* operation = "msgget";
  const long id = retried(SYS_msgget, key, IPC_CREAT | IPC_EXCL | (mode & 0777));
  if (id == -ENOSPC)
    return failure{error::from_errno(ENOSPC, operation,
                                     "too many queues on this machine: the sysctl kernel.msgmni")};
  if (id < 0) return failed(id, operation);
  return static_cast<int>(id);
}

result<int> queue_find(key_t key) {
  const long id = retried(SYS_msgget, key, 0);
  if (id < 0) return failed(id, "msgget");
  return static_cast<int>(id);
}

result<queue_record> queue_inspect(int id) {
  msqid_ds found{};
  long outcome = retried(SYS_msgctl, id, IPC_STAT, &found);
  if (outcome == -EACCES) outcome = inspect_unread(id, found);
  if (outcome < 0) return failed(outcome, "msgctl(IPC_STAT)");
  return to_record(id, found);
}

result<void> queue_change(int id, const queue_record& wanted) {
  constexpr const char* operation = "msgctl(IPC_SET)";
  msqid_ds change{};
  change.msg_perm.uid = wanted.owner;
  change.msg_perm.gid = wanted.group;
  change.msg_perm.mode = static_cast<unsigned short>(wanted.mode & 0777);
  change.msg_qbytes = wanted.capacity_bytes;
  const long outcome = retried(SYS_msgctl, id, IPC_SET, &change);
  if (outcome == -EPERM)
    return failure{error::from_errno(EPERM, operation,
                                     "only owner, creator and root may, and a capacity beyond the "
                                     "sysctl kernel.msgmnb takes CAP_SYS_RESOURCE")};
  if (outcome < 0) return failed(outcome, operation);
  return {};
}

result<void> queue_remove(int id) {
  const long outcome = retried(SYS_msgctl, id, IPC_RMID, nothing);
  if (outcome == -EPERM)
    return failure{error::from_errno(EPERM, "msgctl(IPC_RMID)",
                                     "only owner, creator and root may remove a queue")};
  if (outcome < 0) return failed(outcome, "msgctl(IPC_RMID)");
  return {};
}

result<queue_limits> queue_limits_now() {
  msginfo found{};
  constexpr int any_queue = 0;
  const long outcome = retried(SYS_msgctl, any_queue, MSG_INFO, &found);
  if (outcome < 0) return failed(outcome, "msgctl(MSG_INFO)");
  const auto count = [](int number) { return static_cast<std::size_t>(number < 0 ? 0 : number); };
  return queue_limits{.message_bytes = count(found.msgmax),
                      .queue_bytes = count(found.msgmnb),
                      .queues = count(found.msgmni),
                      .queues_in_use = count(found.msgpool)};
}

result<unique_fd> posix_queue_create(const char* name, mode_t mode,
                                     const posix_queue_record& wanted) {
  constexpr const char* operation = "mq_open";
  mq_attr attributes{};
  attributes.mq_maxmsg = static_cast<long>(wanted.capacity_messages);
  attributes.mq_msgsize = static_cast<long>(wanted.max_message_bytes);
  const long fd =
      retried(SYS_mq_open, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode, &attributes);
  if (fd == -ENOSPC)
    return failure{error::from_errno(
        ENOSPC, operation, "too many queues on this machine: the sysctl fs.mqueue.queues_max")};
  if (fd == -EINVAL)
    return failure{error::from_errno(EINVAL, operation,
                                     "beyond the sysctl fs.mqueue.msg_max (messages) or "
                                     "fs.mqueue.msgsize_max (bytes of one)")};
  if (fd == -EMFILE)
    return failure{error::from_errno(EMFILE, operation,
                                     "too many bytes in the queues of this user: raise "
                                     "RLIMIT_MSGQUEUE (ulimit -q); or too many descriptors in this "
                                     "process: raise RLIMIT_NOFILE (ulimit -n)")};
  if (fd < 0) return failed(fd, operation);
  return unique_fd{static_cast<int>(fd)};
}

result<unique_fd> posix_queue_open(const char* name, queue_access how) {
  const int access = how == queue_access::read ? O_RDONLY : O_WRONLY;
  const long fd = retried(SYS_mq_open, name, access | O_CLOEXEC, 0, nothing);
  if (fd < 0) return failed(fd, "mq_open");
  return unique_fd{static_cast<int>(fd)};
}

result<bool> queue_allows(int fd, queue_access how) {
  auto flags = status_flags(fd);
  if (!flags) return failure{flags.error()};
  const int access = *flags & O_ACCMODE;
  return access == O_RDWR || access == (how == queue_access::read ? O_RDONLY : O_WRONLY);
}

result<posix_queue_record> posix_queue_inspect(int fd) {
  mq_attr found{};
  const long outcome = retried(SYS_mq_getsetattr, fd, nothing, &found);
  if (outcome < 0) return failed(outcome, "mq_getattr");
  return posix_queue_record{.capacity_messages = static_cast<std::size_t>(found.mq_maxmsg),
                            .max_message_bytes = static_cast<std::size_t>(found.mq_msgsize),
                            .messages = static_cast<std::size_t>(found.mq_curmsgs)};
}

result<void> posix_queue_unlink(const char* name) {
  const long outcome = retried(SYS_mq_unlink, name);
  if (outcome < 0) return failed(outcome, "mq_unlink");
  return {};
}

result<std::size_t> posix_queue_bytes_limit() {
  rlimit found{};
  constexpr int ourselves = 0;
  const long outcome = retried(SYS_prlimit64, ourselves, int{RLIMIT_MSGQUEUE}, nothing, &found);
  if (outcome < 0) return failed(outcome, "getrlimit");
  return static_cast<std::size_t>(found.rlim_cur);
}

}  // namespace sluice::syscall
