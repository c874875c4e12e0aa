#include "os/syscall_futex.hpp"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

#include <limits>

#include "os/syscall_invoke.hpp"

namespace sluice::syscall {

static_assert(sizeof(std::atomic<std::uint32_t>) == sizeof(std::uint32_t) &&
              std::atomic<std::uint32_t>::is_always_lock_free);

result<void> futex_wait(const std::atomic<std::uint32_t>& word, std::uint32_t expected,
                        deadline until) {
  // This form takes a point of the monotonic clock, so a retry after EINTR keeps the deadline.
  timespec when{};
  if (!until.is_never() && until.when() > deadline::clock::time_point{}) {
    const auto since_boot = until.when().time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(since_boot);
    when = {.tv_sec = seconds.count(), .tv_nsec = (since_boot - seconds).count()};
  }
  const timespec* timeout = until.is_never() ? nullptr : &when;
  constexpr void* no_second_word = nullptr;
  const long outcome = retried(SYS_futex, &word, FUTEX_WAIT_BITSET, expected, timeout,
                               no_second_word, FUTEX_BITSET_MATCH_ANY);
  if (outcome == -ETIMEDOUT) return failed(outcome, "futex");
  if (outcome < 0 && outcome != -EAGAIN) return failed(outcome, "futex");
  return {};
}

void futex_wake_all(const std::atomic<std::uint32_t>& word) noexcept {
  retried(SYS_futex, &word, FUTEX_WAKE, std::numeric_limits<int>::max());
}

bool futex_wake_one(const std::atomic<std::uint32_t>& word) noexcept {
  return retried(SYS_futex, &word, FUTEX_WAKE, 1) == 1;
}

}  // namespace sluice::syscall
