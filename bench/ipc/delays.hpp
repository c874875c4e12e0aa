#pragma once
// A histogram of delays that processes share: every power of two of nanoseconds in 32 steps, so a
// percentile is known to 3 percent, whatever the number of samples.

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace bench {

class delay_histogram {
 public:
  static constexpr unsigned step_bits = 5;
  static constexpr std::uint64_t steps = std::uint64_t{1} << step_bits;
  /// About a minute; what took longer counts as that.
  static constexpr unsigned most_bits = 36;
  static constexpr std::size_t places = (most_bits - step_bits + 1) * steps;

  void clear() noexcept { counts_.fill(0); }
  void add(double seconds) noexcept { ++counts_[place_of(nanoseconds_of(seconds))]; }

  /// The lowest nanoseconds of each place that holds something, and how many it holds.
  using entries = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
  [[nodiscard]] entries all() const {
    entries found;
    for (std::size_t at = 0; at < places; ++at) {
      if (counts_[at] != 0) found.emplace_back(lowest_of(at), counts_[at]);
    }
    return found;
  }

  [[nodiscard]] static constexpr std::size_t place_of(std::uint64_t nanoseconds) noexcept {
    if (nanoseconds < steps) return nanoseconds;
    const auto width = static_cast<unsigned>(std::bit_width(nanoseconds));
    if (width > most_bits) return places - 1;
    const unsigned shift = width - step_bits - 1;
    return (shift + 1) * steps + ((nanoseconds >> shift) - steps);
  }
  [[nodiscard]] static constexpr std::uint64_t lowest_of(std::size_t place) noexcept {
    if (place < steps) return place;
    const std::size_t shift = place / steps - 1;
    return (steps + place % steps) << shift;
  }

 private:
  [[nodiscard]] static std::uint64_t nanoseconds_of(double seconds) noexcept {
    return seconds <= 0 ? 0 : static_cast<std::uint64_t>(seconds * 1e9);
  }
  std::array<std::uint64_t, places> counts_{};
};

static_assert(delay_histogram::place_of(delay_histogram::steps) == delay_histogram::steps);
static_assert(delay_histogram::lowest_of(delay_histogram::place_of(1024)) == 1024);
static_assert(delay_histogram::place_of((std::uint64_t{1} << delay_histogram::most_bits) - 1) ==
              delay_histogram::places - 1);

/// Sums up what several rounds saw, lowest first.
[[nodiscard]] delay_histogram::entries merged(const std::vector<const delay_histogram::entries*>&);
/// What this share of the samples (0 to 1) took at most, in seconds; 0 without samples.
[[nodiscard]] double percentile(const delay_histogram::entries& of, double share) noexcept;

}  // namespace bench
