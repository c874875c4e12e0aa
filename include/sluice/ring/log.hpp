#pragma once
// A log with a single writer, in which one 8-byte store publishes: what all rings are made of. Here
// is what its memory holds; producer.hpp writes it, consumer.hpp and subscriber.hpp read it.
//
// Nothing here makes a system call or knows about processes: a log is bytes and atomics. Its data
// is mapped twice in a row, so that every record is contiguous; its headers are accessed at their
// address in the lower mapping alone.

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sluice/base/bytes.hpp>
#include <sluice/ring/atomic.hpp>
#include <sluice/ring/record.hpp>
#include <type_traits>

namespace sluice::ring {

/// What different processors write lies this far apart: two lines of 64 bytes, since processors
/// fetch them in pairs. Part of the format, so a number of ours and not the compiler's.
inline constexpr std::size_t line_bytes = 64;
inline constexpr std::size_t apart_bytes = 2 * line_bytes;

/// A place where a record begins or will begin, and how many messages lie before it. Two of them
/// are written in turn, so that one is whole whenever the writer dies.
struct log_checkpoint {
  atomic<std::uint64_t> at;
  atomic<std::uint64_t> messages;
  atomic<std::uint64_t> check;  // check_of(at, messages); anything else: being written

  /// Never 0, so that memory that nobody wrote is no checkpoint. (The finisher of splitmix64.)
  [[nodiscard]] static constexpr std::uint64_t check_of(position at,
                                                        std::uint64_t messages) noexcept {
    std::uint64_t mixed = at * 0x9e37'79b9'7f4a'7c15 + messages + 1;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58'476d'1ce4'e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d0'49bb'1331'11eb;
    return (mixed ^ (mixed >> 31)) | 1;
  }
};

/// The words about a log that its users share, grouped by who writes them.
struct log_control {
  // The producer's. Nobody reads them for each message.
  log_checkpoint checkpoints[2];
  atomic<std::uint64_t> sent;  // messages published
  atomic<std::uint64_t> full;  // claims that found no room
  // The producer's too: up to where it may be overwriting. Read by subscribers that may lose.
  alignas(line_bytes) atomic<position> intent;
  atomic<std::uint64_t> dropped;  // messages that were not sent for want of room
  // The consumer's, stored for each message. The producer reads the first where `told` is too far
  // behind.
  alignas(apart_bytes) atomic<position> released;  // what lies before may be overwritten
  atomic<std::uint64_t> received;
  // The consumer's, stored once for many messages, so that the producer may look at it often.
  alignas(apart_bytes) atomic<position> told;  // `released` at some earlier moment
};

static_assert(std::is_standard_layout_v<log_control> && sizeof(log_control) == 384);
static_assert(offsetof(log_control, checkpoints) == 0 && sizeof(log_checkpoint) == 24);
static_assert(offsetof(log_control, sent) == 48 && offsetof(log_control, full) == 56);
static_assert(offsetof(log_control, intent) == 64 && offsetof(log_control, dropped) == 72);
static_assert(offsetof(log_control, released) == 128 && offsetof(log_control, received) == 136);
static_assert(offsetof(log_control, told) == 256);
static_assert(atomic<std::uint64_t>::is_always_lock_free);

/// Where a log lies: its control words and its data. A view; it owns nothing.
class log {
 public:
  /// `data` shows 2 * `capacity_bytes` bytes, the second half being the first once more.
  log(log_control& control, std::byte* data, std::uint64_t capacity_bytes) noexcept
      : control_(&control),
        data_(data),
        mask_(capacity_bytes - 1),
        max_message_bytes_(std::min(capacity_bytes / 2 - record_header::size_bytes, longest)),
        lap_shift_(static_cast<unsigned>(std::countr_zero(capacity_bytes))) {
    assert(is_capacity(capacity_bytes));
  }

  [[nodiscard]] static constexpr bool is_capacity(std::uint64_t bytes) noexcept {
    return std::has_single_bit(bytes) && bytes >= min_capacity_bytes && bytes <= max_capacity_bytes;
  }
  static constexpr std::uint64_t min_capacity_bytes = 256;
  static constexpr std::uint64_t max_capacity_bytes = std::uint64_t{1} << 38;

  /// Makes the memory of a log, which is zero, an empty log that begins at `start`.
  static void initialize(log_control& control, position start = 0) noexcept {
    control.intent.store(start, std::memory_order_relaxed);
    control.released.store(start, std::memory_order_relaxed);
    control.told.store(start, std::memory_order_relaxed);
    for (log_checkpoint& one : control.checkpoints) {
      one.at.store(start, std::memory_order_relaxed);
      one.messages.store(0, std::memory_order_relaxed);
      one.check.store(log_checkpoint::check_of(start, 0), std::memory_order_relaxed);
    }
  }

  [[nodiscard]] log_control& control() const noexcept { return *control_; }
  [[nodiscard]] std::uint64_t capacity_bytes() const noexcept { return mask_ + 1; }
  /// With its header, the largest record takes half of the log.
  [[nodiscard]] std::size_t max_message_bytes() const noexcept { return max_message_bytes_; }

  [[nodiscard]] std::uint64_t offset_of(position at) const noexcept { return at & mask_; }
  [[nodiscard]] std::uint64_t lap_of(position at) const noexcept { return at >> lap_shift_; }

  /// The header at a position, at which a record may begin.
  [[nodiscard]] atomic_ref<std::uint64_t> header_at(position at) const noexcept {
    return atomic_ref{*reinterpret_cast<std::uint64_t*>(data_ + offset_of(at))};
  }
  [[nodiscard]] std::byte* payload_at(position at) const noexcept {
    return data_ + offset_of(at) + record_header::size_bytes;
  }

  /// The header that a record must have there, given its length.
  [[nodiscard]] record_header header_for(position at, std::uint64_t length) const noexcept {
    return record_header::make(static_cast<std::uint32_t>(length), record_kind::message,
                               lap_of(at));
  }

  /// Where the next record begins after a record that was found at `at`; nothing if its header
  /// cannot be one.
  [[nodiscard]] std::optional<position> after(position at, record_header found) const noexcept {
    if (!can_be_message(at, found)) return std::nullopt;
    return at + record_bytes(found.length());
  }
  [[nodiscard]] bool can_be_message(position at, record_header found) const noexcept {
    return found.above_length() == record_header::above_length(record_kind::message, lap_of(at)) &&
           found.length() <= max_message_bytes_;
  }

 private:
  static constexpr std::uint64_t longest = 0xffff'ffff;  // that a header can tell

  log_control* control_;
  std::byte* data_;
  std::uint64_t mask_;
  std::uint64_t max_message_bytes_;
  unsigned lap_shift_;
};

/// A place in a log that somebody can start from.
struct log_place {
  position at = 0;
  std::uint64_t messages = 0;  // that lie before it
};

/// Writes a checkpoint in an order in which no half of it looks whole.
inline void write_checkpoint(log_checkpoint& one, log_place place) noexcept {
  one.check.store(0, std::memory_order_relaxed);
  // Release: whoever sees one of the new words sees that the old check is gone.
  one.at.store(place.at, std::memory_order_release);
  one.messages.store(place.messages, std::memory_order_release);
  one.check.store(log_checkpoint::check_of(place.at, place.messages), std::memory_order_release);
}

/// Nothing if it is just being written, or was never.
[[nodiscard]] inline std::optional<log_place> read_checkpoint(const log_checkpoint& one) noexcept {
  // Acquire: with the release of the producer's store of the same word.
  const std::uint64_t check = one.check.load(std::memory_order_acquire);
  const log_place place{.at = one.at.load(std::memory_order_relaxed),
                        .messages = one.messages.load(std::memory_order_relaxed)};
  if (check != log_checkpoint::check_of(place.at, place.messages)) return std::nullopt;
  return place;
}

/// The newest whole checkpoint, and which of the two it is.
struct found_checkpoint {
  log_place place;
  unsigned index = 0;
};

/// Nothing if neither is whole, which no death of a writer causes.
[[nodiscard]] inline std::optional<found_checkpoint> newest_checkpoint(const log& log) noexcept {
  std::optional<found_checkpoint> newest;
  for (unsigned index = 0; index < 2; ++index) {
    const auto place = read_checkpoint(log.control().checkpoints[index]);
    if (!place) continue;
    const bool is_newer = !newest || place->at - newest->place.at < std::uint64_t{1} << 63;
    if (is_newer) newest = {.place = *place, .index = index};
  }
  return newest;
}

/// How many messages lie before a place that the reader of this log has reached, counted from the
/// newest checkpoint, while the writer may go on writing. Nothing if what lies there cannot be a
/// log.
[[nodiscard]] inline std::optional<std::uint64_t> messages_before(const log& log,
                                                                  position at) noexcept {
  for (int tries = 0; tries < 64; ++tries) {
    const std::optional<found_checkpoint> newest = newest_checkpoint(log);
    if (!newest) continue;  // just being written
    const bool is_behind = newest->place.at - at < std::uint64_t{1} << 63;
    const position end = is_behind ? newest->place.at : at;
    position here = is_behind ? at : newest->place.at;
    std::uint64_t count = 0;
    while (here != end) {
      const record_header found{log.header_at(here).load(std::memory_order_acquire)};
      const std::optional<position> next = log.after(here, found);
      if (!next || *next - here > end - here) break;
      here = *next;
      ++count;
    }
    // With the same checkpoint still the newest, nothing behind it was written over meanwhile.
    const std::optional<found_checkpoint> after = newest_checkpoint(log);
    if (here != end || !after || after->place.at != newest->place.at) continue;
    return is_behind ? newest->place.messages - count : newest->place.messages + count;
  }
  return std::nullopt;
}

/// Where a successor of a producer goes on: from the newest checkpoint over what was published
/// after it. Nothing if what lies there cannot be a log. Only for whoever knows that nobody writes.
[[nodiscard]] inline std::optional<log_place> end_of(const log& log) noexcept {
  const std::optional<found_checkpoint> newest = newest_checkpoint(log);
  if (!newest || newest->place.at % record_header::alignment != 0) return std::nullopt;
  log_place place = newest->place;
  for (;;) {
    const record_header found{log.header_at(place.at).load(std::memory_order_acquire)};
    if (found.word == 0) return place;
    const std::optional<position> next = log.after(place.at, found);
    if (!next || *next - newest->place.at > 2 * log.capacity_bytes()) return std::nullopt;
    place.messages += 1;
    place.at = *next;
  }
}

}  // namespace sluice::ring
