// The two directions of one seqpacket connection as bytes.

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <sluice/compose/packet_bytes.hpp>
#include <utility>
#include <vector>

#include "support/isolation.hpp"

namespace sluice::test {
namespace {

class PacketBytes : public ::testing::Test {
 protected:
  // Their side, made by the test as a stranger makes it.
  static std::pair<shared_connection, unix_seqpacket> connection() {
    auto pair = unix_seqpacket::create_pair().value();
    return {std::make_shared<unix_seqpacket>(std::move(pair.first)), std::move(pair.second)};
  }
  std::vector<std::byte> buffer = std::vector<std::byte>(packet_byte_writer::largest_bytes);
};

TEST_F(PacketBytes, are_taken_as_far_as_a_packet_holds_in_the_order_of_their_parts) {
  auto [ours, theirs] = connection();
  packet_byte_writer writer{ours};
  const std::vector<std::byte> first(3, std::byte{1});
  const std::vector<std::byte> second(packet_byte_writer::largest_bytes, std::byte{2});
  const std::array<const_bytes, 2> parts{const_bytes{first}, const_bytes{second}};
  EXPECT_EQ(writer.try_write(parts).value(), packet_byte_writer::largest_bytes);
  EXPECT_EQ(theirs.try_receive(buffer).value(), packet_byte_writer::largest_bytes);
  EXPECT_EQ(buffer[2], std::byte{1});
  EXPECT_EQ(buffer[3], std::byte{2});
  // Nothing is no packet: it would look like the end.
  const std::array<const_bytes, 1> nothing{};
  EXPECT_EQ(writer.try_write(nothing).value(), 0U);
  EXPECT_TRUE(would_block(theirs.try_receive(buffer).error()));
}

TEST_F(PacketBytes, each_direction_ends_with_its_owner_and_the_other_goes_on) {
  auto [ours, theirs] = connection();
  const std::vector<std::byte> three(3, std::byte{7});
  packet_byte_reader reader{ours};
  {
    packet_byte_writer writer{ours};
    packet_byte_writer moved{std::move(writer)};
    const std::array<const_bytes, 1> parts{const_bytes{three}};
    EXPECT_EQ(moved.try_write(parts).value(), 3U);
  }
  EXPECT_EQ(theirs.try_receive(buffer).value(), 3U);
  EXPECT_EQ(theirs.try_receive(buffer).error(), errc::closed);
  ASSERT_TRUE(theirs.try_send(three));
  EXPECT_EQ(reader.try_read(buffer).value(), 3U);
  { const packet_byte_reader gone{std::move(reader)}; }
  EXPECT_EQ(theirs.try_send(three).error(), std::errc::broken_pipe);
}

TEST_F(PacketBytes, larger_than_any_packet_are_corrupt_and_a_small_buffer_loses_nothing) {
  auto [ours, theirs] = connection();
  packet_byte_reader reader{ours};
  const std::vector<std::byte> ten(10, std::byte{9});
  ASSERT_TRUE(theirs.try_send(ten));
  EXPECT_EQ(reader.try_read(mutable_bytes{buffer}.first(0)).value(), 0U);
  EXPECT_EQ(reader.try_read(mutable_bytes{buffer}.first(9)).error(), std::errc::no_buffer_space);
  EXPECT_EQ(reader.try_read(buffer).value(), 10U);
  ASSERT_TRUE(theirs.try_send(std::vector<std::byte>(packet_byte_writer::largest_bytes + 1)));
  for (int times = 0; times < 2; ++times) EXPECT_EQ(reader.try_read(buffer).error(), errc::corrupt);
}

}  // namespace
}  // namespace sluice::test
