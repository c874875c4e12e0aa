#pragma once
// The format of messages on a byte stream: length, check, bytes. Normative text:
// docs/frame-format.md.

#include <array>
#include <cstddef>
#include <cstdint>
#include <sluice/base/bytes.hpp>
#include <sluice/base/result.hpp>

namespace sluice {

/// What stands before each message.
struct frame_header {
  static constexpr std::size_t size_bytes = 8;
  /// Largest payload that the format can say.
  static constexpr std::size_t max_payload_bytes = 0x7fff'ffff;

  /// Little-endian on every machine: length, then its check.
  [[nodiscard]] static std::array<std::byte, size_bytes> encode(std::uint32_t length) noexcept;
  /// `errc::corrupt` when the check does not belong to the length.
  [[nodiscard]] static result<std::uint32_t> decode(const_bytes header) noexcept;
};

}  // namespace sluice
