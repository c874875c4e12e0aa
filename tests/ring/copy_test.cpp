// The copy of a message: every size, in whatever way this processor does it, and no byte beside it.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <sluice/ring/copy.hpp>
#include <vector>

namespace sluice {
namespace {

constexpr std::size_t margin = 64;
constexpr std::byte untouched{0xa5};

std::vector<std::byte> counted(std::size_t bytes) {
  std::vector<std::byte> made(bytes);
  for (std::size_t at = 0; at < bytes; ++at) made[at] = static_cast<std::byte>(at * 31 + at / 251);
  return made;
}

void expect_copied(std::size_t bytes, std::size_t from_offset, std::size_t to_offset) {
  const std::vector<std::byte> source = counted(bytes + margin);
  std::vector<std::byte> target(bytes + 2 * margin, untouched);
  ring::copy_message(target.data() + to_offset, source.data() + from_offset, bytes);
  for (std::size_t at = 0; at < target.size(); ++at) {
    const bool is_inside = at >= to_offset && at < to_offset + bytes;
    ASSERT_EQ(target[at], is_inside ? source[at - to_offset + from_offset] : untouched)
        << bytes << " bytes from " << from_offset << " to " << to_offset << ", at " << at;
  }
}

TEST(CopyMessage, copies_every_byte_and_no_other_wherever_they_lie) {
  for (std::size_t bytes = 0; bytes <= 300; ++bytes)
    for (const std::size_t from : {0U, 1U, 8U, 63U}) expect_copied(bytes, from, bytes % 9);
  for (const std::size_t limit : {ring::least_fast_bytes, ring::most_fast_bytes})
    for (std::size_t bytes = limit - 2; bytes <= limit + 2; ++bytes) expect_copied(bytes, 8, 1);
  expect_copied(100'000, 8, 0);
}

}  // namespace
}  // namespace sluice
