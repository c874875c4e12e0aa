#pragma once
// The two sides of a sleep, as far as they need no system call. Who publishes looks whether anybody
// sleeps; who is about to sleep says so and looks again. Between the store and the load of each
// side there must be a barrier, or both may miss the other. The sleeper makes it for both where it
// can (membarrier(2)), so that publishing costs a store and a load; else each makes its own.

#include <atomic>
#include <cstdint>
#include <sluice/ring/layout.hpp>

// Thread sanitizers know no fences: there a read-modify-write takes their place.
#if defined(__SANITIZE_THREAD__)
#define SLUICE_RING_WITHOUT_FENCES 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SLUICE_RING_WITHOUT_FENCES 1
#endif
#endif

namespace sluice::ring {

/// Asked by whoever has just published something: whether this participant sleeps.
[[nodiscard]] inline bool is_resting(participant_slot& slot,
                                     const segment_header& header) noexcept {
#ifdef SLUICE_RING_WITHOUT_FENCES
  static_cast<void>(header);
  return slot.resting.fetch_or(0, std::memory_order_seq_cst) != 0;
#else
  // Relaxed: who sets it waits long enough for us to see it (ring_rest.hpp).
  if (header.needs_fence.load(std::memory_order_relaxed) != 0) {
    std::atomic_thread_fence(std::memory_order_seq_cst);
  } else {
    // The compiler keeps the order; the processor's is the sleeper's business.
    std::atomic_signal_fence(std::memory_order_seq_cst);
  }
  return slot.resting.load(std::memory_order_relaxed) != 0;
#endif
}

/// A participant says that it sleeps from now on. A barrier must follow, and another look.
inline void lie_down(participant_slot& slot, rest how) noexcept {
#ifdef SLUICE_RING_WITHOUT_FENCES
  slot.resting.exchange(static_cast<std::uint32_t>(how), std::memory_order_seq_cst);
#else
  // Release: who sees it sees what was said before, as how much room is needed.
  slot.resting.store(static_cast<std::uint32_t>(how), std::memory_order_release);
#endif
}

inline void fence_before_looking_again() noexcept {
#ifndef SLUICE_RING_WITHOUT_FENCES
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

/// Takes the sleep away from whoever lies there; how it was resting. Of several who wake it, one
/// gets an answer other than `awake`, and has to do it.
[[nodiscard]] inline rest rouse(participant_slot& slot) noexcept {
  return static_cast<rest>(slot.resting.exchange(0, std::memory_order_acq_rel));
}

}  // namespace sluice::ring

#undef SLUICE_RING_WITHOUT_FENCES
