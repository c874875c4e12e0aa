#pragma once
// Whether somebody who lives gets on: asked by whoever wants to know, acted upon by nobody.

#include <chrono>
#include <cstdint>
#include <optional>

namespace sluice::ring {

/// Remembers where somebody stood at the last question.
class progress_watch {
 public:
  using clock = std::chrono::steady_clock;

  /// Whether it has stood at `place`, with something left to do, at all questions for at least so
  /// long. The first question about a place only begins to count.
  [[nodiscard]] bool stands_still(std::uint64_t place, clock::time_point now,
                                  std::chrono::nanoseconds since) noexcept {
    if (!first_asked_ || place_ != place) {
      place_ = place;
      first_asked_ = now;
      return false;
    }
    return now - *first_asked_ >= since;
  }
  /// It got on, or has nothing to do.
  void forget() noexcept { first_asked_.reset(); }

 private:
  std::uint64_t place_ = 0;
  std::optional<clock::time_point> first_asked_;
};

}  // namespace sluice::ring
