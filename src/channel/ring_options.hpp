#pragma once
// What the memory of a ring says about the behaviour that its users agreed upon, and its counters.

#include <algorithm>
#include <cstdint>
#include <sluice/channel/ring_channel_options.hpp>

namespace sluice::ring_options {

// Bits of segment_header::options: 0 the departure, 1 and 2 the policy when full; of a queue 3 the
// delivery.
inline constexpr unsigned delivery_shift = 3;

[[nodiscard]] inline std::uint32_t packed(ring_departure departure, ring_full when_full) noexcept {
  return static_cast<std::uint32_t>(departure) | static_cast<std::uint32_t>(when_full) << 1;
}
[[nodiscard]] inline bool reports_departure(std::uint32_t options) noexcept {
  return (options & 1) == static_cast<std::uint32_t>(ring_departure::report);
}
[[nodiscard]] inline bool redelivers(std::uint32_t options) noexcept {
  return (options >> delivery_shift & 1) == 0;
}
/// What no library of ours can have written blocks: nothing is lost by that.
[[nodiscard]] inline ring_full when_full(std::uint32_t options) noexcept {
  const auto value = static_cast<ring_full>((options >> 1) & 3);
  return value == ring_full::fail || value == ring_full::drop_newest ? value : ring_full::block;
}

[[nodiscard]] inline ring_counters counters_of(const ring::log_control& lane) noexcept {
  // In this order: the other way round more might be received than was sent.
  const std::uint64_t received = lane.received.load(std::memory_order_acquire);
  const std::uint64_t sent = lane.sent.load(std::memory_order_relaxed);
  return {.sent = std::max(sent, received),
          .received = received,
          .dropped = lane.dropped.load(std::memory_order_relaxed),
          .full = lane.full.load(std::memory_order_relaxed)};
}

}  // namespace sluice::ring_options
