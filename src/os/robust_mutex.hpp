#pragma once
// The C library's robust, process-shared mutex behind the kernel door. Inline, because an
// uncontended lock is a few dozen instructions and makes no system call; numbers are errno values.
// Source: pthread_mutexattr_setrobust(3), pthread_mutex_clocklock(3).

#include <pthread.h>
#include <time.h>

#include <chrono>
#include <sluice/base/deadline.hpp>

namespace sluice::syscall {

/// Makes a free mutex that any process may lock: error checking, robust, not inheriting priority.
inline int robust_init(pthread_mutex_t* mutex) noexcept {
  pthread_mutexattr_t wanted;
  if (const int failed = ::pthread_mutexattr_init(&wanted); failed != 0) return failed;
  int outcome = ::pthread_mutexattr_setpshared(&wanted, PTHREAD_PROCESS_SHARED);
  if (outcome == 0) outcome = ::pthread_mutexattr_setrobust(&wanted, PTHREAD_MUTEX_ROBUST);
  if (outcome == 0) outcome = ::pthread_mutexattr_settype(&wanted, PTHREAD_MUTEX_ERRORCHECK);
  if (outcome == 0) outcome = ::pthread_mutex_init(mutex, &wanted);
  ::pthread_mutexattr_destroy(&wanted);
  return outcome;
}

/// 0, EBUSY, EOWNERDEAD (locked!), ENOTRECOVERABLE.
inline int robust_try_lock(pthread_mutex_t* mutex) noexcept {
  return ::pthread_mutex_trylock(mutex);
}

/// As `robust_try_lock`, and ETIMEDOUT, or EDEADLK when this thread holds it. Waits on the
/// monotonic clock; EINTR does not occur.
inline int robust_lock(pthread_mutex_t* mutex, deadline until) noexcept {
  const auto since_boot = until.when().time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_boot);
  const timespec when{.tv_sec = seconds.count(), .tv_nsec = (since_boot - seconds).count()};
  return ::pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &when);
}

/// To be called once after EOWNERDEAD, by the new holder.
inline int robust_make_consistent(pthread_mutex_t* mutex) noexcept {
  return ::pthread_mutex_consistent(mutex);
}

/// EPERM when another thread holds it, or nobody.
inline int robust_unlock(pthread_mutex_t* mutex) noexcept { return ::pthread_mutex_unlock(mutex); }

}  // namespace sluice::syscall
