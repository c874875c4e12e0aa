#pragma once
// What the messages of the benchmarks carry. The sender writes every byte and the receiver looks at
// every byte, with these two functions on both sides of every comparison: a channel that moved
// nothing, or the wrong thing, would not be fast but fail. They are never inline: the same
// instructions at the same place for both sides, else they differ by a tenth of what they take.

#include <cstdint>
#include <cstring>
#include <sluice/base/bytes.hpp>

namespace bench {

/// Word i of message `sequence` is sequence + i; sizes are multiples of eight bytes.
[[gnu::noinline]] inline void write_payload(std::uint64_t sequence,
                                            sluice::mutable_bytes into) noexcept {
  for (std::size_t at = 0; at < into.size(); at += sizeof sequence) {
    std::memcpy(into.data() + at, &sequence, sizeof sequence);
    ++sequence;
  }
}

[[nodiscard, gnu::noinline]] inline bool is_payload(std::uint64_t sequence,
                                                    sluice::const_bytes from) noexcept {
  std::uint64_t different = 0;
  for (std::size_t at = 0; at < from.size(); at += sizeof sequence) {
    std::uint64_t word = 0;
    std::memcpy(&word, from.data() + at, sizeof word);
    different |= word ^ sequence;
    ++sequence;
  }
  return different == 0;
}

}  // namespace bench
