#pragma once
// What a loop does that waits for another processor.

namespace sluice::ring {

/// Tells the processor that this is such a loop: for a moment the line that is waited for
/// stays with whoever is about to write it.
inline void pause() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield" ::: "memory");
#endif
}

}  // namespace sluice::ring
