#pragma once
// What lies in the memory of a ring: a header, a slot for each participant, the control words of
// each lane, and the lanes' data. docs/ring-format.md is the page about it; a change here is a new
// layout version.
//
//   0                  segment_header
//   slots_offset       participant_slot[senders + receivers]
//   lanes_offset       log_control[lanes]
//   extra_offset       what the kind of ring needs besides (extra_bytes)
//   data_offset        the data of lane 0, lane 1, ...; begins on a page
//
// Every offset is computed from the few numbers of the header, never read from the memory.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sluice/ring/atomic.hpp>
#include <sluice/ring/log.hpp>
#include <type_traits>

namespace sluice::ring {

enum class segment_kind : std::uint32_t { channel = 1, queue = 2, topic = 3 };

/// What a ring is made for. Fixed at its creation.
struct geometry {
  segment_kind kind = segment_kind::channel;
  std::uint32_t senders = 1;  // their slots come first
  std::uint32_t receivers = 1;
  std::uint32_t lanes = 1;
  std::uint32_t extra_bytes = 0;
  std::uint32_t page_bytes = 0;
  std::uint64_t capacity_bytes = 0;  // of each lane
  std::uint32_t options = 0;         // what the kind of ring wants its users to agree about

  friend bool operator==(const geometry&, const geometry&) noexcept = default;
};

/// First in the memory. Written once, before anybody else can open it, but for the second line.
struct segment_header {
  static constexpr std::uint64_t magic_value = 0x676e'6972'6c73'0a0d;  // "\r\nslring" in memory
  static constexpr std::uint32_t current_version = 4;

  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t word_bytes;  // of a pointer of who made it
  std::uint32_t kind;
  std::uint32_t senders;
  std::uint32_t receivers;
  std::uint32_t lanes;
  std::uint32_t extra_bytes;
  std::uint32_t page_bytes;
  std::uint64_t capacity_bytes;
  std::uint32_t options;
  std::uint32_t reserved;
  /// Who wants whoever wakes receivers, or senders, to fence (wake_up.hpp): a bit for each slot,
  /// and one that is set for good once somebody could not take part in the barrier on the sleeping
  /// side.
  alignas(line_bytes) atomic<std::uint64_t> fences_for_receivers;
  atomic<std::uint64_t> fences_for_senders;
  /// Not 0: the name stays when the last one leaves.
  atomic<std::uint32_t> persistent;

  static constexpr std::uint64_t always_fence = std::uint64_t{1} << 63;
  /// Of the slot whose number among those of its role this is; 0 if it has none.
  [[nodiscard]] static constexpr std::uint64_t fence_bit(std::uint32_t number) noexcept {
    return number < 63 ? std::uint64_t{1} << number : 0;
  }
};

static_assert(std::is_standard_layout_v<segment_header> && sizeof(segment_header) == 128);
static_assert(offsetof(segment_header, magic) == 0 && offsetof(segment_header, version) == 8);
static_assert(offsetof(segment_header, word_bytes) == 12 && offsetof(segment_header, kind) == 16);
static_assert(offsetof(segment_header, senders) == 20 && offsetof(segment_header, receivers) == 24);
static_assert(offsetof(segment_header, lanes) == 28);
static_assert(offsetof(segment_header, extra_bytes) == 32);
static_assert(offsetof(segment_header, page_bytes) == 36);
static_assert(offsetof(segment_header, capacity_bytes) == 40);
static_assert(offsetof(segment_header, options) == 48);
static_assert(offsetof(segment_header, fences_for_receivers) == 64);
static_assert(offsetof(segment_header, fences_for_senders) == 72);
static_assert(offsetof(segment_header, persistent) == 80);

/// What a participant says of itself. Only the lock of its slot proves that it lives.
enum class slot_state : std::uint32_t {
  empty = 0,     ///< Nobody was ever here.
  attached = 1,  ///< Somebody is, or died without a word.
  left = 2,      ///< The last one left in order.
  dead = 3,      ///< The last one died, and somebody who held its lock has seen to what it left.
};

/// Whether a participant sleeps, on the futex or by a descriptor.
enum class rest : std::uint32_t { awake = 0, parked = 1, armed = 2 };

/// One participant. Written by it alone, except where a comment says otherwise.
struct participant_slot {
  atomic<std::uint32_t> state;       // slot_state; also by who recovers it, holding its lock
  atomic<std::uint32_t> generation;  // how many were here
  /// A futex. Also by who wakes it: exchanged for `awake`.
  atomic<std::uint32_t> resting;
  atomic<std::uint32_t> held;  // a receiver of a queue: not 0 while the range below is its own
  atomic<position> needed;     // a sender without room: what must be released first
  // The place of a subscriber, or of a receiver of a queue in its range.
  atomic<position> at;
  // What a receiver of a queue holds: the messages of a lane between two positions.
  atomic<std::uint64_t> range_lane;
  atomic<position> range_from;
  atomic<position> range_to;
  atomic<std::uint64_t> range_base;   // `finished` when the range was taken
  atomic<std::uint64_t> finished;     // messages that it has dealt with, ever
  atomic<std::uint64_t> counters[2];  // of the kind of ring
  atomic<std::uint64_t> bell;         // the number that it is rung by while armed
  atomic<std::uint64_t> unused[4];
};

static_assert(std::is_standard_layout_v<participant_slot>);
static_assert(sizeof(participant_slot) == apart_bytes);
static_assert(offsetof(participant_slot, state) == 0);
static_assert(offsetof(participant_slot, generation) == 4);
static_assert(offsetof(participant_slot, resting) == 8 && offsetof(participant_slot, held) == 12);
static_assert(offsetof(participant_slot, needed) == 16 && offsetof(participant_slot, at) == 24);
static_assert(offsetof(participant_slot, range_lane) == 32);
static_assert(offsetof(participant_slot, range_from) == 40);
static_assert(offsetof(participant_slot, range_to) == 48);
static_assert(offsetof(participant_slot, range_base) == 56);
static_assert(offsetof(participant_slot, finished) == 64);
static_assert(offsetof(participant_slot, counters) == 72 && offsetof(participant_slot, bell) == 88);

/// Where everything lies, computed.
struct layout {
  std::uint64_t slots_offset = 0;
  std::uint64_t lanes_offset = 0;
  std::uint64_t extra_offset = 0;
  std::uint64_t data_offset = 0;
  std::uint64_t total_bytes = 0;

  static constexpr std::uint32_t max_slots = 1024;
  static constexpr std::uint32_t max_lanes = 256;

  /// Nothing for numbers that no ring can have.
  [[nodiscard]] static constexpr std::optional<layout> of(const geometry& wanted) noexcept {
    const bool good =
        wanted.senders >= 1 && wanted.receivers >= 1 && wanted.lanes >= 1 &&
        wanted.senders <= max_slots && wanted.receivers <= max_slots && wanted.lanes <= max_lanes &&
        log::is_capacity(wanted.capacity_bytes) && std::has_single_bit(wanted.page_bytes) &&
        wanted.capacity_bytes % wanted.page_bytes == 0 &&
        wanted.extra_bytes <= (std::uint32_t{1} << 20) && wanted.extra_bytes % apart_bytes == 0;
    if (!good) return std::nullopt;
    layout made;
    made.slots_offset = sizeof(segment_header);
    made.lanes_offset = made.slots_offset +
                        sizeof(participant_slot) * std::uint64_t{wanted.senders + wanted.receivers};
    made.extra_offset = made.lanes_offset + sizeof(log_control) * std::uint64_t{wanted.lanes};
    const std::uint64_t control_end = made.extra_offset + wanted.extra_bytes;
    const std::uint64_t page = wanted.page_bytes;
    made.data_offset = (control_end + page - 1) / page * page;
    made.total_bytes = made.data_offset + wanted.lanes * wanted.capacity_bytes;
    return made;
  }
};

/// 56 receivers and 8 senders with a lane each.
static_assert(sizeof(segment_header) + 64 * sizeof(participant_slot) + 8 * sizeof(log_control) <=
              16384);

}  // namespace sluice::ring
