#pragma once
// What the crash tests of all rings share: messages that tell whether they are whole, the memory
// that others see, and what is printed.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <sluice/base/bytes.hpp>
#include <sluice/channel/ring_memory.hpp>
#include <string>
#include <vector>

namespace sluice::test {

inline constexpr std::uint64_t no_number = ~std::uint64_t{0};

/// A message that carries its number, and a pattern made from it. Of 8 bytes at least.
[[nodiscard]] inline std::vector<std::byte> numbered(std::uint64_t number, std::size_t size) {
  std::vector<std::byte> message(size);
  std::memcpy(message.data(), &number, sizeof number);
  for (std::size_t at = sizeof number; at < size; ++at)
    message[at] = static_cast<std::byte>(number * 31 + at);
  return message;
}

/// The number of a message, or `no_number` if it is not whole.
[[nodiscard]] inline std::uint64_t number_of(const_bytes message) {
  std::uint64_t number = no_number;
  if (message.size() < sizeof number) return no_number;
  std::memcpy(&number, message.data(), sizeof number);
  for (std::size_t at = sizeof number; at < message.size(); ++at)
    if (message[at] != static_cast<std::byte>(number * 31 + at)) return no_number;
  return number;
}

[[nodiscard]] inline const_bytes image_of(const ring_memory& memory) {
  const auto layout = ring::layout::of(memory.shape());
  return {reinterpret_cast<const std::byte*>(&memory.header()), layout->total_bytes};
}

inline void tell(const std::string& what, long points, long before, long after) {
  std::printf("%s: %ld points, %ld times nothing had happened, %ld times all\n", what.c_str(),
              points, before, after);
}

}  // namespace sluice::test
