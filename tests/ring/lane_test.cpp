#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <sluice/ring/lane.hpp>
#include <sluice/ring/range.hpp>
#include <thread>
#include <vector>

#include "ring/log_memory.hpp"

namespace sluice {
namespace {

using ring::found;
using ring::take_outcome;
using test::log_memory;
using test::put;
using test::ring_message;

constexpr std::uint32_t receivers = 3;

// One lane and its receivers' slots, as they lie in a queue.
struct shared_lane {
  explicit shared_lane(std::size_t capacity_bytes = 4096, ring::position start = 0)
      : memory(capacity_bytes, start) {
    lane().taken = start;
  }
  [[nodiscard]] ring::queue_view view() {
    return {.words = &words, .lanes = {&lane_words, 1}, .receivers = slots};
  }
  [[nodiscard]] ring::lane_words& lane() { return lane_words; }
  take_outcome take(std::uint32_t receiver, std::uint32_t messages = 16, std::uint32_t others = 0) {
    view().announce(receiver);
    return ring::take(view(), 0, memory.log(), receiver,
                      {.messages = messages, .bytes = 4096, .others = others});
  }
  [[nodiscard]] ring::range_reader reader(std::uint32_t receiver) {
    return {slots[receiver], memory.log()};
  }
  // As the queue's sender does it.
  void find_room() {
    auto& released = memory.control.released;
    released = ring::free_position(view(), 0, released, memory.log().capacity_bytes());
  }

  log_memory memory;
  ring::queue_words words{};
  ring::lane_words lane_words{};
  std::array<ring::participant_slot, receivers> slots{};
};

// Finishes the message that must come next.
void expect_next(ring::range_reader& range, std::uint64_t sequence, std::size_t size) {
  const_bytes seen;
  ASSERT_EQ(range.try_peek(seen), found::message);
  const auto expected = ring_message(sequence, size);
  EXPECT_TRUE(std::equal(seen.begin(), seen.end(), expected.begin(), expected.end())) << sequence;
  range.release();
}

TEST(Lane, what_is_taken_is_taken_once_and_in_order) {
  // F44: also where positions begin again at 0.
  for (const ring::position start : {std::uint64_t{0}, ~std::uint64_t{0} - 255}) {
    shared_lane shared{4096, start};
    auto producer = shared.memory.producer(ring::released_by::writer);
    for (std::uint64_t i = 0; i < 7; ++i) ASSERT_TRUE(put(producer, i, 100));
    EXPECT_EQ(shared.take(0, 3), take_outcome::taken);
    EXPECT_EQ(shared.take(1, 16), take_outcome::taken);
    EXPECT_EQ(shared.take(2), take_outcome::nothing);
    auto first = shared.reader(0);
    auto second = shared.reader(1);
    for (std::uint64_t i = 3; i < 7; ++i) expect_next(second, i, 100);
    for (std::uint64_t i = 0; i < 3; ++i) expect_next(first, i, 100);
    EXPECT_TRUE(first.is_empty() && second.is_empty());
    EXPECT_FALSE(ring::holds_anything(shared.view(), 0));
    EXPECT_EQ(shared.lane().taken_messages, 7U);
    EXPECT_EQ(shared.slots[0].finished, 3U);
  }
}

TEST(Lane, a_taker_leaves_the_others_their_share) {
  shared_lane shared;
  auto producer = shared.memory.producer(ring::released_by::writer);
  for (std::uint64_t i = 0; i < 9; ++i) ASSERT_TRUE(put(producer, i, 8));
  EXPECT_EQ(shared.take(0, 16, 2), take_outcome::taken);
  EXPECT_EQ(shared.lane().taken_messages, 3U);
  EXPECT_EQ(shared.take(1, 1, 60), take_outcome::taken);
  EXPECT_EQ(shared.lane().taken_messages, 4U);
}

TEST(Lane, room_is_given_up_to_the_lowest_message_in_hand) {
  shared_lane shared;
  auto producer = shared.memory.producer(ring::released_by::writer);
  for (std::uint64_t i = 0; i < 6; ++i) ASSERT_TRUE(put(producer, i, 92));
  shared.find_room();
  EXPECT_EQ(shared.memory.control.released, 0U);  // not taken
  ASSERT_EQ(shared.take(0, 2), take_outcome::taken);
  ASSERT_EQ(shared.take(1, 2), take_outcome::taken);
  auto first = shared.reader(0);
  auto second = shared.reader(1);
  expect_next(second, 2, 92);
  expect_next(second, 3, 92);
  shared.find_room();
  EXPECT_EQ(shared.memory.control.released, 0U);
  expect_next(first, 0, 92);
  shared.find_room();
  EXPECT_EQ(shared.memory.control.released, 128U);
  expect_next(first, 1, 92);
  shared.find_room();
  EXPECT_EQ(shared.memory.control.released, 4U * 128);
}

TEST(Lane, a_dead_ones_range_goes_on_where_it_stood_also_after_its_beginning_was_overwritten) {
  shared_lane shared;
  auto producer = shared.memory.producer(ring::released_by::writer);
  std::uint64_t sent = 0;
  while (put(producer, sent, 500)) ++sent;
  ASSERT_EQ(shared.take(0, 5), take_outcome::taken);
  auto first = shared.reader(0);
  for (std::uint64_t i = 0; i < 3; ++i) expect_next(first, i, 500);
  shared.find_room();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(put(producer, sent++, 500));
  // It dies after it moved the range, and before it counted that.
  shared.slots[0].finished -= 1;
  ring::roll_forward(shared.view(), 0);
  auto successor = ring::range_reader::go_on(shared.slots[0], shared.memory.log());
  EXPECT_EQ(shared.slots[0].finished, 3U);
  expect_next(successor, 3, 500);
  expect_next(successor, 4, 500);
  EXPECT_TRUE(successor.is_empty());
}

// Each word of a take, left out from some point on: what a death there leaves.
TEST(Lane, who_dies_while_taking_has_taken_all_or_nothing) {
  // F6, F11
  for (int written = 0; written <= 3; ++written) {
    shared_lane shared;
    auto producer = shared.memory.producer(ring::released_by::writer);
    for (std::uint64_t i = 0; i < 4; ++i) ASSERT_TRUE(put(producer, i, 20));
    ASSERT_EQ(shared.take(0, 2), take_outcome::taken);
    const std::uint64_t lease = 1;
    shared.lane().lease = lease;                        // given back last
    if (written < 3) shared.lane().taken = 0;           // before that
    if (written < 2) shared.lane().taken_messages = 0;  // before that
    if (written < 1) shared.slots[0].held = 0;          // before that
    EXPECT_EQ(shared.take(1), take_outcome::nothing);   // leased
    EXPECT_TRUE(ring::holds_anything(shared.view(), 0));
    for (int again = 0; again < 2; ++again) ring::roll_forward(shared.view(), 0);
    EXPECT_EQ(shared.lane().lease, 0U);
    EXPECT_EQ(shared.lane().taken_messages, written == 0 ? 0U : 2U);
    ASSERT_EQ(shared.take(1), take_outcome::taken);
    auto other = shared.reader(1);
    for (std::uint64_t i = written == 0 ? 0 : 2; i < 4; ++i) expect_next(other, i, 20);
    EXPECT_EQ(ring::holds_range(shared.slots[0]), written != 0);
  }
}

TEST(Lane, forged_words_give_damage_and_no_room) {
  // H4, H10, F46
  shared_lane shared;
  auto producer = shared.memory.producer(ring::released_by::writer);
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(put(producer, i, 40));
  for (const ring::position forged : {std::uint64_t{4}, std::uint64_t{8}, ~std::uint64_t{0}}) {
    shared.lane().taken = forged;
    EXPECT_EQ(shared.take(0), take_outcome::damage) << forged;
    EXPECT_EQ(shared.lane().lease, 0U);
  }
  shared.lane().taken = std::uint64_t{1} << 40;
  shared.find_room();
  EXPECT_EQ(shared.memory.control.released, 0U);
  shared.lane().taken = 0;
  ASSERT_EQ(shared.take(0), take_outcome::taken);
  for (const ring::position forged : {std::uint64_t{3}, std::uint64_t{8}, ~std::uint64_t{7}}) {
    const ring::position at = shared.slots[0].at;
    shared.slots[0].at = forged;
    auto range = ring::range_reader::go_on(shared.slots[0], shared.memory.log());
    const_bytes seen;
    EXPECT_EQ(range.try_peek(seen), found::damage) << forged;
    shared.slots[0].at = at;
  }
  shared.slots[0].range_to = 1 << 20;
  auto range = shared.reader(0);
  const_bytes seen;
  for (int i = 0; i < 3 && range.try_peek(seen) == found::message; ++i) range.release();
  EXPECT_EQ(range.try_peek(seen), found::damage);
}

TEST(Lane, a_range_that_ends_within_a_message_is_damage) {
  // H10, F46: beyond it lies what others have.
  shared_lane shared;
  auto producer = shared.memory.producer(ring::released_by::writer);
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(put(producer, i, 100));
  ASSERT_EQ(shared.take(0, 1), take_outcome::taken);
  shared.slots[0].range_to = 64;
  auto range = shared.reader(0);
  const_bytes seen;
  EXPECT_EQ(range.try_peek(seen), found::damage);
}

TEST(Lane, a_range_whose_holder_died_as_it_finished_the_last_of_it_is_empty) {
  shared_lane shared;
  auto producer = shared.memory.producer(ring::released_by::writer);
  ASSERT_TRUE(put(producer, 0, 40));
  ASSERT_EQ(shared.take(0), take_outcome::taken);
  shared.slots[0].at = shared.slots[0].range_to.load();  // and not yet `held`
  EXPECT_TRUE(ring::range_reader::go_on(shared.slots[0], shared.memory.log()).is_empty());
  EXPECT_FALSE(ring::holds_range(shared.slots[0]));
}

TEST(Lane, threads_share_the_messages_out_and_none_comes_twice) {
  shared_lane shared{1 << 14};
  constexpr std::uint64_t count = 20'000;
  std::vector<std::atomic<int>> seen(count);
  std::thread sender{[&shared] {
    auto producer = shared.memory.producer(ring::released_by::writer);
    for (std::uint64_t i = 0; i < count;) {
      if (!producer.fits(8 + i % 200)) shared.find_room();
      std::byte* const room = producer.try_claim(8 + i % 200);
      if (room == nullptr) {
        std::this_thread::yield();
        continue;
      }
      std::memcpy(room, &i, sizeof i);
      std::memset(room + 8, static_cast<int>(i % 251), i % 200);
      producer.commit(8 + i % 200);
      ++i;
    }
  }};
  std::atomic<std::uint64_t> received = 0;
  std::atomic<int> torn = 0;
  const auto receive = [&](std::uint32_t receiver) {
    while (received < count) {
      if (shared.take(receiver, 1 + receiver * 7) != take_outcome::taken) {
        std::this_thread::yield();
        continue;
      }
      auto range = shared.reader(receiver);
      while (!range.is_empty()) {
        const_bytes message;
        if (range.try_peek(message) != found::message) std::terminate();
        std::uint64_t number = 0;
        std::memcpy(&number, message.data(), sizeof number);
        bool good = number < count && message.size() == 8 + number % 200;
        for (const std::byte one : message.subspan(8))
          good &= one == static_cast<std::byte>(number % 251);
        if (good) seen[number] += 1;
        torn += good ? 0 : 1;
        range.release();
        received += 1;
      }
    }
  };
  std::vector<std::thread> all;
  for (std::uint32_t receiver = 0; receiver < receivers; ++receiver)
    all.emplace_back(receive, receiver);
  sender.join();
  for (std::thread& one : all) one.join();
  EXPECT_EQ(torn, 0);
  EXPECT_TRUE(std::all_of(seen.begin(), seen.end(), [](const auto& times) { return times == 1; }));
  EXPECT_EQ(shared.lane().taken_messages, count);
}

}  // namespace
}  // namespace sluice
