#include "os/syscall_semaphores.hpp"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/syscall.h>

#include <cstddef>
#include <string>

#include "os/syscall_invoke.hpp"

namespace sluice::syscall {

static_assert(sizeof(semaphore_step) == sizeof(sembuf) &&
              offsetof(semaphore_step, index) == offsetof(sembuf, sem_num) &&
              offsetof(semaphore_step, change) == offsetof(sembuf, sem_op) &&
              offsetof(semaphore_step, flags) == offsetof(sembuf, sem_flg));
static_assert(step_no_wait == IPC_NOWAIT && step_undo == SEM_UNDO);

namespace {

constexpr void* nothing = nullptr;

// What the errno of a call on a set that was found means; hints name the sysctl and which of its
// numbers.
failure failed_on_set(long outcome, const char* operation) noexcept {
  const int number = static_cast<int>(-outcome);
  switch (number) {
    case EIDRM:
    case EINVAL:  // an id that nothing has any more; all else was checked before
      return {errc::removed, operation, "the set was removed"};
    case E2BIG:
      return error::from_errno(number, operation,
                               "more operations at once than the third number of the sysctl "
                               "kernel.sem (semopm) allows");
    case ERANGE:
      return error::from_errno(number, operation,
                               "a value beyond 32767 (semvmx), which no sysctl changes, or more "
                               "units held than one process can give back");
    case EFBIG:
      return error::from_errno(number, operation, "the set has no semaphore with this index");
    case ENOSPC:
      return error::from_errno(number, operation,
                               "too many processes hold units (semmnu, which no sysctl changes)");
    case EACCES:
      return error::from_errno(number, operation, "the mode of the set does not allow it to us");
    case EPERM:
      return error::from_errno(number, operation,
                               "only the owner, the creator or root may change or remove a set");
    default:
      return failed(outcome, operation);
  }
}

timespec to_timespec(std::chrono::nanoseconds span) noexcept {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(span);
  return {.tv_sec = seconds.count(), .tv_nsec = (span - seconds).count()};
}

int command_of(semaphore_number which) noexcept {
  switch (which) {
    case semaphore_number::value:
      return GETVAL;
    case semaphore_number::waiters_for_more:
      return GETNCNT;
    case semaphore_number::waiters_for_zero:
      return GETZCNT;
    case semaphore_number::last_process:
      break;
  }
  return GETPID;
}

}  // namespace

result<int> semaphores_create(key_t key, std::size_t count, mode_t mode) {
  constexpr const char* operation = "semget";
  // What does not fit an int is beyond semmsl, whatever that is.
  constexpr std::size_t most = 0x7fff'ffff;
  const long id =
      retried(SYS_semget, key, count < most ? count : most, IPC_CREAT | IPC_EXCL | (mode & 0777));
  if (id == -ENOSPC)
    return failure{
        error::from_errno(ENOSPC, operation,
                          "too many sets, or too many semaphores in them: the fourth "
                          "and second number of the sysctl kernel.sem (semmni, semmns)")};
  if (id == -EINVAL)
    return failure{error::from_errno(EINVAL, operation,
                                     "more semaphores in one set than the first number of the "
                                     "sysctl kernel.sem (semmsl) allows")};
  if (id < 0) return failed(id, operation);
  return static_cast<int>(id);
}

result<int> semaphores_find(key_t key) {
  const long id = retried(SYS_semget, key, 0, 0);
  if (id == -EACCES) return failed_on_set(id, "semget");
  if (id < 0) return failed(id, "semget");
  return static_cast<int>(id);
}

result<semaphore_set_status> semaphores_inspect(int id) {
  semid_ds found{};
  const long outcome = retried(SYS_semctl, id, 0, IPC_STAT, &found);
  if (outcome < 0) return failed_on_set(outcome, "semctl(IPC_STAT)");
  return semaphore_set_status{
      .key = found.sem_perm.__key,
      .owner = found.sem_perm.uid,
      .group = found.sem_perm.gid,
      .creator = found.sem_perm.cuid,
      .mode = static_cast<mode_t>(found.sem_perm.mode & 0777),
      .count = found.sem_nsems,
      .last_operation = found.sem_otime,
      .last_change = found.sem_ctime,
  };
}

result<void> semaphores_set_access(int id, mode_t mode, uid_t owner, gid_t group) {
  semid_ds wanted{};
  wanted.sem_perm.mode = static_cast<decltype(wanted.sem_perm.mode)>(mode & 0777);
  wanted.sem_perm.uid = owner;
  wanted.sem_perm.gid = group;
  const long outcome = retried(SYS_semctl, id, 0, IPC_SET, &wanted);
  if (outcome < 0) return failed_on_set(outcome, "semctl(IPC_SET)");
  return {};
}

result<void> semaphores_remove(int id) {
  const long outcome = retried(SYS_semctl, id, 0, IPC_RMID, nothing);
  if (outcome < 0) return failed_on_set(outcome, "semctl(IPC_RMID)");
  return {};
}

result<void> semaphores_operate(int id, std::span<const semaphore_step> steps, deadline until) {
  constexpr const char* operation = "semop";
  for (;;) {
    timespec left{};
    if (!until.is_never()) left = to_timespec(until.remaining());
    const timespec* timeout = until.is_never() ? nullptr : &left;
    const long outcome = once(SYS_semtimedop, id, steps.data(), steps.size(), timeout);
    if (outcome >= 0) return {};
    if (outcome == -EINTR) continue;
    if (outcome != -EAGAIN) return failed_on_set(outcome, operation);
    if ((steps.front().flags & step_no_wait) != 0) return failed(outcome, operation);
    // A time-out that the kernel's timer rounded early is not one yet.
    if (until.has_passed()) return failure{std::errc::timed_out, operation};
  }
}

result<int> semaphore_get(int id, std::uint16_t index, semaphore_number which) {
  const long outcome = retried(SYS_semctl, id, index, command_of(which), nothing);
  if (outcome < 0) return failed_on_set(outcome, "semctl(GETVAL)");
  return static_cast<int>(outcome);
}

result<void> semaphore_set(int id, std::uint16_t index, int value) {
  const long outcome = retried(SYS_semctl, id, index, SETVAL, value);
  if (outcome < 0) return failed_on_set(outcome, "semctl(SETVAL)");
  return {};
}

result<void> semaphores_get_all(int id, std::span<std::uint16_t> values) {
  const long outcome = retried(SYS_semctl, id, 0, GETALL, values.data());
  if (outcome < 0) return failed_on_set(outcome, "semctl(GETALL)");
  return {};
}

result<void> semaphores_set_all(int id, std::span<const std::uint16_t> values) {
  const long outcome = retried(SYS_semctl, id, 0, SETALL, values.data());
  if (outcome < 0) return failed_on_set(outcome, "semctl(SETALL)");
  return {};
}

result<semaphore_set_limits> semaphores_limits() {
  seminfo limits{};
  const long known = retried(SYS_semctl, 0, 0, IPC_INFO, &limits);
  if (known < 0) return failed(known, "semctl(IPC_INFO)");
  seminfo used{};
  const long counted = retried(SYS_semctl, 0, 0, SEM_INFO, &used);
  if (counted < 0) return failed(counted, "semctl(SEM_INFO)");
  const auto number = [](int value) { return static_cast<std::uint64_t>(value); };
  return semaphore_set_limits{
      .sets = number(limits.semmni),
      .semaphores = number(limits.semmns),
      .semaphores_per_set = number(limits.semmsl),
      .operations = number(limits.semopm),
      .value = number(limits.semvmx),
      .sets_in_use = number(used.semusz),
      .semaphores_in_use = number(used.semaem),
  };
}

result<void> link_unnamed(int fd, int directory, const char* leaf) {
  // By the descriptor itself where that is allowed, else by the way through /proc.
  constexpr const char* itself = "";
  long outcome = retried(SYS_linkat, fd, itself, directory, leaf, AT_EMPTY_PATH);
  if (outcome == -ENOENT || outcome == -EPERM) {
    const std::string own = "/proc/self/fd/" + std::to_string(fd);
    outcome = retried(SYS_linkat, AT_FDCWD, own.c_str(), directory, leaf, AT_SYMLINK_FOLLOW);
  }
  if (outcome < 0) return failed(outcome, "linkat");
  return {};
}

}  // namespace sluice::syscall
