#include "os/syscall_memory.hpp"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include <string>

#include "os/syscall.hpp"
#include "os/syscall_invoke.hpp"

namespace sluice::syscall {

result<unique_fd> unnamed_file(int directory, mode_t mode) {
  auto file = open_at(directory, ".", O_TMPFILE | O_RDWR, mode);
  // Kernels and file systems say in three ways that they cannot.
  if (!file && (file.error() == std::errc::is_a_directory ||
                file.error() == std::errc::no_such_file_or_directory))
    return failure{std::errc::operation_not_supported, "openat(O_TMPFILE)"};
  return file;
}

result<void> name_file(int fd, int directory, const char* leaf) {
  // By the descriptor itself where that is allowed, else by the way through /proc.
  long outcome = retried(SYS_linkat, fd, "", directory, leaf, AT_EMPTY_PATH);
  if (outcome == -ENOENT || outcome == -EPERM) {
    const std::string own = "/proc/self/fd/" + std::to_string(fd);
    outcome = retried(SYS_linkat, AT_FDCWD, own.c_str(), directory, leaf, AT_SYMLINK_FOLLOW);
  }
  if (outcome < 0) return failed(outcome, "linkat");
  return {};
}

result<bool> lies_in_memory(int fd) {
  struct statfs found {};
  const long outcome = retried(SYS_fstatfs, fd, &found);
  if (outcome < 0) return failed(outcome, "fstatfs");
  return found.f_type == TMPFS_MAGIC || found.f_type == RAMFS_MAGIC ||
         found.f_type == HUGETLBFS_MAGIC;
}

result<int> seals(int fd) {
  const long set = retried(SYS_fcntl, fd, F_GET_SEALS);
  if (set < 0) return failed(set, "fcntl(F_GET_SEALS)");
  return static_cast<int>(set);
}

result<void> add_seals(int fd, int more) {
  const long outcome = retried(SYS_fcntl, fd, F_ADD_SEALS, more);
  if (outcome < 0) return failed(outcome, "fcntl(F_ADD_SEALS)");
  return {};
}

result<void> populate(void* address, std::size_t bytes) {
  constexpr int populate_write = 23;  // MADV_POPULATE_WRITE, which older headers do not know
  const long outcome = retried(SYS_madvise, address, bytes, populate_write);
  if (outcome == -EFAULT || outcome == -EHWPOISON)
    return failure{std::errc::not_enough_memory, "madvise(MADV_POPULATE_WRITE)",
                   advice_for(ENOMEM)};
  if (outcome < 0) return failed(outcome, "madvise(MADV_POPULATE_WRITE)");
  return {};
}

result<int> segment_create(key_t key, std::size_t bytes, mode_t mode) {
  constexpr const char* operation = "shmget";
  const long id = retried(SYS_shmget, key, bytes, IPC_CREAT | IPC_EXCL | (mode & 0777));
  if (id == -ENOSPC)
    return failure{error::from_errno(ENOSPC, operation,
                                     "too many segments on this machine, or too much memory in "
                                     "them: the sysctls kernel.shmmni and kernel.shmall")};
  if (id == -EINVAL)
    return failure{
        error::from_errno(EINVAL, operation, "larger than the sysctl kernel.shmmax, or too small")};
  if (id < 0) return failed(id, operation);
  return static_cast<int>(id);
}

result<int> segment_find(key_t key) {
  const long id = retried(SYS_shmget, key, 0, 0);
  if (id < 0) return failed(id, "shmget");
  return static_cast<int>(id);
}

result<segment_status> segment_inspect(int id) {
  shmid_ds found{};
  const long outcome = retried(SYS_shmctl, id, IPC_STAT, &found);
  if (outcome < 0) return failed(outcome, "shmctl(IPC_STAT)");
  return segment_status{
      .size_bytes = found.shm_segsz,
      .key = found.shm_perm.__key,
      .owner = found.shm_perm.uid,
      .mode = static_cast<mode_t>(found.shm_perm.mode & 0777),
      .marked = (found.shm_perm.mode & SHM_DEST) != 0,
      .creator = found.shm_cpid,
      .attached = found.shm_nattch,
  };
}

result<void> segment_set_mode(int id, mode_t mode) {
  shmid_ds wanted{};
  const long read = retried(SYS_shmctl, id, IPC_STAT, &wanted);
  if (read < 0) return failed(read, "shmctl(IPC_STAT)");
  wanted.shm_perm.mode = static_cast<unsigned short>(mode & 0777);
  const long outcome = retried(SYS_shmctl, id, IPC_SET, &wanted);
  if (outcome < 0) return failed(outcome, "shmctl(IPC_SET)");
  return {};
}

result<void> segment_remove(int id) {
  constexpr void* nothing = nullptr;
  const long outcome = retried(SYS_shmctl, id, IPC_RMID, nothing);
  if (outcome < 0) return failed(outcome, "shmctl(IPC_RMID)");
  return {};
}

result<void*> segment_attach(int id, bool writable) {
  constexpr void* anywhere = nullptr;
  const long address = retried(SYS_shmat, id, anywhere, writable ? 0 : SHM_RDONLY);
  if (address < 0 && address > -4096) return failed(address, "shmat");
  return reinterpret_cast<void*>(address);
}

}  // namespace sluice::syscall
