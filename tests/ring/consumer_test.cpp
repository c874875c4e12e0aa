#include <gtest/gtest.h>

#include <array>

#include "ring/log_memory.hpp"

namespace sluice {
namespace {

using ring::found;
using test::get;
using test::log_memory;
using test::look;
using test::put;

TEST(Consumer, a_buffer_that_is_too_small_is_left_alone_by_who_takes_at_once) {
  log_memory memory;
  auto producer = memory.producer();
  ring::consumer consumer{memory.log()};
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(put(producer, i, 50));
  std::array<std::byte, 50> buffer{};
  ASSERT_TRUE(get(consumer, 0, 50));  // how long the next one will be is known now
  ASSERT_TRUE(consumer.try_take(buffer));
  buffer = {};
  EXPECT_FALSE(consumer.try_take({buffer.data(), 49}));
  EXPECT_EQ(buffer, (std::array<std::byte, 50>{}));
  EXPECT_TRUE(get(consumer, 2, 50));
}

TEST(Consumer, a_successor_of_the_reader_gets_what_was_not_released) {
  // F5: the window is what was looked at and not released, one message.
  log_memory memory;
  auto producer = memory.producer();
  for (std::uint64_t i = 0; i < 5; ++i) ASSERT_TRUE(put(producer, i, 50));
  {
    ring::consumer killed{memory.log()};
    ASSERT_TRUE(get(killed, 0, 50));
    EXPECT_EQ(look(killed), found::message);
  }
  ring::consumer next{memory.log()};
  for (std::uint64_t i = 1; i < 5; ++i) ASSERT_TRUE(get(next, i, 50));
  EXPECT_EQ(next.place().messages, 5U);
}

}  // namespace
}  // namespace sluice
