#pragma once
// Numbers in a fixed byte order, wherever a format leaves the process.

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstring>
#include <sluice/base/bytes.hpp>

namespace sluice {

template <std::unsigned_integral Number>
constexpr Number to_little_endian(Number number) noexcept {
  if constexpr (std::endian::native == std::endian::little) return number;
  Number swapped = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i, number >>= 8)
    swapped = static_cast<Number>((swapped << 8) | (number & 0xff));
  return swapped;
}

/// Writes at the start of `into`, which must be large enough.
template <std::unsigned_integral Number>
void store_little_endian(Number number, mutable_bytes into) noexcept {
  const Number ordered = to_little_endian(number);
  std::memcpy(into.data(), &ordered, sizeof ordered);
}

/// Reads from the start of `from`, which must be large enough.
template <std::unsigned_integral Number>
[[nodiscard]] Number load_little_endian(const_bytes from) noexcept {
  Number ordered = 0;
  std::memcpy(&ordered, from.data(), sizeof ordered);
  return to_little_endian(ordered);
}

}  // namespace sluice
