#pragma once
// A log whose messages are shared out among several readers: a lane of a queue. A reader leases the
// lane for a moment, notes in its own slot which messages it takes, moves the lane's `taken` on and
// gives the lease back; it works without it. The order of these writes is what tests/model judges:
// whoever holds a dead reader's slot can complete what was begun, and hands out the rest of its
// range where it stands.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <sluice/base/bytes.hpp>
#include <sluice/ring/atomic.hpp>
#include <sluice/ring/layout.hpp>
#include <sluice/ring/log.hpp>
#include <span>
#include <type_traits>

namespace sluice::ring {

/// What the readers of a lane share. Written by whoever has the lease.
struct lane_words {
  atomic<std::uint64_t> lease;  // 0, or who has it: slot + 1, the slot's generation above that
  atomic<position> taken;       // what lies before is in a range, or was dealt with
  atomic<std::uint64_t> taken_messages;
  atomic<std::uint64_t> unused[13];
};

/// What all users of a queue share besides.
struct queue_words {
  atomic<std::uint64_t> sleepers;   // a bit for each receiver's slot
  atomic<std::uint32_t> receivers;  // how many of their slots were ever used; only grows
  /// Not 0: the last receiver seems to have gone. A hint, which senders check.
  atomic<std::uint32_t> deserted;
  atomic<std::uint64_t> unused[14];
};

static_assert(std::is_standard_layout_v<lane_words> && sizeof(lane_words) == apart_bytes);
static_assert(offsetof(lane_words, lease) == 0 && offsetof(lane_words, taken) == 8);
static_assert(offsetof(lane_words, taken_messages) == 16);
static_assert(std::is_standard_layout_v<queue_words> && sizeof(queue_words) == apart_bytes);
static_assert(offsetof(queue_words, sleepers) == 0 && offsetof(queue_words, receivers) == 8);
static_assert(offsetof(queue_words, deserted) == 12);
/// 56 receivers and 8 senders with a lane each.
static_assert(sizeof(segment_header) + std::size_t{64} * sizeof(participant_slot) +
                  std::size_t{8} * sizeof(log_control) + sizeof(queue_words) +
                  std::size_t{8} * sizeof(lane_words) <=
              16384);

/// The words of a queue, wherever they lie. A view.
struct queue_view {
  queue_words* words = nullptr;
  std::span<lane_words> lanes;
  std::span<participant_slot> receivers;

  /// Of `lanes` lanes, in memory that is zero at first and suffices (`bytes_for`).
  [[nodiscard]] static queue_view of(mutable_bytes extra, std::uint32_t lanes,
                                     std::span<participant_slot> receivers) noexcept {
    return {.words = reinterpret_cast<queue_words*>(extra.data()),
            .lanes = {reinterpret_cast<lane_words*>(extra.data() + sizeof(queue_words)), lanes},
            .receivers = receivers};
  }
  [[nodiscard]] static constexpr std::uint32_t bytes_for(std::uint32_t lanes) noexcept {
    return static_cast<std::uint32_t>(sizeof(queue_words) + lanes * sizeof(lane_words));
  }

  /// The slots that may hold something. Whoever takes announced its slot first.
  [[nodiscard]] std::span<participant_slot> used() const noexcept {
    // Acquire: with the release of `announce`.
    const std::size_t count = words->receivers.load(std::memory_order_acquire);
    return receivers.first(std::min(count, receivers.size()));
  }
  void announce(std::uint32_t receiver) const noexcept {
    std::uint32_t seen = words->receivers.load(std::memory_order_relaxed);
    while (seen <= receiver &&
           !words->receivers.compare_exchange_weak(seen, receiver + 1, std::memory_order_acq_rel)) {
    }
  }
};

// A range stands in its holder's slot: messages of a lane between two positions. `counters` are how
// many it has, and how many had been taken from the lane with it. It moves by one word alone, `at`:
// what lies before is finished and may be overwritten, so nobody can begin at `range_from` again.
// `finished` counts what `at` has passed, and is set right by who goes on with a dead one's range.

[[nodiscard]] inline bool holds_range(const participant_slot& slot) noexcept {
  // Acquire: with the release of who wrote the range, or has dealt with all of it.
  return slot.held.load(std::memory_order_acquire) != 0;
}

/// Up to where a lane may be overwritten, for its sender, who knew `known` before. `taken` is read
/// first: whatever lies before it was in a range by then, and is in the slot still or finished. The
/// words of a range that changes meanwhile may be torn: then the old one is finished and the new
/// one begins at `taken` or later, so that every value is safe between `known` and `taken`.
[[nodiscard]] inline position free_position(const queue_view& queue, std::uint32_t index,
                                            position known, std::uint64_t capacity) noexcept {
  // Acquire: with the release of who took; through the lease also of all who took before.
  std::uint64_t more = queue.lanes[index].taken.load(std::memory_order_acquire) - known;
  if (more > capacity) return known;  // no reader of ours can have taken that
  for (const participant_slot& slot : queue.used()) {
    if (!holds_range(slot) || slot.range_lane.load(std::memory_order_acquire) != index) continue;
    // Acquire: with the release of the message before it.
    more = std::min(more, slot.at.load(std::memory_order_acquire) - known);
  }
  return known + more;
}

/// Whether a slot has anything that must be seen to when its holder is gone.
[[nodiscard]] inline bool holds_anything(const queue_view& queue, std::uint32_t receiver) noexcept {
  if (holds_range(queue.receivers[receiver])) return true;
  return std::any_of(queue.lanes.begin(), queue.lanes.end(), [receiver](const lane_words& lane) {
    return static_cast<std::uint32_t>(lane.lease.load(std::memory_order_acquire)) == receiver + 1;
  });
}

/// Completes what the dead holder of a slot had begun to take, and frees its leases. For whoever
/// holds the slot's lock; may be repeated at any point. A valid range says where `taken` belongs:
/// freeing the lease before that is done would give the same messages away twice.
inline void roll_forward(const queue_view& queue, std::uint32_t receiver) noexcept {
  const participant_slot& slot = queue.receivers[receiver];
  for (std::size_t index = 0; index < queue.lanes.size(); ++index) {
    lane_words& lane = queue.lanes[index];
    const std::uint64_t lease = lane.lease.load(std::memory_order_acquire);
    if (static_cast<std::uint32_t>(lease) != receiver + 1) continue;
    if (holds_range(slot) && slot.range_lane.load(std::memory_order_relaxed) == index) {
      lane.taken_messages.store(slot.counters[1].load(std::memory_order_relaxed),
                                std::memory_order_relaxed);
      lane.taken.store(slot.range_to.load(std::memory_order_relaxed), std::memory_order_release);
    }
    lane.lease.store(0, std::memory_order_release);
  }
}

}  // namespace sluice::ring
