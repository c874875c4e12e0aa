#pragma once
// How a C++ type becomes bytes: `codec<T>`. Trivially copyable types travel as they lie in memory;
// other types get a specialisation, by you, without any dependency. `type_hash<T>` says whether
// two programs mean the same type.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ranges>
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

/// Types whose bytes mean the same in another process. Pointers do not, and neither do views, which
/// hold one (`std::string_view`, `std::span`); members that are pointers cannot be seen from
/// outside and are on you. An array goes in a struct or a std::array: functions return no arrays.
template <class T>
concept plain_data =
    std::is_trivially_copyable_v<T> && std::is_default_constructible_v<T> &&
    std::same_as<T, std::remove_cvref_t<T>> && !std::is_array_v<T> && !std::is_pointer_v<T> &&
    !std::is_member_pointer_v<T> && !std::is_null_pointer_v<T> && !std::ranges::enable_view<T>;

template <plain_data T>
struct codec<T> {
  static constexpr std::size_t encoded_size(const T&) noexcept { return sizeof(T); }
  static void encode(const T& value, mutable_bytes into) noexcept {
    copy_bytes(bytes_of_object(value), into);
  }
  static result<T> decode(const_bytes from) {
    if (from.size() != sizeof(T))
      return failure{errc::corrupt, "codec::decode", "the message has not the size of the type"};
    // Any other byte in a bool is undefined behaviour at its first use.
    if constexpr (std::same_as<T, bool>) {
      if (from.front() > std::byte{1})
        return failure{errc::corrupt, "codec::decode", "a bool is 0 or 1"};
    }
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

/// The integers that C++ names by rank. Compilers spell those names differently, and the same
/// fixed-width type is `long` here and `long long` there: on the wire their size names them.
template <class T>
concept ranked_integer = std::integral<T> && !std::same_as<T, bool> && !std::same_as<T, char> &&
                         !std::same_as<T, wchar_t> && !std::same_as<T, char8_t> &&
                         !std::same_as<T, char16_t> && !std::same_as<T, char32_t>;

/// What the type is called on the wire. Integers are called by their size ("int32") and text is
/// "std::string"; the default for all others is the C++ name, which compilers may spell differently
/// (templates, unnamed namespaces) and which does not change when members do. A member `static
/// constexpr std::string_view type_name = "tick/2";` overrides it: recommended for anything that
/// outlives one build.
template <class T>
[[nodiscard]] constexpr std::string_view type_name() noexcept {
  if constexpr (requires {
                  { T::type_name } -> std::convertible_to<std::string_view>;
                }) {
    return T::type_name;
  } else if constexpr (ranked_integer<T>) {
    constexpr std::string_view name{sizeof(T) == 1   ? "uint8"
                                    : sizeof(T) == 2 ? "uint16"
                                    : sizeof(T) == 4 ? "uint32"
                                    : sizeof(T) == 8 ? "uint64"
                                                     : "uint128"};
    return name.substr(std::is_signed_v<T> ? 1 : 0);
  } else if constexpr (std::same_as<T, std::string>) {
    return "std::string";
  } else {
    // "... type_name() [with T = tick; std::string_view = ...]" (g++), "... [T = tick]" (clang++).
    // Both ends are looked for from outside: a name may contain these letters itself.
    constexpr std::string_view all{__PRETTY_FUNCTION__};
    constexpr std::size_t begin = all.find("T = ") + 4;
    constexpr std::size_t alias = all.rfind("; std::string_view = ");
    return all.substr(begin, (alias != all.npos ? alias : all.size() - 1) - begin);
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
