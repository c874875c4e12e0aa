#pragma once
// Messages of eight bytes that are a number.

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <sluice/base/bytes.hpp>
#include <vector>

namespace sluice::test {

[[nodiscard]] inline std::vector<std::byte> numbered(std::uint64_t number) {
  const const_bytes bytes = bytes_of(number);
  return {bytes.begin(), bytes.end()};
}
[[nodiscard]] inline std::optional<std::uint64_t> number_of(std::optional<const_bytes> message) {
  if (!message || message->size() != sizeof(std::uint64_t)) return std::nullopt;
  std::uint64_t number = 0;
  copy_bytes(*message, writable_bytes_of(number));
  return number;
}
template <class Receiver>
[[nodiscard]] std::optional<std::uint64_t> next_of(Receiver& receiver) {
  std::uint64_t number = 0;
  auto got = receiver.try_receive(writable_bytes_of(number));
  if (!got) return std::nullopt;
  EXPECT_EQ(*got, sizeof number);
  return number;
}

}  // namespace sluice::test
