#pragma once
// Writes a log that has any number of readers. What is written when there is room is
// producer.hpp's; here is who is asked before old messages are overwritten: the slowest subscriber,
// or nobody, and how those who may lose messages are warned.

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <sluice/base/bytes.hpp>
#include <sluice/ring/producer.hpp>
#include <sluice/ring/topic.hpp>

namespace sluice::ring {

/// Whether the subscribers of a log may lose messages.
enum class retention { until_read, overwritten };

/// The one writer of a log with many readers.
///
/// *Semantics*: as `producer`. Two words tell how far it may go: `released`, before which nobody
/// may join any more, and `intent`, before which it may be writing. It raises them by about an
/// eighth of the log at a time: first the one, then it looks at all places and lowers it to the
/// slowest, and only then the other. A joiner writes its place and then reads `released`: one of
/// the two sees the other. *Threads*: one. *Errors*: no room is a null pointer. *Lifetime*: a view.
/// *Crash*: a successor goes on from `intent`, which is what the dead one may have overwritten.
class publisher {
 public:
  publisher(const log& log, log_place start, log_marks& marks, const subscriber_places& places,
            retention kept) noexcept
      : log_(log),
        producer_(prepared(log), start, released_by::writer),
        marks_(&marks),
        places_(places),
        kept_(kept),
        full_(log.control().full.load(std::memory_order_relaxed)) {
    mark_checkpoint();
  }

  [[nodiscard]] std::byte* try_claim(std::size_t length) noexcept {
    if (!has_room(length)) [[unlikely]] {
      log_.control().full.store(++full_, std::memory_order_relaxed);
      return nullptr;
    }
    return producer_.try_claim(length);
  }
  /// Fills what was claimed. Where others may be reading it, in whole words, which is no race.
  void fill(std::byte* room, const_bytes message) const noexcept {
    if (message.empty()) return;
    if (kept_ == retention::until_read) {
      std::memcpy(room, message.data(), message.size());
      return;
    }
    for (std::size_t done = 0; done < message.size(); done += sizeof(std::uint64_t)) {
      std::uint64_t word = 0;
      std::memcpy(&word, message.data() + done, std::min(sizeof word, message.size() - done));
      // Relaxed: the commit, or the fence after the next intent, orders it.
      atomic_ref{*reinterpret_cast<std::uint64_t*>(room + done)}.store(word,
                                                                       std::memory_order_relaxed);
    }
  }
  void commit(std::size_t length) noexcept { producer_.commit(length); }
  void stage(std::size_t length) noexcept { producer_.stage(length); }
  void publish() noexcept { producer_.publish(); }
  void discard_staged() noexcept { producer_.discard_staged(); }

  [[nodiscard]] bool has_room(std::size_t length) noexcept {
    return producer_.has_room(length) || make_way(length);
  }
  [[nodiscard]] log_place place() const noexcept { return producer_.place(); }
  [[nodiscard]] position needed(std::size_t length) const noexcept {
    return producer_.needed(length);
  }
  [[nodiscard]] position published() const noexcept { return producer_.published(); }
  /// Where the slowest of those stands who must read before anything is overwritten.
  [[nodiscard]] position slowest() const noexcept {
    return kept_ == retention::until_read ? places_.slowest(published()) : published();
  }
  [[nodiscard]] const log& written() const noexcept { return log_; }

 private:
  // Undoes what a predecessor raised and did not confirm; an untouched log gets its first eighth.
  [[nodiscard]] static const log& prepared(const log& log) noexcept {
    const position intent = log.control().intent.load(std::memory_order_relaxed);
    const bool is_untouched = intent == log.control().released.load(std::memory_order_relaxed);
    confirm(log, is_untouched ? intent + log.capacity_bytes() / 8 : intent);
    return log;
  }
  // From now on what lies before `intent` may be written.
  static void confirm(const log& log, position intent) noexcept {
    if constexpr (has_fences) {
      log.control().intent.store(intent, std::memory_order_relaxed);
      // Release: who reads something that is written after this reads the intent too, after the
      // acquire fence in subscriber.hpp.
      ring::atomic_thread_fence(std::memory_order_release);
    } else {
      log.control().intent.exchange(intent, std::memory_order_acq_rel);
    }
    log.control().released.store(intent - log.capacity_bytes(), std::memory_order_release);
  }

  [[gnu::noinline]] bool make_way(std::size_t length) noexcept {
    const std::uint64_t capacity = log_.capacity_bytes();
    const position checkpoint = mark_checkpoint();
    const position now = log_.control().intent.load(std::memory_order_relaxed) - capacity;
    const position needed = producer_.needed(length);
    // Never beyond the checkpoint: who joins there or resumes there must find it whole.
    position wanted = earlier(checkpoint, later(needed, now + capacity / 8));
    if (kept_ == retention::until_read) wanted = admitted(now, wanted);
    if (!is_before(now, wanted)) return false;
    confirm(log_, wanted + capacity);
    return !is_before(wanted, needed) && producer_.has_room(length);
  }

  // How far towards `wanted` all subscribers let us go.
  [[nodiscard]] position admitted(position now, position wanted) noexcept {
    wanted = places_.slowest(wanted);
    if (!is_before(now, wanted)) return now;
    atomic<position>& gate = log_.control().released;
    if constexpr (has_fences) {
      gate.store(wanted, std::memory_order_relaxed);
      // Between this store and the loads below; its partner stands in subscriber::start.
      full_fence();
    } else {
      gate.exchange(wanted, std::memory_order_seq_cst);
    }
    wanted = later(now, places_.slowest(wanted));
    // A joiner who was refused meanwhile tries a later place.
    if (!is_before(now, wanted)) gate.store(now, std::memory_order_release);
    return wanted;
  }

  // Remembers the newest checkpoint among the marks; where it is.
  position mark_checkpoint() noexcept {
    const auto newest = newest_checkpoint(log_);
    if (!newest) return log_.control().released.load(std::memory_order_relaxed);
    std::size_t oldest = 0;
    for (std::size_t one = 0; one < log_marks::count; ++one) {
      const auto seen = read_checkpoint(marks_->all[one]);
      if (seen && seen->at == newest->place.at) return newest->place.at;
      if (!seen) {
        oldest = one;  // never written, or the one that a predecessor died in
        break;
      }
      const auto least = read_checkpoint(marks_->all[oldest]);
      if (least && is_before(seen->at, least->at)) oldest = one;
    }
    write_checkpoint(marks_->all[oldest], newest->place);
    return newest->place.at;
  }

  log log_;
  producer producer_;
  log_marks* marks_;
  subscriber_places places_;
  retention kept_;
  std::uint64_t full_;
};

}  // namespace sluice::ring
