#pragma once
// What a ring queue is made and used with, what it can do, and what it counts.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <sluice/base/channel_traits.hpp>
#include <sluice/channel/ring_attachment.hpp>
#include <sluice/channel/ring_channel_options.hpp>
#include <sluice/channel/ring_memory.hpp>
#include <sluice/ring/record.hpp>

namespace sluice {

inline constexpr channel_capabilities ring_queue_capabilities{
    .mechanism = "ring queue",
    .keeps_boundaries = true,
    .order = ordering::per_sender,
    .many_senders = true,
    .many_receivers = true,
    .pollable = true,
    .zero_copy = true,
    .survives_processes = true,
    .max_message_bytes = 0xffff'ffff,
};

/// What becomes of the messages that a receiver had taken when it died.
enum class ring_delivery : std::uint32_t {
  at_least_once,  ///< Another one gets them; the one it was just dealing with a second time.
  at_most_once,   ///< They are lost, and counted: all that it had taken.
};

struct ring_queue_options {
  /// Of each lane: a power of two of at least a page; the largest message takes half of it.
  std::size_t capacity_bytes = std::size_t{1} << 20;
  std::uint32_t max_senders = 8;     ///< So many lanes are allocated; 256 at most.
  std::uint32_t max_receivers = 56;  ///< 64 at most.
  ring_full when_full = ring_full::block;
  ring_delivery delivery = ring_delivery::at_least_once;
  /// Without a value: rings with a name await successors, those without report.
  std::optional<ring_departure> departure = {};
  ring_name_options name = {};
};

struct ring_queue_end_options {
  ring_wait_options wait = {};
  ring_name_options name = {};
  /// Of a receiver: so many messages are its own at once, at most 64 and an eighth of a lane; it
  /// shares what is there with the receivers that it knows of. With 1 no message waits for another
  /// one to be dealt with.
  std::uint32_t take_at_most = 16;
};

/// Of all lanes and receivers together. Exact while nobody sends or takes.
struct ring_queue_counters {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;  ///< Dealt with: what comes twice is counted once.
  std::uint64_t taken = 0;     ///< Taken and not dealt with yet.
  std::uint64_t lost = 0;      ///< With receivers that died, if delivered at most once.
  std::uint64_t dropped = 0;   ///< By senders that drop what finds no room.
  std::uint64_t full = 0;      ///< Times that a sender found no room.
};

}  // namespace sluice
