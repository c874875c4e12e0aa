#include <algorithm>
#include <sluice/primitive/shared_event.hpp>

#include "os/syscall_futex.hpp"

namespace sluice {

namespace {

// What kind_ may hold; neither is a small number, so that memory in which no event was made is
// recognised.
enum kind : std::uint32_t { merging = 0x6576'7401, counting = 0x6576'7402 };

constexpr std::uint32_t sleepers = 0x8000'0000;  // the bit of word_
constexpr std::uint32_t count_of(std::uint32_t word) noexcept { return word & ~sleepers; }

failure not_made(const char* operation) {
  return {errc::corrupt, operation, "no event was made in this memory"};
}

failure nothing_there(const char* operation) {
  return {std::errc::resource_unavailable_try_again, operation};
}

}  // namespace

shared_event::shared_event(const shared_event_options& options) noexcept
    : word_(std::min(options.initial, max_notifications)),
      kind_(options.counting ? counting : merging) {}

bool shared_event::is_made() const noexcept {
  const std::uint32_t found = kind_.load(std::memory_order_relaxed);
  return found == merging || found == counting;
}

result<void> shared_event::notify(std::uint32_t times) {
  constexpr const char* operation = "shared_event::notify";
  if (!is_made()) return not_made(operation);
  if (times == 0 || times > max_notifications)
    return failure{std::errc::invalid_argument, operation, "1 to 2^31-1 notifications"};
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  do {
    if (count_of(seen) > max_notifications - times)
      return failure{std::errc::resource_unavailable_try_again, operation,
                     "2^31-1 notifications are waiting"};
    // The bit goes with the notification, so all who set it must be woken; who comes later, or
    // finds nothing left to take, sets it again. Release: with the acquire in take().
  } while (!word_.compare_exchange_weak(seen, count_of(seen) + times, std::memory_order_release,
                                        std::memory_order_relaxed));
  if ((seen & sleepers) != 0) syscall::futex_wake_all(word_);
  return {};
}

// Takes what there is to take and tells how many; 0: nothing.
std::uint32_t shared_event::take() noexcept {
  const bool singly = kind_.load(std::memory_order_relaxed) == counting;
  std::uint32_t seen = word_.load(std::memory_order_relaxed);
  for (;;) {
    const std::uint32_t taken = singly ? std::min(count_of(seen), 1U) : count_of(seen);
    if (taken == 0) return 0;
    // Acquire: with the release in notify(). The sleepers' bit stays as it is.
    if (word_.compare_exchange_weak(seen, seen - taken, std::memory_order_acquire,
                                    std::memory_order_relaxed))
      return taken;
  }
}

result<std::uint32_t> shared_event::try_take() {
  constexpr const char* operation = "shared_event::try_wait";
  if (!is_made()) return not_made(operation);
  const std::uint32_t taken = take();
  if (taken == 0) return nothing_there(operation);
  return taken;
}

result<void> shared_event::try_wait() {
  if (auto taken = try_take(); !taken) return failure{taken.error()};
  return {};
}

result<void> shared_event::wait(deadline until) {
  constexpr const char* operation = "shared_event::wait";
  if (!is_made()) return not_made(operation);
  for (;;) {
    if (take() != 0) return {};
    if (until.has_passed()) return failure{std::errc::timed_out, operation};
    std::uint32_t seen = word_.load(std::memory_order_relaxed);
    if (count_of(seen) != 0) continue;
    // Relaxed: the bit guards nothing, and the kernel compares the word again before it sleeps.
    if ((seen & sleepers) == 0 &&
        !word_.compare_exchange_strong(seen, sleepers, std::memory_order_relaxed))
      continue;
    // Not one sleep to the end: who notified may have been killed before it woke us.
    auto slept = syscall::futex_wait(word_, sleepers, earlier(until, longest_sleep));
    if (!slept && !(slept.error() == std::errc::timed_out)) return slept;
  }
}

result<std::uint32_t> shared_event::value() const {
  if (!is_made()) return not_made("shared_event::value");
  return count_of(word_.load(std::memory_order_relaxed));
}

}  // namespace sluice
