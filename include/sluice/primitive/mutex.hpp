#pragma once
// Mutual exclusion between processes that survives the death of a holder. It lies in shared memory,
// next to what it guards.
//
//     std::unique_lock guard{shared->lock};          // throws owner_dead, without the lock
//
//     auto got = shared->lock.acquire();             // tells it together with the lock
//     std::unique_lock guard{shared->lock, std::adopt_lock};
//     if (*got == mutex_state::owner_dead) { repair(*shared); shared->lock.mark_consistent(); }

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>
#include <type_traits>

namespace sluice {

/// What the new holder of a mutex finds.
enum class mutex_state {
  consistent,
  owner_dead,  ///< A holder died: what the mutex guards may be half changed. You hold the lock.
};

/// A robust mutex for shared memory, made in place and never moved.
///
/// *Semantics*: one holder at a time, a thread of any process that maps the memory; not recursive.
/// Uncontended, locking and unlocking make no system call. When a holder dies the next one has the
/// lock at once and is told `owner_dead`, and so is every one after it until somebody repaired the
/// data and called `mark_consistent`. Who releases it after `owner_dead` without that makes it
/// unusable for good. *Threads*: all verbs from any thread of any process at once; `release` and
/// `mark_consistent` from the holder. *Errors*: `timed_out`; would_block (`try_acquire`);
/// `resource_deadlock_would_occur` when this thread holds it already; `state_not_recoverable` when
/// it became unusable; `errc::corrupt` when no mutex lies here. *Lifetime*: that of its memory,
/// which must stay mapped while it is held; there is nothing to destroy. All who write the memory
/// are trusted. *Crash*: a killed holder as above. A killed waiter holds nobody up for longer than
/// `longest_sleep`: sleepers look again by themselves (the C library's own mutex loses them).
class mutex {
 public:
  static constexpr std::chrono::milliseconds longest_sleep{50};

  /// Makes a free mutex in memory that will be shared: `new (where) mutex`, or as a member.
  mutex() noexcept;
  mutex(const mutex&) = delete;
  mutex& operator=(const mutex&) = delete;
  ~mutex() = default;

  /// Takes the lock if nobody has it.
  [[nodiscard]] result<mutex_state> try_acquire();
  [[nodiscard]] result<mutex_state> acquire(deadline until = deadline::never());
  /// Gives it back; `operation_not_permitted` when this thread does not hold it.
  result<void> release();
  /// What the mutex guards is whole again; only while holding it.
  void mark_consistent() noexcept;

  // The names of the standard library, for std::lock_guard, std::unique_lock and std::scoped_lock.
  // They throw std::system_error and then do not hold the lock. After a holder's death that is
  // `owner_dead`, again and again until somebody used `acquire` and repaired: code that does not
  // look cannot walk into half-changed data.
  void lock();
  [[nodiscard]] bool try_lock();
  template <class Rep, class Period>
  [[nodiscard]] bool try_lock_for(std::chrono::duration<Rep, Period> from_now) {
    return try_lock_until(deadline{from_now});
  }
  /// On the monotonic clock alone: a point of another clock does not compile.
  template <class Duration>
  [[nodiscard]] bool try_lock_until(
      std::chrono::time_point<std::chrono::steady_clock, Duration> when) {
    return try_lock_until(deadline{std::chrono::ceil<std::chrono::steady_clock::duration>(when)});
  }
  [[nodiscard]] bool try_lock_until(deadline until);
  /// Asserts that this thread holds it.
  void unlock() noexcept;

 private:
  [[nodiscard]] result<mutex_state> settle(int outcome);
  void settle_or_throw(int outcome);
  [[nodiscard]] result<void> release_unrepaired();
  [[nodiscard]] int try_once() noexcept;
  [[nodiscard]] int wait_for_lock(deadline until) noexcept;

  pthread_mutex_t native_;
  // Written by the holder alone, so the lock orders it; read before locking only to see whether a
  // mutex lies here at all. Values in mutex.cpp.
  std::atomic<std::uint32_t> state_;
};

static_assert(std::is_standard_layout_v<mutex> && std::is_trivially_destructible_v<mutex>);
static_assert(sizeof(mutex) == sizeof(pthread_mutex_t) + 8 && alignof(mutex) == 8);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

}  // namespace sluice
