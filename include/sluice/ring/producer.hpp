#pragma once
// Writes a log. The fast path of a send is `try_claim` and `commit`: a comparison, the payload, a
// zero and a store, all in lines that only this producer writes.

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <sluice/ring/log.hpp>

namespace sluice::ring {

struct producer_options {
  /// Small messages wrap early, after so many bytes, while the reader is close behind: memory that
  /// both processors have in their caches is used again, and the rest of the log is for bursts.
  /// 0: never.
  std::uint64_t working_set_bytes = 16384;
  /// Larger messages never wrap early: what one processor has just written is read slowly by
  /// another one.
  std::uint64_t wrap_below_bytes = 1024;
};

/// The one writer of a log.
///
/// *Semantics*: `try_claim` gives room, `commit` publishes; what was claimed and not committed
/// leaves no trace. Between `stage` and `publish` nothing is visible, and then all of it at once.
/// *Threads*: one, as long as the log has this producer. *Errors*: no room is a null pointer.
/// *Lifetime*: a view of the log. *Crash*: killed anywhere, what was published is there and nothing
/// else; a successor starts from `end_of`.
class producer {
 public:
  explicit producer(const log& log, log_place start, producer_options options = {}) noexcept
      : log_(log),
        at_(start.at),
        limit_(start.at),
        checkpointed_(start.at),
        sent_(start.messages),
        full_(log.control().full.load(std::memory_order_relaxed)),
        options_(options) {
    // The other one is written first: a death in the middle of that leaves this one.
    if (const auto newest = newest_checkpoint(log)) newest_ = newest->index;
    log_.control().sent.store(sent_, std::memory_order_relaxed);
    write_checkpoint();
  }

  /// Room for a message of `length` bytes, which is at most `max_message_bytes`, or null if there
  /// is none. Aligned to 8; what was claimed before and not staged is claimed anew.
  [[nodiscard]] std::byte* try_claim(std::size_t length) noexcept {
    assert(length <= log_.max_message_bytes());
    const std::uint64_t need = record_bytes(length) + record_header::size_bytes;
    if (limit_ - at_ < need && !make_room(need)) [[unlikely]] {
      log_.control().full.store(++full_, std::memory_order_relaxed);
      return nullptr;
    }
    return log_.payload_at(at_);
  }

  /// Publishes the message in what was claimed; it may be shorter than that.
  void commit(std::size_t length) noexcept {
    if (staged_ == 0) {
      // Relaxed: nobody reads it before the store below, whose release orders it.
      const position next = at_ + record_bytes(length);
      log_.header_at(next).store(0, std::memory_order_relaxed);
      sent_ += 1;
      // Release: with the acquire of whoever reads this header. The one store that decides.
      log_.header_at(at_).store(log_.header_for(at_, length, record_kind::message).word,
                                std::memory_order_release);
      log_.control().sent.store(sent_, std::memory_order_relaxed);
      at_ = next;
      return;
    }
    stage(length);
    publish();
  }

  /// Puts a message behind those staged before; `publish` makes all of them visible at once.
  void stage(std::size_t length) noexcept {
    stage_record(length, record_kind::message, at_ + record_bytes(length));
    staged_messages_ += 1;
  }

  void publish() noexcept {
    if (staged_ == 0) return;
    sent_ += staged_messages_;
    // Release: as in `commit`; it orders all that was staged.
    log_.header_at(first_staged_).store(first_header_, std::memory_order_release);
    log_.control().sent.store(sent_, std::memory_order_relaxed);
    staged_ = 0;
    staged_messages_ = 0;
  }

  /// Leaves no trace of what was staged and not published.
  void discard_staged() noexcept {
    if (staged_ == 0) return;
    at_ = first_staged_;
    limit_ = at_;
    staged_ = 0;
    staged_messages_ = 0;
  }

  /// Whether a message of this length finds room without a look at how far the reader is.
  [[nodiscard]] bool fits(std::size_t length) const noexcept {
    return limit_ - at_ >= record_bytes(length) + record_header::size_bytes;
  }
  /// Whether a message of this length would find room now.
  [[nodiscard]] bool has_room(std::size_t length) noexcept {
    return fits(length) || make_room(record_bytes(length) + record_header::size_bytes);
  }

  [[nodiscard]] log_place place() const noexcept { return {.at = at_, .messages = sent_}; }
  /// Up to where the reader must have released before a message of this length fits.
  [[nodiscard]] position needed(std::size_t length) const noexcept {
    return at_ + record_bytes(length) + record_header::size_bytes - log_.capacity_bytes();
  }
  [[nodiscard]] const log& written() const noexcept { return log_; }

 private:
  // The first staged header is kept back: as long as it is missing, no reader passes.
  void stage_record(std::size_t length, record_kind kind, position next) noexcept {
    log_.header_at(next).store(0, std::memory_order_relaxed);
    const std::uint64_t word = log_.header_for(at_, length, kind).word;
    if (staged_ == 0) {
      first_staged_ = at_;
      first_header_ = word;
    } else {
      log_.header_at(at_).store(word, std::memory_order_relaxed);
    }
    staged_ += 1;
    at_ = next;
  }

  // The slow path of a claim: asks how far the reader is, and looks after the checkpoint, which is
  // never farther behind than an eighth of the log and a record.
  [[gnu::noinline]] bool make_room(std::uint64_t need) noexcept {
    // Acquire: what the reader did with the memory happened before it is written again.
    const position released = log_.control().released.load(std::memory_order_acquire);
    const std::uint64_t lag = at_ - released;
    const std::uint64_t capacity = log_.capacity_bytes();
    if (lag > capacity) return false;  // no reader of ours can have released that
    if (at_ - checkpointed_ >= capacity / 8) write_checkpoint();
    const std::uint64_t working_set = std::min(options_.working_set_bytes, capacity);
    const std::uint64_t offset = log_.offset_of(at_);
    if (need <= options_.wrap_below_bytes && working_set != 0) {
      if (offset >= working_set && lag <= working_set / 2 && offset - lag >= need) {
        wrap_early();
        return make_room(need);
      }
    }
    const std::uint64_t room = capacity - lag;
    // Looks again at the end of the working set, and beyond it now and then.
    const std::uint64_t step = offset < working_set ? working_set - offset : working_set / 2;
    const std::uint64_t most = working_set == 0 ? capacity / 8 : std::min(step, capacity / 8);
    limit_ = at_ + std::min(room, std::max(need, most));
    return room >= need;
  }

  void wrap_early() noexcept {
    const bool alone = staged_ == 0;
    stage_record(0, record_kind::skip, log_.next_lap(at_));
    if (!alone) return;
    publish();
    write_checkpoint();
  }

  // Of what is published. The one that is not the newest is written.
  void write_checkpoint() noexcept {
    const position at = staged_ == 0 ? at_ : first_staged_;
    ring::write_checkpoint(log_.control().checkpoints[newest_ ^= 1], {.at = at, .messages = sent_});
    checkpointed_ = at;
  }

  log log_;
  position at_;            // where the next record goes; its header is 0
  position limit_;         // up to here there is room
  position checkpointed_;  // the newest checkpoint
  std::uint64_t sent_;
  std::uint64_t full_;
  position first_staged_ = 0;
  std::uint64_t first_header_ = 0;
  std::uint32_t staged_ = 0;  // records
  std::uint32_t staged_messages_ = 0;
  unsigned newest_ = 0;
  producer_options options_;
};

}  // namespace sluice::ring
