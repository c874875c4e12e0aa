#pragma once
// What both sides of framing share: the format of messages on a byte stream (length, check,
// bytes; normative text: docs/frame-format.md), its limits, and what a stream can do once it
// carries frames.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sluice/base/bytes.hpp>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/result.hpp>
#include <string_view>

namespace sluice {

/// What stands before each message.
struct frame_header {
  static constexpr std::size_t size_bytes = 8;
  /// Largest payload that the format can say.
  static constexpr std::size_t max_payload_bytes = 0x7fff'ffff;

  /// Little-endian on every machine: length, then its check. Here and not in a source file, since
  /// every message passes through it.
  [[nodiscard]] static constexpr std::array<std::byte, size_bytes> encode(
      std::uint32_t length) noexcept {
    const std::uint64_t both = std::uint64_t{check_of(length)} << 32 | length;
    std::array<std::byte, size_bytes> bytes{};
    for (std::size_t i = 0; i < size_bytes; ++i) bytes[i] = static_cast<std::byte>(both >> (8 * i));
    return bytes;
  }
  /// The length that the first `size_bytes` say, or nothing when its check does not belong to it.
  [[nodiscard]] static constexpr std::optional<std::uint32_t> length_of(
      const_bytes header) noexcept {
    std::uint64_t both = 0;
    for (std::size_t i = 0; i < size_bytes; ++i)
      both |= std::to_integer<std::uint64_t>(header[i]) << (8 * i);
    const auto length = static_cast<std::uint32_t>(both);
    if (both >> 32 != check_of(length)) return std::nullopt;
    return length;
  }
  /// The same with the error to report: `errc::corrupt`.
  [[nodiscard]] static result<std::uint32_t> decode(const_bytes header) noexcept;

 private:
  // Any single changed bit of either word breaks the relation.
  static constexpr std::uint32_t check_of(std::uint32_t length) noexcept {
    return ~length ^ 0x5246'4c53;  // "SLFR"
  }
};

struct frame_options {
  /// Sender: longer messages are refused. Receiver: a longer frame is reported as `corrupt`, and
  /// at most this much memory is ever taken for one.
  std::size_t max_message_bytes = std::size_t{1} << 20;
};

/// "pipe, framed": the mechanism of the stream, and that it carries frames.
template <class Stream>
inline constexpr auto framed_mechanism = [] {
  constexpr std::string_view stream = channel_traits<Stream>.mechanism;
  constexpr std::string_view suffix = ", framed";
  std::array<char, stream.size() + suffix.size()> name{};
  std::ranges::copy(suffix, std::ranges::copy(stream, name.begin()).out);
  return name;
}();

/// The capabilities of a byte stream once it carries frames.
template <class Stream>
inline constexpr channel_capabilities framed_capabilities = [] {
  channel_capabilities all = channel_traits<Stream>;
  all.mechanism = {framed_mechanism<Stream>.data(), framed_mechanism<Stream>.size()};
  all.keeps_boundaries = true;
  all.max_message_bytes = frame_header::max_payload_bytes;
  return all;
}();

}  // namespace sluice
