#pragma once
// Copies a message. A call of memcpy costs more than a small message does, and sizes are not known
// to the compiler.

#include <cstddef>
#include <cstring>

namespace sluice::ring {

/// `bytes` may be 0; the two do not overlap.
inline void copy_message(std::byte* to, const std::byte* from, std::size_t bytes) noexcept {
  // Nothing is done here. Without it g++ takes each branch below for one that is run, and warns of
  // those for which the caller's buffer is too small.
  asm("" : "+r"(to), "+r"(from));
  // Two copies of a fixed size that may overlap each other: each is one load and one store.
  const auto both_ends = [&]<std::size_t Size>() {
    std::byte first[Size];
    std::byte last[Size];
    std::memcpy(first, from, Size);
    std::memcpy(last, from + bytes - Size, Size);
    std::memcpy(to, first, Size);
    std::memcpy(to + bytes - Size, last, Size);
  };
  if (bytes > 64) {
    std::memcpy(to, from, bytes);
  } else if (bytes > 32) {
    both_ends.template operator()<32>();
  } else if (bytes > 16) {
    both_ends.template operator()<16>();
  } else if (bytes == 8) {
    std::memcpy(to, from, 8);
  } else if (bytes > 8) {
    both_ends.template operator()<8>();
  } else if (bytes >= 4) {
    both_ends.template operator()<4>();
  } else {
    for (std::size_t at = 0; at < bytes; ++at) to[at] = from[at];
  }
}

}  // namespace sluice::ring
