#pragma once
// The C library's robust, process-shared mutex behind the kernel door. Inline, because an
// uncontended lock is a few dozen instructions and makes no system call; numbers are errno values.
// Source: pthread_mutexattr_setrobust(3), pthread_mutex_clocklock(3).

#include <pthread.h>
#include <time.h>

#include <cerrno>
#include <chrono>
#include <sluice/base/deadline.hpp>

// Thread sanitizers do not know pthread_mutex_clocklock and must be told of it.
#if defined(__SANITIZE_THREAD__)
#define SLUICE_TELL_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLUICE_TELL_THREAD_SANITIZER 1
#endif
#endif
#ifdef SLUICE_TELL_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
#endif

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
#ifdef SLUICE_TELL_THREAD_SANITIZER
  __tsan_mutex_pre_lock(mutex, __tsan_mutex_try_lock);
  const int outcome = ::pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &when);
  const bool locked = outcome == 0 || outcome == EOWNERDEAD;
  __tsan_mutex_post_lock(mutex,
                         __tsan_mutex_try_lock | (locked ? 0U : __tsan_mutex_try_lock_failed), 0);
  return outcome;
#else
  return ::pthread_mutex_clocklock(mutex, CLOCK_MONOTONIC, &when);
#endif
}

/// To be called once after EOWNERDEAD, by the new holder.
inline int robust_make_consistent(pthread_mutex_t* mutex) noexcept {
  return ::pthread_mutex_consistent(mutex);
}

/// EPERM when another thread holds it, or nobody.
inline int robust_unlock(pthread_mutex_t* mutex) noexcept { return ::pthread_mutex_unlock(mutex); }

}  // namespace sluice::syscall
