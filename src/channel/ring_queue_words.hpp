#pragma once
// What the ends of a queue ask of its memory.

#include <sluice/channel/ring_memory.hpp>
#include <sluice/channel/ring_queue.hpp>
#include <sluice/ring/lane.hpp>

namespace sluice::ring_queue_words {

[[nodiscard]] inline ring::queue_view shared_by(const ring_memory& memory) noexcept {
  const ring::geometry& shape = memory.shape();
  return ring::queue_view::of(memory.extra(), shape.lanes,
                              {&memory.slot(shape.senders), shape.receivers});
}

/// What became of some participants: `alive` as soon as one is. Notices deaths until then.
[[nodiscard]] result<ring_presence> look_at_any(ring_attachment& attachment, std::uint32_t first,
                                                std::uint32_t count);

/// The same without a system call: an unnoticed death looks alive.
[[nodiscard]] ring_presence presence_of_any(const ring_memory& memory, std::uint32_t first,
                                            std::uint32_t count) noexcept;

[[nodiscard]] ring_queue_counters counters_of(const ring_memory& memory) noexcept;

}  // namespace sluice::ring_queue_words
