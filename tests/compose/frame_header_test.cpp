#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <sluice/compose/frame_header.hpp>

namespace sluice::test {
namespace {

TEST(FrameHeader, brings_every_length_back) {
  for (std::uint64_t length = 0; length <= 0xffff'ffff; length = length * 3 / 2 + 1) {
    const auto number = static_cast<std::uint32_t>(length);
    EXPECT_EQ(frame_header::decode(frame_header::encode(number)).value(), number);
    EXPECT_EQ(frame_header::length_of(frame_header::encode(number)), number);
  }
}

TEST(FrameHeader, notices_every_single_changed_bit) {
  for (const std::uint32_t length : {0U, 1U, 64U, 0x7fff'ffffU, 0xffff'ffffU})
    for (std::size_t bit = 0; bit < 8 * frame_header::size_bytes; ++bit) {
      auto bytes = frame_header::encode(length);
      bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
      auto decoded = frame_header::decode(bytes);
      ASSERT_FALSE(decoded) << "length " << length << ", bit " << bit;
      EXPECT_EQ(decoded.error(), errc::corrupt);
      EXPECT_EQ(frame_header::length_of(bytes), std::nullopt);
    }
}

TEST(FrameHeader, is_none_in_what_usually_stands_in_a_stream) {
  EXPECT_FALSE(frame_header::decode(std::array<std::byte, 8>{}));
  EXPECT_FALSE(frame_header::decode(bytes_of("GET / HT")));
  EXPECT_FALSE(frame_header::decode(bytes_of("hello\nhe")));
  std::array<std::byte, 8> ones;
  ones.fill(std::byte{0xff});
  EXPECT_FALSE(frame_header::decode(ones));
}

}  // namespace
}  // namespace sluice::test
