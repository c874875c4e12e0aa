#pragma once
// Reads a log that has one reader. The fast path of a receive is `try_peek` and `release`: one load
// of the header at the reader's own place, and a store to the reader's own line. Nothing else is
// written: the data lines stay the writer's.

#include <cstddef>
#include <cstdint>
#include <sluice/base/bytes.hpp>
#include <sluice/ring/log.hpp>

namespace sluice::ring {

/// What a reader found at its place.
enum class found {
  nothing,
  message,
  damage,  ///< No writer of ours can have written that; it stays so.
};

/// The one reader of a log.
///
/// *Semantics*: `try_peek` shows the next message where it lies; `release` gives its room back.
/// What was not released comes again to a successor, which starts at `released`. *Threads*: one.
/// *Errors*: what cannot be a record is `found::damage`, and none of it is shown. *Lifetime*: a
/// view of the log; a message that was shown stays until it is released. *Crash*: the messages not
/// released come again.
class consumer {
 public:
  explicit consumer(const log& log) noexcept
      : log_(log),
        // Acquire: with the release of a predecessor's last store.
        at_(log.control().released.load(std::memory_order_acquire)),
        received_(log.control().received.load(std::memory_order_relaxed)) {}

  /// Looks at the next message; the same one again until it is released.
  [[nodiscard]] found try_peek(const_bytes& message) noexcept {
    // Acquire: with the release of the store that published. Loaded once: what is checked is what
    // is used.
    const record_header seen{log_.header_at(at_).load(std::memory_order_acquire)};
    if (seen.above_length() ==
            record_header::above_length(record_kind::message, log_.lap_of(at_)) &&
        seen.length() <= log_.max_message_bytes()) [[likely]] {
      message = {log_.payload_at(at_), seen.length()};
      next_ = at_ + record_bytes(seen.length());
      return found::message;
    }
    return seen.word == 0 ? found::nothing : look_closer(message, seen);
  }

  /// Gives the room of the message shown last back. Every message is published at once: the line is
  /// the reader's own, and the writer looks at it rarely.
  void release() noexcept {
    at_ = next_;
    received_ += 1;
    log_.control().received.store(received_, std::memory_order_relaxed);
    // Release: the writer may overwrite what we have read only now.
    log_.control().released.store(at_, std::memory_order_release);
  }

  [[nodiscard]] log_place place() const noexcept { return {.at = at_, .messages = received_}; }

 private:
  [[gnu::noinline]] found look_closer(const_bytes& message, record_header seen) noexcept {
    const bool is_skip = seen.word == log_.header_for(at_, 0, record_kind::skip).word;
    // Where a lap has just begun there is nothing to skip: so two never follow each other.
    if (!is_skip || log_.offset_of(at_) == 0) return found::damage;
    at_ = log_.next_lap(at_);
    log_.control().released.store(at_, std::memory_order_release);
    return try_peek(message);
  }

  log log_;
  position at_;        // of the next header
  position next_ = 0;  // of the one after the message shown last
  std::uint64_t received_;
};

}  // namespace sluice::ring
