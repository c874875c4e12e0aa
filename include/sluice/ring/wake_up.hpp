#pragma once
// The two sides of a sleep, as far as they need no system call. Who publishes looks whether anybody
// sleeps; who is about to sleep says so and looks again. Between the store and the load of each
// side there must be a barrier, or both may miss the other. The sleeper makes it for both where it
// can (membarrier(2)), so that publishing costs a store and a load; else each makes its own.

#include <atomic>
#include <cstdint>
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
  if constexpr (has_fences) std::atomic_thread_fence(std::memory_order_seq_cst);
}

/// Asked by whoever has just published something: whether this word says that somebody sleeps.
template <class Word>
[[nodiscard]] bool tells_of_sleep(std::atomic<Word>& word, const segment_header& header) noexcept {
  if constexpr (!has_fences) return word.fetch_or(0, std::memory_order_seq_cst) != 0;
  // Relaxed: who sets it waits long enough for us to see it (ring_attachment::prepare_sleep).
  if (header.needs_fence.load(std::memory_order_relaxed) != 0) {
    full_fence();
  } else {
    // The compiler keeps the order; the processor's is the sleeper's business.
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  return word.load(std::memory_order_relaxed) != 0;
}

/// The same of one participant.
[[nodiscard]] inline bool is_resting(participant_slot& slot,
                                     const segment_header& header) noexcept {
  return tells_of_sleep(slot.resting, header);
}

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

/// Takes the sleep away from whoever lies there; how it was resting. Of several who wake it, one
/// gets an answer other than `awake`, and has to do it.
[[nodiscard]] inline rest rouse(participant_slot& slot) noexcept {
  return static_cast<rest>(slot.resting.exchange(0, std::memory_order_acq_rel));
}

}  // namespace sluice::ring
