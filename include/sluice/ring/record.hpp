#pragma once
// One record of a log: a header word and, right behind it, the payload. docs/ring-format.md is the
// page about it. The word is what publishes: it is 0 until the record can be read, and never 0
// after that, since one of the kinds is always set.

#include <cstddef>
#include <cstdint>

namespace sluice::ring {

/// Bytes that were ever written before a place in a log. Only grows, modulo 2^64: two positions are
/// compared by their difference.
using position = std::uint64_t;

/// Bits of the second lowest field of a header.
enum class record_kind : std::uint8_t { message = 1 };

/// A header, taken apart. Length 32 bits, kind 8 bits, tag 24 bits, lowest first.
struct record_header {
  static constexpr std::size_t size_bytes = 8;
  /// Every record begins on a line of its own: what is written for a message is then never in the
  /// line that the reader of the one before polls, and up to 56 bytes travel with their header.
  static constexpr std::size_t alignment = 64;

  std::uint64_t word = 0;

  [[nodiscard]] static constexpr record_header make(std::uint32_t length, record_kind kind,
                                                    std::uint64_t lap) noexcept {
    return {length | std::uint64_t{above_length(kind, lap)} << 32};
  }
  /// What the upper half of the word must be for a record of this kind in this lap. The tag is the
  /// low bits of the lap; it only detects corruption, nothing depends on it.
  [[nodiscard]] static constexpr std::uint32_t above_length(record_kind kind,
                                                            std::uint64_t lap) noexcept {
    return static_cast<std::uint32_t>(kind) | static_cast<std::uint32_t>(lap) << 8;
  }

  [[nodiscard]] constexpr std::uint32_t length() const noexcept {
    return static_cast<std::uint32_t>(word);
  }
  [[nodiscard]] constexpr std::uint32_t above_length() const noexcept {
    return static_cast<std::uint32_t>(word >> 32);
  }
};

/// Bytes from one header to the next.
[[nodiscard]] constexpr std::uint64_t record_bytes(std::uint64_t length) noexcept {
  constexpr std::uint64_t unit = record_header::alignment;
  return (record_header::size_bytes + length + unit - 1) / unit * unit;
}

}  // namespace sluice::ring
