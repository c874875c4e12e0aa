#pragma once
// Where the parts of a topic lie in its memory, and what its options mean.

#include <cstdint>
#include <sluice/channel/ring_topic.hpp>

namespace sluice::ring_topic_parts {

// Bits of segment_header::options: 0 the departure, 1 and 2 the policy when full.
[[nodiscard]] inline std::uint32_t packed(ring_departure departure,
                                          ring_topic_policy when_full) noexcept {
  return static_cast<std::uint32_t>(departure) | static_cast<std::uint32_t>(when_full) << 1;
}
[[nodiscard]] inline bool reports_departure(const ring_memory& memory) noexcept {
  return (memory.shape().options & 1) == static_cast<std::uint32_t>(ring_departure::report);
}
/// What no library of ours can have written blocks: nothing is lost by that.
[[nodiscard]] inline ring_topic_policy when_full(const ring_memory& memory) noexcept {
  const auto value = static_cast<ring_topic_policy>((memory.shape().options >> 1) & 3);
  const bool is_known =
      value == ring_topic_policy::fail || value == ring_topic_policy::overwrite_oldest;
  return is_known ? value : ring_topic_policy::block;
}
[[nodiscard]] inline ring::retention retention_of(const ring_memory& memory) noexcept {
  return when_full(memory) == ring_topic_policy::overwrite_oldest ? ring::retention::overwritten
                                                                  : ring::retention::until_read;
}

[[nodiscard]] inline std::atomic<std::uint64_t>& sleepers(const ring_memory& memory) noexcept {
  return ring::topic_layout::sleepers(memory.extra());
}
[[nodiscard]] inline ring::log_marks& marks(const ring_memory& memory,
                                            std::uint32_t lane) noexcept {
  return ring::topic_layout::marks(memory.extra(), lane);
}
[[nodiscard]] inline ring::subscriber_places places(const ring_memory& memory,
                                                    std::uint32_t lane) noexcept {
  const ring::topic_layout layout{memory.shape().lanes, memory.shape().receivers};
  return layout.places(memory.extra(), lane);
}

/// Subscribers are numbered from 0; their slots follow those of the publishers.
[[nodiscard]] inline ring::participant_slot& slot_of(const ring_memory& memory,
                                                     std::uint32_t subscriber) noexcept {
  return memory.slot(memory.shape().senders + subscriber);
}
/// Whether it has a place in every log: `held` then is the generation of its slot.
[[nodiscard]] inline bool has_joined(const ring::participant_slot& slot) noexcept {
  // Acquire: its places were written before that.
  const std::uint32_t joined = slot.held.load(std::memory_order_acquire);
  return joined != 0 && joined == slot.generation.load(std::memory_order_relaxed) &&
         slot.state.load(std::memory_order_relaxed) ==
             static_cast<std::uint32_t>(ring::slot_state::attached);
}
/// It holds nobody up and is not to be woken any more. For itself, and for who holds its lock.
inline void forget(const ring_memory& memory, std::uint32_t subscriber) noexcept {
  slot_of(memory, subscriber).held.store(0, std::memory_order_relaxed);
  for (std::uint32_t lane = 0; lane < memory.shape().lanes; ++lane)
    places(memory, lane).of(subscriber).store(0, std::memory_order_release);
  sleepers(memory).fetch_and(~(std::uint64_t{1} << subscriber), std::memory_order_relaxed);
}

}  // namespace sluice::ring_topic_parts
