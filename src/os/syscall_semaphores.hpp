#pragma once
// The door, semaphore part. System V sets are system calls; POSIX semaphores are the C library's,
// whose layout other programs share, so they are its functions (inline: an uncontended one is a few
// instructions). The policy is that of syscall.hpp. Sources: semop(2), semctl(2), sem_overview(7).

#include <semaphore.h>
#include <sys/types.h>
#include <time.h>

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>
#include <span>

// Thread sanitizers do not know sem_clockwait and must be told what it brings with it.
#if defined(__SANITIZE_THREAD__)
#define SLUICE_TELL_THREAD_SANITIZER_OF_SEMAPHORES 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLUICE_TELL_THREAD_SANITIZER_OF_SEMAPHORES 1
#endif
#endif
#ifdef SLUICE_TELL_THREAD_SANITIZER_OF_SEMAPHORES
#include <sanitizer/tsan_interface.h>
#endif

namespace sluice::syscall {

// System V sets.

/// One operation of several, laid out as the kernel takes it (struct sembuf).
struct semaphore_step {
  std::uint16_t index = 0;
  std::int16_t change = 0;  // 0: waits until the value is zero
  std::int16_t flags = 0;
};
inline constexpr std::int16_t step_no_wait = 04000;  // IPC_NOWAIT
inline constexpr std::int16_t step_undo = 0x1000;    // SEM_UNDO

struct semaphore_set_status {
  key_t key = 0;
  uid_t owner = 0;
  gid_t group = 0;
  uid_t creator = 0;
  mode_t mode = 0;
  std::size_t count = 0;
  std::int64_t last_operation = 0;  // seconds of the wall clock; 0: never
  std::int64_t last_change = 0;
};

struct semaphore_set_limits {
  std::uint64_t sets = 0;                // semmni
  std::uint64_t semaphores = 0;          // semmns
  std::uint64_t semaphores_per_set = 0;  // semmsl
  std::uint64_t operations = 0;          // semopm
  std::uint64_t value = 0;               // semvmx
  std::uint64_t sets_in_use = 0;
  std::uint64_t semaphores_in_use = 0;
};

/// A new set whose values are zero; `file_exists` if the key is taken. Key 0 makes a private one.
[[nodiscard]] result<int> semaphores_create(key_t key, std::size_t count, mode_t mode);
[[nodiscard]] result<int> semaphores_find(key_t key);
[[nodiscard]] result<semaphore_set_status> semaphores_inspect(int id);
[[nodiscard]] result<void> semaphores_set_access(int id, mode_t mode, uid_t owner, gid_t group);
[[nodiscard]] result<void> semaphores_remove(int id);
/// All steps at once or none. Waits until they can be made, at most until the deadline
/// (`timed_out`). With `step_no_wait` in all of them it would block instead, and no deadline is
/// needed (`never`: the kernel arms no timer).
[[nodiscard]] result<void> semaphores_operate(int id, std::span<const semaphore_step> steps,
                                              deadline until);

/// One number of one semaphore.
enum class semaphore_number { value, waiters_for_more, waiters_for_zero, last_process };
[[nodiscard]] result<int> semaphore_get(int id, std::uint16_t index, semaphore_number which);
[[nodiscard]] result<void> semaphore_set(int id, std::uint16_t index, int value);
/// As many values as the set has.
[[nodiscard]] result<void> semaphores_get_all(int id, std::span<std::uint16_t> values);
[[nodiscard]] result<void> semaphores_set_all(int id, std::span<const std::uint16_t> values);
[[nodiscard]] result<semaphore_set_limits> semaphores_limits();

// POSIX semaphores; numbers are errno values.

inline int posix_semaphore_init(sem_t* where, bool shared, unsigned value) noexcept {
  return ::sem_init(where, shared ? 1 : 0, value) == 0 ? 0 : errno;
}
/// EOVERFLOW when it has the largest value.
inline int posix_semaphore_post(sem_t* semaphore) noexcept {
  return ::sem_post(semaphore) == 0 ? 0 : errno;
}
/// EAGAIN when it is zero.
inline int posix_semaphore_try_wait(sem_t* semaphore) noexcept {
  int outcome = 0;
  do {
    outcome = ::sem_trywait(semaphore) == 0 ? 0 : errno;
  } while (outcome == EINTR);
  return outcome;
}
/// ETIMEDOUT once the deadline passed. On the monotonic clock, so that setting the wall clock,
/// which sem_timedwait(3) would follow, does not matter.
inline int posix_semaphore_wait(sem_t* semaphore, deadline until) noexcept {
  const auto since_boot = until.when().time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_boot);
  const timespec when{.tv_sec = seconds.count(), .tv_nsec = (since_boot - seconds).count()};
  int outcome = 0;
  do {
    outcome = ::sem_clockwait(semaphore, CLOCK_MONOTONIC, &when) == 0 ? 0 : errno;
  } while (outcome == EINTR);
#ifdef SLUICE_TELL_THREAD_SANITIZER_OF_SEMAPHORES
  if (outcome == 0) __tsan_acquire(semaphore);
#endif
  return outcome;
}
inline int posix_semaphore_value(sem_t* semaphore) noexcept {
  int value = 0;
  ::sem_getvalue(semaphore, &value);
  return value;
}

/// Gives a file that was made without a name (O_TMPFILE) its name; `file_exists` if that is taken.
[[nodiscard]] result<void> link_unnamed(int fd, int directory, const char* leaf);

}  // namespace sluice::syscall
