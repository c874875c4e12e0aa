#pragma once
// Reads a log that others read, too. In a lossless log its place holds the publisher up; in one
// that overwrites it writes nothing that anybody reads, and everything it has read counts only
// after another look at how far the publisher may have come.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <sluice/base/bytes.hpp>
#include <sluice/ring/consumer.hpp>
#include <sluice/ring/publisher.hpp>
#include <sluice/ring/topic.hpp>

namespace sluice::ring {

/// Where a subscriber begins to read.
enum class joining {
  newest,      ///< Behind what is there.
  oldest,      ///< With the oldest message from which reading can start: most of a lap is there.
  last_value,  ///< With the last message, if that is still there.
};

/// One of the readers of a log.
///
/// *Semantics*: `look` tells of the next message; it is taken by `copy` and `release`, or where
/// nothing is overwritten also read in place. What was overwritten is counted exactly, from
/// checkpoints, and reading goes on at the newest of them. *Threads*: one. *Errors*: what cannot be
/// a record is `found::damage`. *Lifetime*: a view; before it goes, `leave`. *Crash*: whoever sees
/// the death sets its place to 0.
class subscriber {
 public:
  subscriber(const log& log, const log_marks& marks, subscriber_places::word& place,
             retention kept) noexcept
      : log_(log), marks_(&marks), place_(&place), may_lose_(kept == retention::overwritten) {}

  /// Begins to read. False if whoever writes is too fast for that now, or what is there is no log.
  [[nodiscard]] bool join(joining where) noexcept {
    for (int tries = 0; tries < 1000; ++tries) {
      if (try_join(where)) return true;
    }
    leave();
    return false;
  }
  /// Holds the publisher up no longer.
  void leave() noexcept { place_->store(0, std::memory_order_release); }

  [[nodiscard]] found look(std::size_t& length) noexcept {
    for (int tries = 0; tries < 64; ++tries) {
      // Acquire: with the release of the store that published.
      const record_header seen{log_.header_at(at_).load(std::memory_order_acquire)};
      if (may_lose_ && !is_intact()) {
        if (resume()) continue;
        return found::nothing;
      }
      if (seen.word == 0) return found::nothing;
      const auto next = log_.after(at_, seen);
      if (!next) return found::damage;
      next_ = *next;
      length = seen.length();
      return found::message;
    }
    return found::nothing;
  }

  /// The bytes of the message looked at last. Only where nothing is overwritten.
  [[nodiscard]] const_bytes message(std::size_t length) const noexcept {
    return {log_.payload_at(at_), length};
  }
  /// Copies the message looked at last, of `target`'s size. False if it was overwritten meanwhile:
  /// then the target holds nothing of use, and another look tells what is next.
  [[nodiscard]] bool copy(mutable_bytes target) const noexcept {
    if (target.empty()) return true;
    const std::byte* const from = log_.payload_at(at_);
    if (!may_lose_) {
      std::memcpy(target.data(), from, target.size());
      return true;
    }
    for (std::size_t done = 0; done < target.size(); done += sizeof(std::uint64_t)) {
      // Relaxed: the fence in is_intact orders all of them. atomic_ref of C++20 wants it mutable.
      auto* const at = const_cast<std::byte*>(from + done);
      const std::uint64_t word =
          atomic_ref{*reinterpret_cast<std::uint64_t*>(at)}.load(std::memory_order_relaxed);
      std::memcpy(target.data() + done, &word, std::min(sizeof word, target.size() - done));
    }
    return is_intact();
  }
  void release() noexcept { move_to({.at = next_, .messages = messages_ + 1}); }

  [[nodiscard]] log_place place() const noexcept { return {.at = at_, .messages = messages_}; }
  /// Messages that were overwritten before they were read.
  [[nodiscard]] std::uint64_t lost() const noexcept { return lost_; }

 private:
  static constexpr std::size_t max_starts = log_marks::count + 2;
  struct starting_points {
    std::array<log_place, max_starts> all;
    std::size_t count = 0;
  };

  // Whether nothing that lies at our place may have been overwritten, up to now.
  [[nodiscard]] bool is_intact() const noexcept { return is_intact(at_); }
  [[nodiscard]] bool is_intact(position at) const noexcept {
    atomic<position>& intent = log_.control().intent;
    position seen = 0;
    if constexpr (has_fences) {
      // Acquire: if we have read something that was written after an intent was told, we see that.
      ring::atomic_thread_fence(std::memory_order_acquire);
      seen = intent.load(std::memory_order_relaxed);
    } else {
      seen = intent.fetch_add(0, std::memory_order_acq_rel);
    }
    // Signed: the intent of a log that nobody has written yet is its start.
    return !is_before(at + log_.capacity_bytes(), seen);
  }

  void move_to(log_place where) noexcept {
    at_ = where.at;
    messages_ = where.messages;
    // Release: what we have read there was read before it is overwritten.
    if (!may_lose_) place_->store(at_ | 1, std::memory_order_release);
  }

  // Goes on where it is safe. False if no such place is to be seen just now.
  [[nodiscard]] bool resume() noexcept {
    for (int tries = 0; tries < 64; ++tries) {
      const auto newest = newest_checkpoint(log_);
      if (!newest || !is_before(at_, newest->place.at) || !is_intact(newest->place.at)) continue;
      lost_ += newest->place.messages - messages_;
      move_to(newest->place);
      return true;
    }
    return false;
  }

  // Takes a place that was found, in such a way that nothing behind it will be overwritten unseen.
  [[nodiscard]] bool start(log_place where) noexcept {
    if (where.at % record_header::alignment != 0) return false;
    at_ = where.at;
    messages_ = where.messages;
    if (may_lose_) return is_intact();
    atomic<position>& gate = log_.control().released;
    position seen = 0;
    if constexpr (has_fences) {
      place_->store(at_ | 1, std::memory_order_relaxed);
      // Between this store and the load; its partner stands in publisher::admitted.
      full_fence();
      seen = gate.load(std::memory_order_acquire);
    } else {
      place_->exchange(at_ | 1, std::memory_order_seq_cst);
      seen = gate.fetch_add(0, std::memory_order_seq_cst);
    }
    return !is_before(at_, seen);
  }

  // All places that somebody wrote down, the oldest first.
  [[nodiscard]] starting_points find_starts() const noexcept {
    starting_points found;
    const auto add = [&](const log_checkpoint& one) {
      if (const auto place = read_checkpoint(one)) found.all[found.count++] = *place;
    };
    for (const log_checkpoint& one : log_.control().checkpoints) add(one);
    for (const log_checkpoint& one : marks_->all) add(one);
    std::sort(found.all.begin(), found.all.begin() + static_cast<std::ptrdiff_t>(found.count),
              [](const log_place& a, const log_place& b) { return is_before(a.at, b.at); });
    return found;
  }

  [[nodiscard]] bool try_join(joining where) noexcept {
    const starting_points starts = find_starts();
    if (where == joining::oldest) {
      for (std::size_t one = 0; one < starts.count; ++one) {
        if (start(starts.all[one])) return true;
      }
      return false;
    }
    for (std::size_t one = starts.count; where == joining::last_value && one-- != 0;) {
      std::optional<log_place> last;
      if (!start(starts.all[one])) break;
      if (!walk(last)) return false;
      if (!last) continue;
      move_to(*last);
      return true;
    }
    // Also where nothing was ever sent, or the last message is too old to be found.
    std::optional<log_place> ignored;
    if (starts.count == 0 || !start(starts.all[starts.count - 1])) return false;
    const auto end = walk(ignored);
    if (end) move_to(*end);
    return end.has_value();
  }

  // From our place to where the next message will be; `last` is where the last one is on that way.
  [[nodiscard]] std::optional<log_place> walk(std::optional<log_place>& last) const noexcept {
    log_place here = place();
    // Somebody who writes as fast as we walk is not followed for ever.
    while (here.at - at_ <= log_.capacity_bytes()) {
      const record_header seen{log_.header_at(here.at).load(std::memory_order_acquire)};
      if (may_lose_ && !is_intact(here.at)) return std::nullopt;
      if (seen.word == 0) break;
      const auto next = log_.after(here.at, seen);
      if (!next) return std::nullopt;
      last = here;
      here.messages += 1;
      here.at = *next;
    }
    return here;
  }

  log log_;
  const log_marks* marks_;
  subscriber_places::word* place_;
  bool may_lose_;
  position at_ = 0;    // of the next header
  position next_ = 0;  // of the one after the message looked at last
  std::uint64_t messages_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace sluice::ring
