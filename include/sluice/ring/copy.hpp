#pragma once
// Copies a message. A call of memcpy costs more than a small message does, and sizes are not known
// to the compiler.

#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace sluice::ring {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SLUICE_COPIES_ARE_WATCHED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SLUICE_COPIES_ARE_WATCHED
#endif
#endif

/// Whether one instruction of this processor copies a few hundred bytes faster than a call of
/// memcpy does: "fast short rep movsb", CPUID leaf 7, EDX bit 4 (Intel SDM volume 2, CPUID).
/// Sanitizers do not see what it does, so it is not used below them.
[[nodiscard]] inline bool has_fast_short_copy() noexcept {
#if defined(__x86_64__) && !defined(SLUICE_COPIES_ARE_WATCHED)
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d & 1U << 4) != 0;
#else
  return false;
#endif
}
#undef SLUICE_COPIES_ARE_WATCHED

/// Asked for once: it does not change.
inline const bool uses_fast_short_copy = has_fast_short_copy();

/// From where to where it wins, by trial (docs/decisions/0101): above, memcpy does the same itself.
inline constexpr std::size_t least_fast_bytes = 128;
inline constexpr std::size_t most_fast_bytes = 8191;

/// `bytes` may be 0; the two do not overlap. Up to a line it goes word by word: who has just
/// written a message did so in words, and a wider load would wait until all of them are in the
/// cache, behind whatever else is still to be stored (a load can be served from one pending store,
/// not from two).
inline void copy_message(std::byte* to, const std::byte* from, std::size_t bytes) noexcept {
  using word = std::uint64_t;
  // Nothing is done here. Without it g++ takes each branch below for one that is run, and warns of
  // those for which the caller's buffer is too small.
  asm("" : "+r"(to), "+r"(from));
  const auto copy_word = [to, from](std::size_t at) {
    word copied;
    std::memcpy(&copied, from + at, sizeof copied);
    asm("" : "+r"(copied));  // two of them are not to become one that is wider
    std::memcpy(to + at, &copied, sizeof copied);
  };
  if (bytes > 64) {
#if defined(__x86_64__)
    if (bytes - least_fast_bytes <= most_fast_bytes - least_fast_bytes && uses_fast_short_copy) {
      asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
      return;
    }
#endif
    std::memcpy(to, from, bytes);
  } else if (bytes >= sizeof(word)) {
    const std::size_t last = bytes - sizeof(word);
    for (std::size_t at = 0; at < last; at += sizeof(word)) copy_word(at);
    copy_word(last);
  } else {
    for (std::size_t at = 0; at < bytes; ++at) to[at] = from[at];
  }
}

}  // namespace sluice::ring
