#pragma once
// How long to look for something before one sleeps, learnt from how long waits were: who is far
// from getting anything looks not at all, and who is close again looks after a few waits.

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace sluice::ring {

/// What one who waits has learnt about its waits.
///
/// *Semantics*: looking is worth trying while waits mostly end within twice the longest look; where
/// it does not help all the same, less and less long, and then seldom. *Threads*: one at a time.
/// *Errors*: none. *Lifetime*: a value. *Crash*: nothing of it is shared.
class patience {
 public:
  using nanoseconds = std::chrono::nanoseconds;
  static constexpr std::uint32_t waits_between_looks = 63;  // at most, while waits are short

  explicit constexpr patience(nanoseconds longest_look) noexcept
      : longest_(longest_look), typical_(longest_look) {}

  /// For how long to look in the wait that begins. 0: not at all.
  [[nodiscard]] constexpr nanoseconds next() noexcept {
    if (typical_ > 2 * longest_) return nanoseconds{0};
    if (without_look_ != 0) {
      --without_look_;
      return nanoseconds{0};
    }
    return longest_ / (1U << std::min(in_vain_, shorter_looks));
  }

  /// The look did not help: what comes next is a sleep.
  constexpr void looked_in_vain() noexcept {
    in_vain_ = std::min(in_vain_ + 1, most_in_vain);
    if (in_vain_ > shorter_looks)
      without_look_ = std::min((1U << (in_vain_ - shorter_looks)) - 1, waits_between_looks);
  }
  /// The wait ended while looking, after so long.
  constexpr void looked_with_success(nanoseconds lasted) noexcept {
    in_vain_ = 0;
    learn(lasted);
  }
  /// It ended otherwise, with or without what it was for.
  constexpr void slept(nanoseconds lasted, bool got_it) noexcept {
    // Who gave up knows only that it would have lasted longer.
    if (got_it || lasted > typical_) learn(lasted);
  }

 private:
  static constexpr std::uint32_t shorter_looks = 2;
  static constexpr std::uint32_t most_in_vain = 8;

  constexpr void learn(nanoseconds lasted) noexcept {
    typical_ += (std::min(lasted, 4 * longest_) - typical_) / 4;
  }

  nanoseconds longest_;
  nanoseconds typical_;  // wait, of those of late
  std::uint32_t in_vain_ = 0;
  std::uint32_t without_look_ = 0;  // waits that are left
};

}  // namespace sluice::ring
