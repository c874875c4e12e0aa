#pragma once
// The two sides of a sleep, as far as they need no system call. Who publishes looks whether anybody
// sleeps; who is about to sleep says so and looks again. Between the store and the load of each
// side there must be a barrier, or both may miss the other. The sleeper makes it for both where it
// can (membarrier(2)), so that publishing costs a store and a load. Who sleeps often has those who
// wake it make their own: it asks for that by a bit, and makes the barrier for both only when it
// asks. docs/decisions/0088 says why; the proof, which tests/model/waiting.pml repeats:
//
//   sleeper  1 says that it sleeps   2 fence   3 loads its bit; if it is not set: sets it, barrier
//            for both                4 looks again
//   waker    a publishes             b loads the bits     c if any is set: fence
//            d loads who sleeps      e may clear the bits, by one locked instruction
//
// A waker that found the bit at b has a fence between a and d, and the sleeper one between 1 and 4:
// one of them sees the other. A waker that did not find it loaded it
// - before it was set: then a is before the barrier that follows, and the look at 4 sees what was
//   published, then and at every later sleep;
// - after it was cleared: a sleeper that relied on the bit found it at 3, so before that, and said
//   before that it sleeps; d, which comes after b, sees it.

#include <algorithm>
#include <cstdint>
#include <sluice/ring/atomic.hpp>
#include <sluice/ring/layout.hpp>

namespace sluice::ring {

// Thread sanitizers know no fences: in their builds a read-modify-write takes the place of each.
#if defined(__SANITIZE_THREAD__)
inline constexpr bool has_fences = false;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
inline constexpr bool has_fences = false;
#else
inline constexpr bool has_fences = true;
#endif
#else
inline constexpr bool has_fences = true;
#endif

/// Orders a store before a load of one participant, where the other one does the same.
inline void full_fence() noexcept {
  if constexpr (has_fences) ring::atomic_thread_fence(std::memory_order_seq_cst);
}

/// Asked by whoever has just published something, and always fences: whether this word says that
/// somebody sleeps.
template <class Word>
[[nodiscard]] bool tells_of_sleep(atomic<Word>& word) noexcept {
  if constexpr (!has_fences) return word.fetch_or(0, std::memory_order_seq_cst) != 0;
  full_fence();
  return word.load(std::memory_order_relaxed) != 0;
}

/// The same with a fence only if one of these bits says so.
template <class Word>
[[nodiscard]] bool tells_of_sleep(atomic<Word>& word, const atomic<std::uint64_t>& fences,
                                  std::uint64_t bits) noexcept {
  // The compiler keeps the order; the processor's is the business of who sleeps without asking.
  ring::atomic_signal_fence(std::memory_order_seq_cst);
  // Relaxed: see the proof above for what was published before, and the fences for what follows.
  if (!has_fences || (fences.load(std::memory_order_relaxed) & bits) != 0) [[unlikely]]
    return tells_of_sleep(word);
  // Acquire: with the locked instruction of another waker that took the bits back.
  ring::atomic_thread_fence(std::memory_order_acquire);
  return word.load(std::memory_order_relaxed) != 0;
}

/// The side of one who wakes others of one role.
///
/// *Semantics*: fences where those who sleep ask for it, and stops that for all of them after so
/// many fences in vain: then nobody sleeps often any more. *Threads*: one at a time. *Errors*:
/// none. *Lifetime*: a view of the word. *Crash*: a question of somebody dead costs these fences.
class lookout {
 public:
  static constexpr std::uint32_t most_in_vain = 64;

  explicit lookout(atomic<std::uint64_t>& fences) noexcept : fences_(&fences) {}

  /// Asked after something was published: whether this word says that somebody sleeps.
  template <class Word>
  [[nodiscard]] bool tells_of_sleep(atomic<Word>& word) noexcept {
    if constexpr (!has_fences) return ring::tells_of_sleep(word);
    // As above.
    ring::atomic_signal_fence(std::memory_order_seq_cst);
    if (fences_->load(std::memory_order_relaxed) != 0) [[unlikely]]
      return fences_and_tells(word);
    ring::atomic_thread_fence(std::memory_order_acquire);
    return word.load(std::memory_order_relaxed) != 0;
  }

 private:
  template <class Word>
  [[nodiscard, gnu::noinline]] bool fences_and_tells(atomic<Word>& word) noexcept {
    const bool tells = ring::tells_of_sleep(word);
    if (tells) {
      in_vain_ = 0;
    } else if (++in_vain_ >= most_in_vain) {
      take_back();
    }
    return tells;
  }
  void take_back() noexcept {
    in_vain_ = 0;
    if ((fences_->load(std::memory_order_relaxed) & ~segment_header::always_fence) == 0) return;
    fences_->fetch_and(segment_header::always_fence, std::memory_order_seq_cst);
    full_fence();
  }

  atomic<std::uint64_t>* fences_;
  std::uint32_t in_vain_ = 0;
};

/// The side of one who sleeps: whether those who wake it fence.
///
/// *Semantics*: asks them for fences, and asks less and less often while that is soon taken back.
/// *Threads*: one at a time. *Errors*: none. *Lifetime*: a view of the word; the bit is that of its
/// slot. *Crash*: the bit stays until somebody takes it back, or has the slot.
class fence_request {
 public:
  fence_request(atomic<std::uint64_t>& fences, std::uint64_t bit) noexcept
      : fences_(&fences), bit_(bit) {}

  /// Asked after it was said that we sleep, with a full fence behind that. If not, the barrier for
  /// all must be made before another look.
  [[nodiscard]] bool is_granted() noexcept {
    const std::uint64_t seen = fences_->load(std::memory_order_relaxed);
    if (bit_ == 0) return (seen & segment_header::always_fence) != 0;
    if ((seen & (segment_header::always_fence | bit_)) != 0) {
      if (granted_ < worth_asking) ++granted_;
      return true;
    }
    if (has_asked_) {
      const bool was_worth_it = granted_ >= worth_asking;
      pause_ = was_worth_it ? 0 : std::min(2 * pause_ + 1, longest_pause);
      left_of_pause_ = pause_;
    }
    has_asked_ = left_of_pause_ == 0;
    granted_ = 0;
    if (has_asked_) {
      // Before the barrier: it divides who saw the bit from who did not.
      fences_->fetch_or(bit_, std::memory_order_seq_cst);
    } else {
      --left_of_pause_;
    }
    return false;
  }

  /// Nobody needs to fence for this one any more. For itself, and for who holds its slot.
  static void withdraw(atomic<std::uint64_t>& fences, std::uint64_t bit) noexcept {
    if ((fences.load(std::memory_order_relaxed) & bit) != 0)
      fences.fetch_and(~bit, std::memory_order_seq_cst);
  }

 private:
  static constexpr std::uint32_t worth_asking = 4;  // sleeps without the barrier that pay for it
  static constexpr std::uint32_t longest_pause = 31;

  atomic<std::uint64_t>* fences_;
  std::uint64_t bit_;
  bool has_asked_ = false;
  std::uint32_t granted_ = 0;  // sleeps that needed no barrier, since we asked
  std::uint32_t pause_ = 0;    // sleeps for which it is not asked
  std::uint32_t left_of_pause_ = 0;
};

/// A participant says that it sleeps from now on. A barrier must follow, and another look.
inline void lie_down(participant_slot& slot, rest how) noexcept {
  const auto said = static_cast<std::uint32_t>(how);
  if constexpr (!has_fences) {
    slot.resting.exchange(said, std::memory_order_seq_cst);
  } else {
    // Release: who sees it sees what was said before, as how much room is needed.
    slot.resting.store(said, std::memory_order_release);
  }
}

/// What says that a participant sleeps.
struct resting_place {
  participant_slot& slot;
  fence_request& request;
  atomic<std::uint64_t>* summary = nullptr;  // in which it shows as `bit`, if there is one
  std::uint64_t bit = 0;
};

/// The sleeper's side up to its second look, which must follow: whoever publishes from now on finds
/// it asleep, or that look finds what was published. `barrier_for_all()` makes the barrier for both
/// sides; where it cannot, nothing is certain, and false is the answer.
template <class Barrier>
[[nodiscard]] bool lie_down(const resting_place& where, rest how, Barrier barrier_for_all) {
  lie_down(where.slot, how);
  // After the sleep itself: who sees the bit finds somebody to wake.
  if (where.summary != nullptr) where.summary->fetch_or(where.bit, std::memory_order_seq_cst);
  full_fence();
  return where.request.is_granted() || barrier_for_all();
}

/// Takes the sleep away from whoever lies there; how it was resting. Of several who wake it, one
/// gets an answer other than `awake`, and has to do it.
[[nodiscard]] inline rest rouse(participant_slot& slot) noexcept {
  return static_cast<rest>(slot.resting.exchange(0, std::memory_order_acq_rel));
}

}  // namespace sluice::ring
