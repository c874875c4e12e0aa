#include <cassert>
#include <cerrno>
#include <sluice/primitive/mutex.hpp>

#include "os/robust_mutex.hpp"

namespace sluice {

namespace {

// What state_ may hold. None is 0 or a small number, so that memory in which no mutex was made is
// recognised.
enum state : std::uint32_t {
  consistent = 0x6d75'7401,
  owner_died = 0x6d75'7402,
  unusable = 0x6d75'7403,
};

constexpr int no_mutex = -1;  // beside the errno values

constexpr const char* operation = "mutex::acquire";

failure not_ours() {
  return {std::errc::operation_not_permitted, "mutex::release", "this thread does not hold it"};
}

}  // namespace

mutex::mutex() noexcept : state_(0) {
  // Cannot fail for these attributes on Linux; if it did, every use would report `corrupt`.
  if (syscall::robust_init(&native_) == 0) state_.store(consistent, std::memory_order_relaxed);
}

int mutex::try_once() noexcept {
  const std::uint32_t seen = state_.load(std::memory_order_relaxed);
  if (seen < consistent || seen > unusable) return no_mutex;
  return syscall::robust_try_lock(&native_);
}

int mutex::wait_for_lock(deadline until) noexcept {
  for (;;) {
    if (until.has_passed()) return ETIMEDOUT;
    // Not one sleep to the end: a waiter that was woken and killed before it ran takes the wake-up
    // with it, and the C library tells nobody. Looking again after a while finds the lock free.
    const int outcome = syscall::robust_lock(&native_, earlier(until, longest_sleep));
    if (outcome != ETIMEDOUT) return outcome;
    // Also clears what a timed-out wait left in the thread's list of robust mutexes.
    if (const int again = syscall::robust_try_lock(&native_); again != EBUSY) return again;
  }
}

result<mutex_state> mutex::settle(int outcome) {
  switch (outcome) {
    case 0:
      break;
    case EOWNERDEAD:
      // Our own mark first, then the C library's: killed in between, the next holder is told again.
      if (state_.load(std::memory_order_relaxed) != unusable)
        state_.store(owner_died, std::memory_order_relaxed);
      syscall::robust_make_consistent(&native_);
      break;
    case EBUSY:
      return failure{std::errc::resource_unavailable_try_again, operation};
    case ETIMEDOUT:
      return failure{std::errc::timed_out, operation};
    case EDEADLK:
      return failure{std::errc::resource_deadlock_would_occur, operation,
                     "this thread holds the mutex already"};
    case no_mutex:
      return failure{errc::corrupt, operation, "no mutex was made in this memory"};
    default:
      return failure{error::from_errno(outcome, operation)};
  }
  // Relaxed: the lock that we hold orders it.
  switch (state_.load(std::memory_order_relaxed)) {
    case consistent:
      return mutex_state::consistent;
    case owner_died:
      return mutex_state::owner_dead;
    case unusable:
      syscall::robust_unlock(&native_);
      return failure{std::errc::state_not_recoverable, operation,
                     "a holder died, and the next one released the mutex without "
                     "mark_consistent(): make what it guards anew"};
    default:
      syscall::robust_unlock(&native_);
      return failure{errc::corrupt, operation, "the memory of the mutex was overwritten"};
  }
}

result<mutex_state> mutex::try_acquire() { return settle(try_once()); }

result<mutex_state> mutex::acquire(deadline until) {
  const int outcome = try_once();
  return settle(outcome == EBUSY ? wait_for_lock(until) : outcome);
}

result<void> mutex::release() {
  if (state_.load(std::memory_order_relaxed) == owner_died) return release_unrepaired();
  if (const int outcome = syscall::robust_unlock(&native_); outcome != 0) return not_ours();
  return {};
}

// Released without mark_consistent(). Whether this thread is the holder only the C library knows;
// trying once more tells, and is EDEADLK for the holder alone.
result<void> mutex::release_unrepaired() {
  const int again = syscall::robust_try_lock(&native_);
  if (again == EDEADLK) {
    state_.store(unusable, std::memory_order_relaxed);
    syscall::robust_unlock(&native_);
    return {};
  }
  if (again == EOWNERDEAD) syscall::robust_make_consistent(&native_);
  if (again == 0 || again == EOWNERDEAD) syscall::robust_unlock(&native_);
  return not_ours();
}

void mutex::mark_consistent() noexcept {
  // The lock that the caller holds orders the store.
  if (state_.load(std::memory_order_relaxed) == owner_died)
    state_.store(consistent, std::memory_order_relaxed);
}

void mutex::settle_or_throw(int outcome) {
  auto taken = settle(outcome);
  if (!taken) throw_system_error(taken.error());
  if (*taken == mutex_state::consistent) return;
  // Given back as it is, not through release(): the mutex stays usable for who can repair.
  syscall::robust_unlock(&native_);
  throw_system_error({std::errc::owner_dead, "mutex::lock",
                      "a holder died: acquire() the mutex, repair, mark_consistent()"});
}

void mutex::lock() {
  const int outcome = try_once();
  if (outcome == 0 && state_.load(std::memory_order_relaxed) == consistent) return;
  settle_or_throw(outcome == EBUSY ? wait_for_lock(deadline::never()) : outcome);
}

bool mutex::try_lock() {
  const int outcome = try_once();
  if (outcome == EBUSY) return false;
  settle_or_throw(outcome);
  return true;
}

bool mutex::try_lock_until(deadline until) {
  int outcome = try_once();
  if (outcome == EBUSY) outcome = wait_for_lock(until);
  if (outcome == ETIMEDOUT) return false;
  settle_or_throw(outcome);
  return true;
}

void mutex::unlock() noexcept {
  [[maybe_unused]] const bool held = release().has_value();
  assert(held && "a mutex is unlocked by its holder");
}

}  // namespace sluice
