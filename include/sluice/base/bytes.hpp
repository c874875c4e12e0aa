#pragma once
// Views of raw memory. Everything that moves through a channel is seen as bytes: `const_bytes`
// for what is sent, `mutable_bytes` for where something is received, `byte_parts` for a message
// that lies in several pieces and shall go out in one call (a header and a payload, say).
// No view owns what it shows; it is valid as long as the memory behind it.

#include <concepts>
#include <cstddef>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace sluice {

using const_bytes = std::span<const std::byte>;
using mutable_bytes = std::span<std::byte>;

/// A message in pieces, first piece first. At most `max_byte_parts` pieces per call.
using byte_parts = std::span<const const_bytes>;
inline constexpr std::size_t max_byte_parts = 8;

/// The bytes of a text, without a terminator.
[[nodiscard]] inline const_bytes bytes_of(std::string_view text) noexcept {
  return std::as_bytes(std::span{text.data(), text.size()});
}

/// The bytes of one object whose representation may be copied.
template <class T>
  requires std::is_trivially_copyable_v<T> && (!std::convertible_to<const T&, std::string_view>)
[[nodiscard]] const_bytes bytes_of(const T& object) noexcept {
  return std::as_bytes(std::span<const T, 1>{&object, 1});
}

/// The bytes of one object, to be overwritten.
template <class T>
  requires std::is_trivially_copyable_v<T> && (!std::is_const_v<T>)
[[nodiscard]] mutable_bytes writable_bytes_of(T& object) noexcept {
  return std::as_writable_bytes(std::span<T, 1>{&object, 1});
}

/// The same bytes read as text.
[[nodiscard]] inline std::string_view text_of(const_bytes bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// How many bytes all pieces have together.
[[nodiscard]] constexpr std::size_t total_size(byte_parts parts) noexcept {
  std::size_t sum = 0;
  for (const_bytes part : parts) sum += part.size();
  return sum;
}

/// Copies `from` to the start of `to` and returns how much was copied: the smaller size of the two.
inline std::size_t copy_bytes(const_bytes from, mutable_bytes to) noexcept {
  const std::size_t size = from.size() < to.size() ? from.size() : to.size();
  if (size != 0) std::memcpy(to.data(), from.data(), size);
  return size;
}

}  // namespace sluice
