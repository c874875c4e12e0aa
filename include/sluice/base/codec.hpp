#pragma once
// How a C++ type becomes bytes: `codec<T>`. Trivially copyable types travel as they lie in memory;
// other types get a specialisation, by you, without any dependency. `type_hash<T>` says whether
// two programs mean the same type.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <sluice/base/bytes.hpp>
#include <sluice/base/result.hpp>
#include <string>
#include <string_view>
#include <type_traits>

namespace sluice {

/// Turns values of T into bytes and back. A specialisation has these three members:
///
///     static std::size_t encoded_size(const T& value);
///     static void encode(const T& value, mutable_bytes into);   // exactly encoded_size bytes
///     static result<T> decode(const_bytes from);                // errc::corrupt when it cannot be
template <class T>
struct codec;

/// Types whose bytes mean the same in another process. Pointers do not; members that are pointers
/// cannot be seen from outside and are on you.
template <class T>
concept plain_data = std::is_trivially_copyable_v<T> && std::is_default_constructible_v<T> &&
                     !std::is_pointer_v<T> &&
                     !std::is_member_pointer_v<T> && !std::is_reference_v<T> && !std::is_const_v<T>;

template <plain_data T>
struct codec<T> {
  static constexpr std::size_t encoded_size(const T&) noexcept { return sizeof(T); }
  static void encode(const T& value, mutable_bytes into) noexcept {
    copy_bytes(bytes_of_object(value), into);
  }
  static result<T> decode(const_bytes from) {
    if (from.size() != sizeof(T))
      return failure{errc::corrupt, "codec::decode", "the message has not the size of the type"};
    T value{};
    std::memcpy(static_cast<void*>(&value), from.data(), sizeof(T));
    return value;
  }

 private:
  static const_bytes bytes_of_object(const T& value) noexcept {
    return std::as_bytes(std::span<const T, 1>{&value, 1});
  }
};

template <>
struct codec<std::string> {
  static std::size_t encoded_size(const std::string& value) noexcept { return value.size(); }
  static void encode(const std::string& value, mutable_bytes into) noexcept {
    copy_bytes(bytes_of(value), into);
  }
  static result<std::string> decode(const_bytes from) { return std::string{text_of(from)}; }
};

/// A type that can be sent: it has a codec.
template <class T>
concept encodable = requires(const T& value, mutable_bytes into, const_bytes from) {
  { codec<T>::encoded_size(value) } -> std::convertible_to<std::size_t>;
  codec<T>::encode(value, into);
  { codec<T>::decode(from) } -> std::same_as<result<T>>;
};

/// What the type is called on the wire. The default is its C++ name, which compilers may spell
/// differently and which does not change when members do. A member `static constexpr
/// std::string_view type_name = "tick/2";` overrides it: recommended for anything that outlives one
/// build.
template <class T>
[[nodiscard]] constexpr std::string_view type_name() noexcept {
  if constexpr (requires {
                  { T::type_name } -> std::convertible_to<std::string_view>;
                }) {
    return T::type_name;
  } else {
    // "... type_name() [with T = tick; std::string_view = ...]" (g++), "... [T = tick]" (clang++).
    constexpr std::string_view all{__PRETTY_FUNCTION__};
    constexpr std::size_t begin = all.find("T = ") + 4;
    return all.substr(begin, all.find_first_of(";]", begin) - begin);
  }
}

/// FNV-1a of the name, the size and the alignment: equal for the same type in two programs.
/// Source: http://www.isthe.com/chongo/tech/comp/fnv/
template <class T>
[[nodiscard]] constexpr std::uint64_t type_hash() noexcept {
  std::uint64_t hash = 0xcbf2'9ce4'8422'2325;
  const auto mix = [&hash](std::uint64_t byte) { hash = (hash ^ byte) * 0x100'0000'01b3; };
  for (char letter : type_name<T>()) mix(static_cast<unsigned char>(letter));
  if constexpr (plain_data<T>) {
    for (std::size_t size = sizeof(T); size != 0; size >>= 8) mix(size & 0xff);
    mix(alignof(T));
  }
  return hash;
}

}  // namespace sluice
