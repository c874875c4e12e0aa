#pragma once
// What one chooses about a ring channel and its ends, and what it can be asked for.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <sluice/base/channel_traits.hpp>
#include <sluice/channel/ring_attachment.hpp>
#include <sluice/channel/ring_memory.hpp>

namespace sluice {

inline constexpr channel_capabilities ring_channel_capabilities{
    .mechanism = "ring channel",
    .keeps_boundaries = true,
    .order = ordering::total,
    .many_senders = false,
    .many_receivers = false,
    .pollable = true,
    .zero_copy = true,
    .survives_processes = true,
    .max_message_bytes = 0xffff'ffff,
};

/// What an end does when the other side goes, in order or not.
enum class ring_departure : std::uint32_t {
  report,           ///< `closed` or `connection_reset`, and `broken_pipe`.
  await_successor,  ///< Nothing: another one may come, and goes on where the last one was.
};

/// What a sender does that finds no room.
enum class ring_full : std::uint32_t {
  block,        ///< Waits; `try_send` reports would_block.
  fail,         ///< Reports `no_buffer_space`, also from `send`.
  drop_newest,  ///< Forgets the message and counts it.
};

struct ring_channel_options {
  /// A power of two of at least a page; the largest message with its header takes half of it.
  std::size_t capacity_bytes = std::size_t{1} << 20;
  ring_full when_full = ring_full::block;
  /// Without a value: rings with a name await a successor, those without report.
  std::optional<ring_departure> departure = {};
  ring_name_options name = {};
};

struct ring_end_options {
  ring_wait_options wait = {};
  ring_name_options name = {};
};

/// Counters that both sides can read at any time. They cost a message nothing that others wait for.
struct ring_counters {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::uint64_t dropped = 0;  ///< By a sender that drops what finds no room.
  std::uint64_t full = 0;     ///< Times that a sender found no room.
};

}  // namespace sluice
