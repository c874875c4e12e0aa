#pragma once
// When to stop waiting: never, now, or at a point of the monotonic clock. A change of the wall
// clock moves no deadline. A duration given where a deadline is expected counts from that moment:
// `receive(buffer, 100ms)`.

#include <chrono>

namespace sluice {

class deadline {
 public:
  using clock = std::chrono::steady_clock;

  /// Waits for ever.
  [[nodiscard]] static constexpr deadline never() noexcept {
    return deadline{clock::time_point::max()};
  }
  /// Does not wait at all: one look.
  [[nodiscard]] static constexpr deadline now() noexcept {
    return deadline{clock::time_point::min()};
  }

  constexpr deadline(clock::time_point when) noexcept : when_(when) {}

  /// From now on; zero or less is `now()`, what the clock cannot count is `never()`.
  template <class Rep, class Period>
  deadline(std::chrono::duration<Rep, Period> from_now) noexcept : when_(after(from_now)) {}

  [[nodiscard]] constexpr bool is_never() const noexcept {
    return when_ == clock::time_point::max();
  }
  [[nodiscard]] bool has_passed() const noexcept {
    return !is_never() && (when_ == clock::time_point::min() || clock::now() >= when_);
  }
  /// What is left: zero when passed, the longest duration when there is no end.
  [[nodiscard]] clock::duration remaining() const noexcept {
    if (is_never()) return clock::duration::max();
    if (when_ == clock::time_point::min()) return clock::duration::zero();
    const auto left = when_ - clock::now();
    return left > clock::duration::zero() ? left : clock::duration::zero();
  }
  [[nodiscard]] constexpr clock::time_point when() const noexcept { return when_; }

  friend constexpr bool operator==(deadline, deadline) noexcept = default;
  /// The earlier of two: to put a cap on a wait.
  [[nodiscard]] friend constexpr deadline earlier(deadline a, deadline b) noexcept {
    return a.when_ < b.when_ ? a : b;
  }

 private:
  template <class Rep, class Period>
  static clock::time_point after(std::chrono::duration<Rep, Period> from_now) noexcept {
    using seconds = std::chrono::duration<double>;
    if (!(from_now > from_now.zero())) return clock::time_point::min();
    const auto now = clock::now();
    // Compared in floating point: a duration in hours or days may not fit the clock's ticks. The
    // second is for the rounding of both sides, and nothing to a wait of centuries.
    if (seconds{from_now} >= seconds{clock::time_point::max() - now} - seconds{1})
      return clock::time_point::max();
    return now + std::chrono::ceil<clock::duration>(from_now);
  }

  clock::time_point when_;
};

}  // namespace sluice
