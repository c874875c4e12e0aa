#pragma once
// Writes a log. The fast path of a send is `try_claim` and `commit`: a comparison, the payload, a
// zero and a store, all in lines that only this producer writes.

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <sluice/base/bytes.hpp>
#include <sluice/ring/copy.hpp>
#include <sluice/ring/log.hpp>
#include <sluice/ring/pause.hpp>

namespace sluice::ring {

/// Who stores how far the log is released: its reader while it reads, or its writer, who computes
/// that from what several readers say.
enum class released_by { reader, writer };

/// The one writer of a log.
///
/// *Semantics*: `try_claim` gives room, `commit` publishes; what was claimed and not committed
/// leaves no trace. Between `stage` and `publish` nothing is visible, and then all of it at once.
/// *Threads*: one, as long as the log has this producer. *Errors*: no room is a null pointer.
/// *Lifetime*: a view of the log. *Crash*: killed anywhere, what was published is there and nothing
/// else; a successor starts from `end_of`.
class producer {
 public:
  explicit producer(const log& log, log_place start, released_by who = released_by::reader) noexcept
      : log_(log),
        at_(start.at),
        limit_(start.at),
        released_(start.at),
        checkpointed_(start.at),
        full_(log.control().full.load(std::memory_order_relaxed)),
        by_reader_(who == released_by::reader) {
    // The other one is written first: a death in the middle of that leaves this one.
    if (const auto newest = newest_checkpoint(log)) newest_ = newest->index;
    log_.control().sent.store(start.messages, std::memory_order_relaxed);
    write_checkpoint();
  }

  /// Room for a message of `length` bytes, which is at most `max_message_bytes`, or null if there
  /// is none. What was claimed before and not staged is claimed anew.
  [[nodiscard]] std::byte* try_claim(std::size_t length) noexcept {
    assert(length <= log_.max_message_bytes());
    const std::uint64_t need = room_for(length);
    if (limit_ - at_ < need && !make_room(need)) [[unlikely]] {
      log_.control().full.store(++full_, std::memory_order_relaxed);
      return nullptr;
    }
    return log_.payload_at(at_);
  }

  /// Publishes the message in what was claimed; it may be shorter than that.
  void commit(std::size_t length) noexcept {
    if (staged_ != 0) [[unlikely]]
      return commit_batch(length);
    publish_at(log_, at_, length);
  }

  /// Copies a message in and publishes it, if it is not too long, has room without a look at how
  /// far the reader is, and nothing is staged. Else nothing is done: `try_claim` and `commit` tell
  /// why.
  [[nodiscard]] bool try_put(const_bytes message) noexcept {
    // Copies of our own: no store below can change them, so they are not loaded again.
    const log log = log_;
    const position at = at_;
    if (message.size() > log.max_message_bytes() || limit_ - at < room_for(message.size()) ||
        staged_ != 0) [[unlikely]]
      return false;
    copy_message(log.payload_at(at), message.data(), message.size());
    publish_at(log, at, message.size());
    return true;
  }

  /// Puts a message behind those staged before; `publish` makes all of them visible at once.
  void stage(std::size_t length) noexcept {
    const position next = at_ + record_bytes(length);
    log_.header_at(next).store(0, std::memory_order_relaxed);
    const std::uint64_t word = log_.header_for(at_, length).word;
    // The first staged header is kept back: as long as it is missing, no reader passes.
    if (staged_ == 0) {
      first_staged_ = at_;
      first_header_ = word;
    } else {
      log_.header_at(at_).store(word, std::memory_order_relaxed);
    }
    staged_ += 1;
    at_ = next;
  }

  void publish() noexcept {
    if (staged_ == 0) return;
    // Release: as in `commit`; it orders all that was staged.
    log_.header_at(first_staged_).store(first_header_, std::memory_order_release);
    count_sent(staged_);
    staged_ = 0;
  }

  /// Leaves no trace of what was staged and not published.
  void discard_staged() noexcept {
    if (staged_ == 0) return;
    at_ = first_staged_;
    limit_ = at_;
    staged_ = 0;
  }

  /// Whether a message of this length finds room without a look at how far the reader is.
  [[nodiscard]] bool fits(std::size_t length) const noexcept {
    return limit_ - at_ >= room_for(length);
  }
  /// Whether a message of this length would find room now.
  [[nodiscard]] bool has_room(std::size_t length) noexcept {
    return fits(length) || make_room(room_for(length));
  }

  [[nodiscard]] log_place place() const noexcept { return {.at = at_, .messages = sent()}; }
  /// Up to where the reader must have released before a message of this length fits.
  [[nodiscard]] position needed(std::size_t length) const noexcept {
    return at_ + room_for(length) - log_.capacity_bytes();
  }
  /// Behind the last message that a reader can see.
  [[nodiscard]] position published() const noexcept { return staged_ == 0 ? at_ : first_staged_; }
  [[nodiscard]] const log& written() const noexcept { return log_; }

 private:
  // Numbers by trial: docs/decisions/0067.
  static constexpr int patience_pauses = 16;
  static constexpr std::uint64_t fetched_ahead_bytes = 512;

  void publish_at(const log& log, position at, std::size_t length) noexcept {
    const position next = at + record_bytes(length);
    // Relaxed: nobody reads it before the store below, whose release orders it.
    log.header_at(next).store(0, std::memory_order_relaxed);
    // Release: with the acquire of whoever reads this header. The one store that decides.
    log.header_at(at).store(log.header_for(at, length).word, std::memory_order_release);
    at_ = next;
    count_sent(1);
    fetch_ahead(log, at, next);
  }

  // For the record and the header of the next one.
  [[nodiscard]] static constexpr std::uint64_t room_for(std::uint64_t length) noexcept {
    return record_bytes(length) + record_header::size_bytes;
  }

  // The counter is written by us alone.
  [[nodiscard]] std::uint64_t sent() const noexcept {
    return log_.control().sent.load(std::memory_order_relaxed);
  }
  void count_sent(std::uint64_t more) noexcept {
    log_.control().sent.store(sent() + more, std::memory_order_relaxed);
  }

  // Asks for the lines that will be written soon: the reader had them a lap ago, and each store
  // would wait for its own.
  static void fetch_ahead(const log& log, position from, position to) noexcept {
#if defined(__x86_64__)
    if (to - from > fetched_ahead_bytes) return;  // their copy fetches more than that by itself
    do {
      asm volatile("prefetchw %0" : : "m"(*log.payload_at(from + fetched_ahead_bytes)));
      from += line_bytes;
    } while (from != to);
#endif
  }

  [[gnu::noinline]] void commit_batch(std::size_t length) noexcept {
    stage(length);
    publish();
  }

  // The slow path of a claim: asks how far the reader is, and looks after the checkpoint, which is
  // never farther behind than an eighth of the log and a record.
  [[gnu::noinline]] bool make_room(std::uint64_t need) noexcept {
    const std::uint64_t capacity = log_.capacity_bytes();
    const std::uint64_t wanted = std::max(need, capacity / 8);
    position released = look_at(by_reader_ ? log_.control().told : log_.control().released);
    if (by_reader_ && capacity - (at_ - released) < wanted) released = look_closer(released);
    const std::uint64_t lag = at_ - released;
    if (lag > capacity) return false;  // no reader of ours can have released that
    if (at_ - checkpointed_ >= capacity / 8) write_checkpoint();
    limit_ = at_ + std::min(capacity - lag, wanted);
    return capacity - lag >= need;
  }

  // Asks the reader for its exact place. While it is giving room back, it is left alone for a
  // moment: to ask it for every message would slow both sides down.
  [[nodiscard]] position look_closer(position told) noexcept {
    position released = look_at(log_.control().released);
    if (released != released_) {
      for (int pauses = 0; pauses < patience_pauses; ++pauses) {
        pause();
        if (look_at(log_.control().told) != told) break;
      }
      released = look_at(log_.control().released);
    }
    released_ = released;
    return released;
  }

  [[nodiscard]] static position look_at(const atomic<position>& place) noexcept {
    // Acquire: what the reader did with the memory happened before it is written again.
    return place.load(std::memory_order_acquire);
  }

  // Of what is published. The one that is not the newest is written.
  void write_checkpoint() noexcept {
    const position at = published();
    ring::write_checkpoint(log_.control().checkpoints[newest_ ^= 1],
                           {.at = at, .messages = sent()});
    checkpointed_ = at;
  }

  log log_;
  position at_;            // where the next record goes; its header is 0
  position limit_;         // up to here there is room
  position released_;      // when it was looked at last
  position checkpointed_;  // the newest checkpoint
  std::uint64_t full_;
  position first_staged_ = 0;
  std::uint64_t first_header_ = 0;
  std::uint32_t staged_ = 0;  // messages
  unsigned newest_ = 0;
  bool by_reader_;
};

}  // namespace sluice::ring
