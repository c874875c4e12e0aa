#pragma once
// Reads a log that has one reader. The fast path of a receive is `try_peek` and `release`: one load
// of the header at the reader's own place, and a store to the reader's own line. Nothing else is
// written: the data lines stay the writer's.

#include <cstddef>
#include <cstdint>
#include <sluice/base/bytes.hpp>
#include <sluice/ring/copy.hpp>
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
        told_(log.control().told.load(std::memory_order_relaxed)) {}
  /// The same after the death of a predecessor, who may have counted a message that it had not
  /// released yet, and that comes again.
  [[nodiscard]] static consumer after_a_death(const log& log) noexcept {
    const consumer next{log};
    if (const auto before = messages_before(log, next.at_))
      log.control().received.store(*before, std::memory_order_relaxed);
    return next;
  }

  /// Looks at the next message; the same one again until it is released.
  [[nodiscard]] found try_peek(const_bytes& message) noexcept {
    // Acquire: with the release of the store that published. Loaded once: what is checked is what
    // is used.
    const record_header seen{log_.header_at(at_).load(std::memory_order_acquire)};
    // Mostly as long as the one before: then where the next one is does not wait for this load, and
    // the processor fetches several messages at once.
    if (seen.word == log_.header_for(at_, length_).word) [[likely]] {
      message = {log_.payload_at(at_), length_};
      return found::message;
    }
    return look_closer(message, seen);
  }

  /// Copies the next message out and gives its room back, if one is there that is as long as the
  /// one before and fits. Else nothing is done: `try_peek` and `release` tell why. How long it is
  /// stands in `length()`.
  [[nodiscard]] bool try_take(mutable_bytes into) noexcept {
    // Copies of our own: no store below can change them, so they are not loaded again.
    const log log = log_;
    const position at = at_;
    const std::uint32_t length = length_;
    // Acquire: as in `try_peek`.
    const record_header seen{log.header_at(at).load(std::memory_order_acquire)};
    if (seen.word != log.header_for(at, length).word || length > into.size()) [[unlikely]]
      return false;
    copy_message(into.data(), log.payload_at(at), length);
    release();
    return true;
  }
  /// Of the message that was shown or taken last, in bytes.
  [[nodiscard]] std::size_t length() const noexcept { return length_; }

  /// Gives the room of the message shown last back. The line that says so is the reader's own, and
  /// the writer is told in another one once in an eighth of the log: it asks when it needs more.
  void release() noexcept {
    log_control& shared = log_.control();
    const position at = at_ + step_;
    shared.received.store(shared.received.load(std::memory_order_relaxed) + 1,
                          std::memory_order_relaxed);
    // Release: the writer may overwrite what we have read only now.
    shared.released.store(at, std::memory_order_release);
    at_ = at;
    if (at - told_ >= log_.capacity_bytes() / 8) [[unlikely]]
      tell();
  }

  [[nodiscard]] log_place place() const noexcept {
    return {.at = at_, .messages = log_.control().received.load(std::memory_order_relaxed)};
  }

 private:
  void tell() noexcept {
    told_ = at_;
    log_.control().told.store(at_, std::memory_order_release);  // as in `release`
  }

  [[gnu::noinline]] found look_closer(const_bytes& message, record_header seen) noexcept {
    if (seen.word == 0) {
      if (told_ != at_) tell();
      return found::nothing;
    }
    if (!log_.can_be_message(at_, seen)) return found::damage;
    length_ = seen.length();
    step_ = record_bytes(length_);
    message = {log_.payload_at(at_), length_};
    return found::message;
  }

  log log_;
  position at_;                           // of the next header
  std::uint32_t length_ = 0;              // of the message shown last
  std::uint64_t step_ = record_bytes(0);  // from its header to the next one
  position told_;
};

}  // namespace sluice::ring
