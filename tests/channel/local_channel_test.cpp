// The channel inside one process, beyond the conformance suites, for which it is the reference.

#include <gtest/gtest.h>

#include <array>
#include <optional>
#include <sluice/channel/local_channel.hpp>

#include "support/child.hpp"

namespace sluice::test {
namespace {

TEST(LocalChannel, refuses_a_capacity_of_nothing) {
  auto made = local_channel::create({.capacity_messages = 0});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error(), std::errc::invalid_argument);
}

TEST(LocalChannel, holds_exactly_its_capacity) {
  for (const std::size_t capacity : {1U, 2U, 64U}) {
    auto both = local_channel::create({.capacity_messages = capacity}).value();
    for (std::size_t count = 0; count < capacity; ++count)
      EXPECT_TRUE(both.sender.try_send(bytes_of("message")));
    EXPECT_TRUE(would_block(both.sender.try_send(bytes_of("message")).error()));
    EXPECT_EQ(both.sender.wait_writable(deadline::now()).error(), std::errc::timed_out);
    std::array<std::byte, 7> buffer;
    ASSERT_TRUE(both.receiver.try_receive(buffer));
    EXPECT_TRUE(both.sender.wait_writable(deadline::now()));
    EXPECT_TRUE(both.sender.try_send(bytes_of("message")));
  }
}

TEST(LocalChannel, accepts_no_message_above_its_maximum) {
  auto both = local_channel::create({.max_message_bytes = 3}).value();
  EXPECT_EQ(both.sender.max_message_bytes(), 3U);
  EXPECT_TRUE(both.sender.try_send(bytes_of("abc")));
  EXPECT_EQ(both.sender.try_send(bytes_of("abcd")).error(), std::errc::message_size);
  auto nothing = local_channel::create({.max_message_bytes = 0}).value();
  EXPECT_TRUE(nothing.sender.try_send({}));
  EXPECT_EQ(nothing.sender.try_send(bytes_of("a")).error(), std::errc::message_size);
}

TEST(LocalChannel, ends_when_the_last_sender_goes) {
  auto both = local_channel::create().value();
  std::array<std::byte, 10> buffer;
  std::optional<local_sender> second = both.sender.duplicate();
  { const local_sender ends_here = std::move(both.sender); }
  EXPECT_TRUE(would_block(both.receiver.try_receive(buffer).error()));
  ASSERT_TRUE(second->try_send(bytes_of("last")));
  second.reset();
  EXPECT_EQ(both.receiver.try_receive(buffer).value(), 4U);
  EXPECT_EQ(both.receiver.try_receive(buffer).error(), errc::closed);
}

TEST(LocalChannel, is_broken_when_the_last_receiver_goes) {
  auto both = local_channel::create({.capacity_messages = 1}).value();
  std::optional<local_receiver> second = both.receiver.duplicate();
  { const local_receiver ends_here = std::move(both.receiver); }
  EXPECT_TRUE(both.sender.try_send(bytes_of("x")));
  second.reset();
  EXPECT_EQ(both.sender.try_send(bytes_of("x")).error(), std::errc::broken_pipe);
  EXPECT_TRUE(both.sender.wait_writable(deadline::never())) << "the verb is worth calling";
}

TEST(LocalChannel, assignment_leaves_the_old_channel) {
  auto first = local_channel::create().value();
  auto second = local_channel::create().value();
  first.sender = std::move(second.sender);
  std::array<std::byte, 10> buffer;
  EXPECT_EQ(first.receiver.try_receive(buffer).error(), errc::closed);
  ASSERT_TRUE(first.sender.try_send(bytes_of("x")));
  EXPECT_EQ(second.receiver.try_receive(buffer).value(), 1U);
  second.receiver = std::move(first.receiver);
  EXPECT_EQ(first.sender.try_send(bytes_of("x")).error(), std::errc::broken_pipe);
}

TEST(LocalChannel, in_a_forked_child_is_a_channel_of_its_own) {
  auto both = local_channel::create().value();
  ASSERT_TRUE(both.sender.try_send(bytes_of("before")));
  child other{[&] {
    std::array<std::byte, 10> buffer;
    EXPECT_EQ(both.receiver.try_receive(buffer).value(), 6U);
    EXPECT_TRUE(both.sender.try_send(bytes_of("hidden")));
  }};
  other.wait_success();
  std::array<std::byte, 10> buffer;
  EXPECT_EQ(both.receiver.try_receive(buffer).value(), 6U);
  EXPECT_TRUE(would_block(both.receiver.try_receive(buffer).error()));
}

}  // namespace
}  // namespace sluice::test
