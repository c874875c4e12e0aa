#pragma once
// What a reader of a lane takes at once, and how it reads that. The words are lane.hpp's.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sluice/base/bytes.hpp>
#include <sluice/ring/consumer.hpp>
#include <sluice/ring/lane.hpp>
#include <sluice/ring/log.hpp>

namespace sluice::ring {

/// So many messages are taken at once at the most.
inline constexpr std::uint32_t max_range_messages = 64;

/// Some messages of a log, one after the other.
struct messages_after {
  std::uint32_t count = 0;
  bool is_damaged = false;
  std::array<position, max_range_messages + 1> ends;  // [0] where they begin
};

/// Walks over what is published at `from`: at most `limit` messages, and `bytes` unless the first
/// is larger.
[[nodiscard]] inline messages_after walk(const log& log, position from, std::uint32_t limit,
                                         std::uint64_t bytes) noexcept {
  messages_after seen;
  seen.ends[0] = from;
  seen.is_damaged = from % record_header::alignment != 0;
  for (position at = from; !seen.is_damaged && seen.count < limit;) {
    const record_header header{log.header_at(at).load(std::memory_order_acquire)};
    if (header.word == 0) break;
    const std::optional<position> next = log.after(at, header);
    seen.is_damaged = !next;
    if (seen.is_damaged) break;
    at = *next;
    if (seen.count != 0 && at - from > bytes) break;
    seen.ends[++seen.count] = at;
  }
  return seen;
}

/// The range in one slot, read by whoever holds the slot's lock.
///
/// *Semantics*: `try_peek` shows the next message where it lies, `release` finishes it; after the
/// last one the slot holds nothing. *Threads*: one. *Errors*: `found::damage` for what no reader of
/// ours can have noted, from then on always. *Lifetime*: a view. *Crash*: who holds the slot next
/// goes on at the message that was not released.
class range_reader {
 public:
  range_reader() = default;
  /// The range that stands there; `lane` is the log that it is of.
  range_reader(participant_slot& slot, const log& lane) noexcept
      : slot_(&slot),
        log_(lane),
        at_(slot.at.load(std::memory_order_relaxed)),
        to_(slot.range_to.load(std::memory_order_relaxed)),
        finished_(slot.finished.load(std::memory_order_relaxed)),
        is_damaged_(at_ % record_header::alignment != 0) {
    // All was finished, and who did it died before it could say so.
    if (at_ == to_) give_up();
  }
  /// The same after its holder has gone, who may have died between two of its words.
  [[nodiscard]] static range_reader go_on(participant_slot& slot, const log& lane) noexcept {
    const position at = slot.at.load(std::memory_order_relaxed);
    const position to = slot.range_to.load(std::memory_order_relaxed);
    const messages_after left = walk(lane, at, max_range_messages, to - at);
    for (std::uint32_t count = 0; count <= left.count; ++count) {
      if (left.ends[count] != to) continue;
      const std::uint64_t base = slot.range_base.load(std::memory_order_relaxed);
      const std::uint64_t all = slot.counters[0].load(std::memory_order_relaxed);
      slot.finished.store(base + all - count, std::memory_order_relaxed);
    }
    return {slot, lane};
  }

  [[nodiscard]] bool is_empty() const noexcept { return slot_ == nullptr; }

  [[nodiscard]] found try_peek(const_bytes& message) noexcept {
    if (slot_ == nullptr) return found::nothing;
    if (is_damaged_) return found::damage;
    const record_header seen{log_->header_at(at_).load(std::memory_order_acquire)};
    const std::optional<position> next = log_->after(at_, seen);
    // Everything up to `to_` was there when the range was looked at: a header cannot change.
    is_damaged_ = !next || to_ - *next > log_->capacity_bytes();
    if (is_damaged_) return found::damage;
    message = {log_->payload_at(at_), seen.length()};
    next_ = *next;
    return found::message;
  }

  /// Of the message shown last.
  void release() noexcept {
    at_ = next_;
    // Release: what was done with the message happened before its room is given away.
    slot_->at.store(at_, std::memory_order_release);
    slot_->finished.store(++finished_, std::memory_order_relaxed);
    if (at_ == to_) give_up();
  }

  /// What is left is dealt with by nobody: it counts as lost.
  void give_up() noexcept {
    slot_->held.store(0, std::memory_order_release);
    slot_ = nullptr;
  }

 private:
  participant_slot* slot_ = nullptr;
  std::optional<log> log_;
  position at_ = 0;
  position next_ = 0;  // after the message shown last
  position to_ = 0;
  std::uint64_t finished_ = 0;
  bool is_damaged_ = false;
};

/// How much a reader takes at once.
struct take_limits {
  std::uint32_t messages = 16;
  std::uint64_t bytes = 0;   // the first message may be larger
  std::uint32_t others = 0;  // with whom what is there is shared
};

enum class take_outcome { nothing, taken, damage };

/// Whether a message lies in the lane that nobody has taken.
[[nodiscard]] inline bool is_anything_left(const lane_words& lane, const log& log) noexcept {
  const position at = lane.taken.load(std::memory_order_acquire);
  if (at % record_header::alignment != 0) return true;  // damage: who takes reports it
  return log.header_at(at).load(std::memory_order_acquire) != 0;
}

/// Whether a look at the lane is worth it. Who is just taking passes the wake-up on.
[[nodiscard]] inline bool has_message(const lane_words& lane, const log& log) noexcept {
  return lane.lease.load(std::memory_order_acquire) == 0 && is_anything_left(lane, log);
}

/// Takes messages of a lane into a slot that holds nothing, whose lock is the caller's.
[[nodiscard]] inline take_outcome take(const queue_view& queue, std::uint32_t index, const log& log,
                                       std::uint32_t receiver, const take_limits& most) noexcept {
  lane_words& lane = queue.lanes[index];
  participant_slot& slot = queue.receivers[receiver];
  std::uint64_t free = 0;
  const std::uint64_t name =
      std::uint64_t{slot.generation.load(std::memory_order_relaxed)} << 32 | (receiver + 1);
  // Acquire: with the release of who had the lease before: its range and `taken` are seen.
  if (!lane.lease.compare_exchange_strong(free, name, std::memory_order_seq_cst))
    return take_outcome::nothing;
  const position from = lane.taken.load(std::memory_order_relaxed);
  const messages_after there =
      walk(log, from, std::min(most.messages, max_range_messages), most.bytes);
  if (there.count != 0) {
    // A share of it, at least one.
    const std::uint32_t count = (there.count + most.others) / (most.others + 1);
    const std::uint64_t after = lane.taken_messages.load(std::memory_order_relaxed) + count;
    const std::uint64_t base = slot.finished.load(std::memory_order_relaxed);
    // Release: the sender may read them while they change, and must not see data still being read.
    slot.range_lane.store(index, std::memory_order_release);
    slot.range_from.store(from, std::memory_order_release);
    slot.at.store(from, std::memory_order_release);
    slot.range_to.store(there.ends[count], std::memory_order_release);
    slot.range_base.store(base, std::memory_order_release);
    slot.counters[0].store(count, std::memory_order_release);
    slot.counters[1].store(after, std::memory_order_release);
    // Release: who sees that the range is valid sees all of it.
    slot.held.store(1, std::memory_order_release);
    lane.taken_messages.store(after, std::memory_order_relaxed);
    // Release: with the acquire of the sender, who reads it before it reads the ranges.
    lane.taken.store(there.ends[count], std::memory_order_release);
    lane.lease.store(0, std::memory_order_release);
    return take_outcome::taken;
  }
  lane.lease.store(0, std::memory_order_release);
  return there.is_damaged ? take_outcome::damage : take_outcome::nothing;
}

}  // namespace sluice::ring
