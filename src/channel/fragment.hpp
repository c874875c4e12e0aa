#pragma once
// The format of messages on a FIFO with many writers: fragments of at most PIPE_BUF bytes, each of
// which says whose it is and where it belongs. Normative text: docs/frame-format.md.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sluice/base/bytes.hpp>

namespace sluice {

/// What stands before the bytes of each fragment, 32 bytes, little-endian on every machine.
struct fragment_header {
  static constexpr std::size_t size_bytes = 32;
  /// PIPE_BUF of Linux: what one write(2) keeps together in a pipe. Source: pipe(7).
  static constexpr std::size_t max_fragment_bytes = 4096;
  static constexpr std::size_t max_payload_bytes = max_fragment_bytes - size_bytes;
  static constexpr std::uint32_t magic = 0x6746'4c53;  // "SLFg"

  std::uint64_t sender = 0;    ///< Random per sender.
  std::uint32_t sequence = 0;  ///< Number of the message, counted by its sender.
  std::uint32_t total = 0;     ///< Bytes of the whole message.
  std::uint32_t offset = 0;    ///< Where in the message this fragment begins.
  std::uint32_t size = 0;      ///< Bytes of the message that follow here.

  [[nodiscard]] std::array<std::byte, size_bytes> encode() const noexcept;
  /// Nothing if these bytes are no header: wrong magic, check or sizes.
  [[nodiscard]] static std::optional<fragment_header> decode(const_bytes bytes) noexcept;
};

}  // namespace sluice
