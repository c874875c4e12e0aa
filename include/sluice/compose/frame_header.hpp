#pragma once
// What both sides of framing share: the format of messages on a byte stream (length, check,
// bytes; normative text: docs/frame-format.md), its limits, and what a stream can do once it
// carries frames.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
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

  /// Little-endian on every machine: length, then its check.
  [[nodiscard]] static std::array<std::byte, size_bytes> encode(std::uint32_t length) noexcept;
  /// `errc::corrupt` when the check does not belong to the length.
  [[nodiscard]] static result<std::uint32_t> decode(const_bytes header) noexcept;
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
