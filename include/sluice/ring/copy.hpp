#pragma once
// Copies a message. A call of memcpy costs more than a small message does, and sizes are not known
// to the compiler.

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace sluice::ring {

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
