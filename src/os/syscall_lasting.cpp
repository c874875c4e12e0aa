#include "os/syscall_lasting.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/statfs.h>

#include <array>
#include <cstring>
#include <string_view>

#include "os/syscall.hpp"
#include "os/syscall_invoke.hpp"

namespace sluice::syscall {

result<std::vector<std::string>> directory_entries(int directory) {
  // A description of its own: where it is read from is a property of the description.
  auto own = open_at(directory, ".", O_RDONLY | O_DIRECTORY);
  if (!own) return failure{own.error()};
  std::vector<std::string> names;
  alignas(dirent64) std::array<char, 8192> entries;
  for (;;) {
    const long bytes = retried(SYS_getdents64, own->get(), entries.data(), entries.size());
    if (bytes < 0) return failed(bytes, "getdents64");
    if (bytes == 0) return names;
    for (std::size_t at = 0; at < static_cast<std::size_t>(bytes);) {
      std::uint16_t length = 0;
      std::memcpy(&length, &entries[at + offsetof(dirent64, d_reclen)], sizeof length);
      const std::string_view name = &entries[at + offsetof(dirent64, d_name)];
      if (name != "." && name != "..") names.emplace_back(name);
      at += length;
    }
  }
}

result<struct stat> status_followed(const char* path) {
  struct stat found {};
  const long outcome = retried(SYS_newfstatat, AT_FDCWD, path, &found, 0);
  if (outcome < 0) return failed(outcome, "fstatat");
  return found;
}

result<std::string> file_text(const char* path) {
  auto file = open_at(AT_FDCWD, path, O_RDONLY);
  if (!file) return failure{file.error()};
  std::string text;
  std::array<std::byte, 4096> piece;
  for (;;) {
    auto bytes = read(file->get(), piece);
    if (!bytes) return failure{bytes.error()};
    if (*bytes == 0) return text;
    text.append(reinterpret_cast<const char*>(piece.data()), *bytes);
  }
}

result<std::int64_t> file_system(const char* path) {
  struct statfs found {};
  const long outcome = retried(SYS_statfs, path, &found);
  if (outcome < 0) return failed(outcome, "statfs");
  return static_cast<std::int64_t>(found.f_type);
}

namespace {

void add_user(std::vector<pid_t>& users, pid_t id) {
  if (id > 0 && std::find(users.begin(), users.end(), id) == users.end()) users.push_back(id);
}

const char* operation_of(system_v kind) noexcept {
  switch (kind) {
    case system_v::queue:
      return "msgctl";
    case system_v::memory:
      return "shmctl";
    case system_v::semaphores:
      break;
  }
  return "semctl";
}

long control(system_v kind, int number, int command, void* into) noexcept {
  switch (kind) {
    case system_v::queue:
      return retried(SYS_msgctl, number, command, into);
    case system_v::memory:
      return retried(SYS_shmctl, number, command, into);
    case system_v::semaphores:
      break;
  }
  return retried(SYS_semctl, number, 0, command, into);
}

system_v_status with_permissions(const ipc_perm& permissions) {
  system_v_status status;
  status.key = permissions.__key;
  status.owner = permissions.uid;
  status.mode = permissions.mode & 0777;
  return status;
}

system_v_status described(const msqid_ds& found) {
  system_v_status status = with_permissions(found.msg_perm);
  status.size = found.__msg_cbytes;
  status.changed = found.msg_ctime;
  status.used = std::max(found.msg_stime, found.msg_rtime);
  add_user(status.last_users, found.msg_lspid);
  add_user(status.last_users, found.msg_lrpid);
  return status;
}

system_v_status described(const shmid_ds& found) {
  system_v_status status = with_permissions(found.shm_perm);
  status.size = found.shm_segsz;
  status.attached = found.shm_nattch;
  status.changed = found.shm_ctime;
  status.used = std::max(found.shm_atime, found.shm_dtime);
  add_user(status.last_users, found.shm_cpid);
  add_user(status.last_users, found.shm_lpid);
  return status;
}

system_v_status described(const semid_ds& found) {
  system_v_status status = with_permissions(found.sem_perm);
  status.size = found.sem_nsems;
  status.changed = found.sem_ctime;
  status.used = found.sem_otime;
  return status;
}

void add_semaphore_users(system_v_status& status) {
  for (std::uint64_t one = 0; one < status.size; ++one) {
    const long user = retried(SYS_semctl, status.id, one, GETPID, 0);
    if (user < 0) return;  // not ours to read; the rest is known all the same
    add_user(status.last_users, static_cast<pid_t>(user));
  }
}

// The commands that look by index return the id, IPC_STAT returns 0.
template <class Description>
result<system_v_status> status_by(system_v kind, int number, int command) {
  Description found{};
  const long outcome = control(kind, number, command, &found);
  if (outcome < 0) return failed(outcome, operation_of(kind));
  system_v_status status = described(found);
  status.id = command == IPC_STAT ? number : static_cast<int>(outcome);
  if (kind == system_v::semaphores) add_semaphore_users(status);
  return status;
}

struct commands {
  int information;
  int status;
};

commands commands_of(system_v kind) noexcept {
  switch (kind) {
    case system_v::queue:
      return {.information = MSG_INFO, .status = MSG_STAT_ANY};
    case system_v::memory:
      return {.information = SHM_INFO, .status = SHM_STAT_ANY};
    case system_v::semaphores:
      break;
  }
  return {.information = SEM_INFO, .status = SEM_STAT_ANY};
}

result<system_v_status> status_by(system_v kind, int number, int command) {
  switch (kind) {
    case system_v::queue:
      return status_by<msqid_ds>(kind, number, command);
    case system_v::memory:
      return status_by<shmid_ds>(kind, number, command);
    case system_v::semaphores:
      break;
  }
  return status_by<semid_ds>(kind, number, command);
}

bool says_gone(const error& why) noexcept {
  return why == std::errc::invalid_argument || why == std::errc::identifier_removed;
}

}  // namespace

result<int> highest_index(system_v kind) {
  // More than the kernel's structures need; only the returned number is wanted.
  alignas(std::max_align_t) std::array<std::byte, 256> limits{};
  const long highest = control(kind, 0, commands_of(kind).information, limits.data());
  if (highest < 0) return failed(highest, operation_of(kind));
  return static_cast<int>(highest);
}

result<std::optional<system_v_status>> status_at_index(system_v kind, int index) {
  auto status = status_by(kind, index, commands_of(kind).status);
  if (!status && says_gone(status.error())) return std::optional<system_v_status>{};
  if (!status) return failure{status.error()};
  return std::optional<system_v_status>{std::move(*status)};
}

result<system_v_status> status_of(system_v kind, int id) {
  auto status = status_by(kind, id, IPC_STAT);
  if (!status && says_gone(status.error())) return failure{errc::removed, operation_of(kind)};
  return status;
}

result<void> remove_object(system_v kind, int id) {
  const long outcome = control(kind, id, IPC_RMID, nullptr);
  if (outcome == -EINVAL || outcome == -EIDRM) return failure{errc::removed, operation_of(kind)};
  if (outcome == -EPERM)
    return failure{error::from_errno(EPERM, operation_of(kind),
                                     "only its owner, its creator and root may remove it")};
  if (outcome < 0) return failed(outcome, operation_of(kind));
  return {};
}

}  // namespace sluice::syscall
