// The log as an algorithm: bytes and atomics in one process.

#include <algorithm>
#include <array>
#include <deque>
#include <random>
#include <thread>

#include "ring/log_memory.hpp"

namespace sluice {
namespace {

using ring::found;
using test::get;
using test::log_memory;
using test::look;
using test::put;

std::uint64_t word_at(log_memory& memory, std::size_t offset) {
  std::uint64_t word = 0;
  std::memcpy(&word, memory.data() + offset, sizeof word);
  return word;
}

TEST(Log, golden_bytes_of_two_records) {
  log_memory memory;
  auto producer = memory.producer();
  std::memcpy(producer.try_claim(3), "abc", 3);
  producer.commit(3);
  producer.stage((std::memcpy(producer.try_claim(8), "12345678", 8), 8));
  producer.publish();
  std::array<unsigned char, 136> expected{};
  const auto place = [&expected](std::size_t at, std::initializer_list<unsigned char> bytes) {
    std::copy(bytes.begin(), bytes.end(), expected.begin() + static_cast<std::ptrdiff_t>(at));
  };
  place(0, {3, 0, 0, 0, 1, 0, 0, 0, 'a', 'b', 'c'});  // length, kind, tag, payload
  place(64, {8, 0, 0, 0, 1, 0, 0, 0, '1', '2', '3', '4', '5', '6', '7', '8'});
  // At 128 the next header, which is 0.
  EXPECT_EQ(std::memcmp(memory.data(), expected.data(), expected.size()), 0);
  EXPECT_EQ(memory.control.sent, 2U);
}

TEST(Log, golden_bytes_of_the_next_lap) {
  log_memory memory;
  auto producer = memory.producer();
  ring::consumer consumer{memory.log()};
  for (std::uint64_t i = 0; i < 65; ++i) {
    ASSERT_TRUE(put(producer, i, 8));
    ASSERT_TRUE(get(consumer, i, 8));
  }
  EXPECT_EQ(word_at(memory, 4032), 8 | (std::uint64_t{1} << 32));        // lap 0
  EXPECT_EQ(word_at(memory, 0), 8 | (std::uint64_t{1 | 1 << 8} << 32));  // lap 1
  EXPECT_EQ(word_at(memory, 64), 0U);                                    // the next header
  EXPECT_EQ(memory.control.released, 4096U + 64);
  EXPECT_EQ(memory.control.received, 65U);
}

class LogOf : public ::testing::TestWithParam<std::pair<std::size_t, ring::position>> {};

TEST_P(LogOf, every_message_arrives_once_in_order_and_whole) {
  const auto [capacity, start] = GetParam();
  log_memory memory{capacity, start};
  auto producer = memory.producer();
  ring::consumer consumer{memory.log()};
  std::mt19937 random{static_cast<std::uint32_t>(capacity)};
  std::deque<std::size_t> inside;
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  const std::size_t largest = memory.log().max_message_bytes();
  for (int step = 0; step < 50'000; ++step) {
    const bool sends = random() % 2 == 0;
    if (sends) {
      const std::size_t size = random() % 8 == 0 ? random() % (largest + 1) : random() % 40;
      if (put(producer, sent, size)) {
        inside.push_back(size);
        ++sent;
      } else {
        EXPECT_FALSE(inside.empty()) << "an empty log has room for every message";
      }
    } else if (!inside.empty()) {
      ASSERT_TRUE(get(consumer, received, inside.front()));
      inside.pop_front();
      ++received;
    } else {
      EXPECT_EQ(look(consumer), found::nothing);
    }
  }
  EXPECT_GT(received, 1000U);
  EXPECT_EQ(memory.control.sent, sent);
  EXPECT_EQ(memory.control.received, received);
}

// F44: positions near 2^32 and 2^64; one page, and more.
INSTANTIATE_TEST_SUITE_P(Capacities, LogOf,
                         ::testing::Values(std::pair{4096UL, 0UL}, std::pair{4096UL, 0xffff'f000UL},
                                           std::pair{4096UL, 0UL - 8192UL},
                                           std::pair{65536UL, 0UL - 131072UL},
                                           std::pair{1UL << 20, 0UL}));

TEST(Log, messages_of_every_length_around_a_word_and_the_maximum_fit) {
  log_memory memory;
  auto producer = memory.producer();
  ring::consumer consumer{memory.log()};
  const std::size_t largest = memory.log().max_message_bytes();
  EXPECT_EQ(largest, 4096U / 2 - 8);
  for (const std::size_t size : {0UL, 1UL, 7UL, 8UL, 9UL, 15UL, 16UL, 17UL, largest - 1, largest}) {
    ASSERT_TRUE(put(producer, size, size));
    ASSERT_TRUE(get(consumer, size, size));
  }
}

TEST(Log, what_is_claimed_and_not_committed_leaves_no_trace) {
  log_memory memory;
  auto producer = memory.producer();
  ring::consumer consumer{memory.log()};
  std::memset(producer.try_claim(100), 0xff, 100);
  EXPECT_EQ(look(consumer), found::nothing);
  ASSERT_TRUE(put(producer, 0, 5));
  ASSERT_TRUE(get(consumer, 0, 5));
  EXPECT_EQ(look(consumer), found::nothing);
}

TEST(Log, a_message_may_be_shorter_than_its_claim) {
  log_memory memory;
  auto producer = memory.producer();
  ring::consumer consumer{memory.log()};
  const auto message = test::ring_message(0, 10);
  std::memcpy(producer.try_claim(1000), message.data(), 10);
  producer.commit(10);
  ASSERT_TRUE(get(consumer, 0, 10));
}

TEST(Log, a_batch_appears_all_at_once_or_not_at_all) {
  // F3
  log_memory memory;
  auto producer = memory.producer();
  ring::consumer consumer{memory.log()};
  for (int round = 0; round < 50; ++round) {
    for (std::uint64_t i = 0; i < 10; ++i) {
      const auto message = test::ring_message(i, i);
      std::byte* const room = producer.try_claim(i);
      ASSERT_NE(room, nullptr);
      std::copy(message.begin(), message.end(), room);
      producer.stage(i);
      EXPECT_EQ(look(consumer), found::nothing);
    }
    if (round % 3 == 2) {
      producer.discard_staged();
      EXPECT_EQ(look(consumer), found::nothing);
      continue;
    }
    producer.publish();
    for (std::uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(get(consumer, i, i));
    EXPECT_EQ(look(consumer), found::nothing);
  }
}

TEST(Log, a_batch_that_finds_no_room_can_be_given_up) {
  log_memory memory;
  auto producer = memory.producer();
  ring::consumer consumer{memory.log()};
  while (producer.try_claim(500) != nullptr) producer.stage(500);
  producer.discard_staged();
  EXPECT_EQ(look(consumer), found::nothing);
  ASSERT_TRUE(put(producer, 7, 2040));
  ASSERT_TRUE(get(consumer, 7, 2040));
}

TEST(Log, a_full_log_has_room_again_when_the_reader_releases) {
  log_memory memory;
  auto producer = memory.producer();
  ring::consumer consumer{memory.log()};
  std::uint64_t count = 0;
  while (put(producer, count, 100)) ++count;
  EXPECT_EQ(memory.control.full, 1U);
  EXPECT_GE(count * 128, 4096U - 2 * 128);  // no more than a record is wasted
  EXPECT_FALSE(producer.has_room(100));
  const ring::position needed = producer.needed(100);
  ASSERT_TRUE(get(consumer, 0, 100));
  EXPECT_GE(consumer.place().at, needed);
  EXPECT_TRUE(put(producer, count, 100));
}

TEST(Log, all_of_it_is_there_for_small_messages_that_nobody_reads_yet) {
  // Also after the reader has kept up for long: a log that wrapped early had little room then.
  log_memory memory{1 << 20};
  auto producer = memory.producer();
  ring::consumer consumer{memory.log()};
  for (std::uint64_t i = 0; i < 1000; ++i) {
    ASSERT_TRUE(put(producer, i, 40));
    ASSERT_TRUE(get(consumer, i, 40));
  }
  std::uint64_t count = 0;
  while (put(producer, count, 40)) ++count;
  EXPECT_EQ(count, (std::uint64_t{1} << 20) / 64 - 1);  // and one for the next header
}

TEST(Log, the_writer_is_told_once_in_an_eighth_and_when_there_is_nothing_more) {
  log_memory memory;
  auto producer = memory.producer();
  ring::consumer consumer{memory.log()};
  for (std::uint64_t i = 0; i < 12; ++i) ASSERT_TRUE(put(producer, i, 40));
  for (std::uint64_t i = 0; i < 7; ++i) ASSERT_TRUE(get(consumer, i, 40));
  EXPECT_EQ(memory.control.told, 0U);
  EXPECT_EQ(memory.control.released, 7U * 64);
  ASSERT_TRUE(get(consumer, 7, 40));
  EXPECT_EQ(memory.control.told, 8U * 64);
  for (std::uint64_t i = 8; i < 12; ++i) ASSERT_TRUE(get(consumer, i, 40));
  EXPECT_EQ(memory.control.told, 8U * 64);
  EXPECT_EQ(look(consumer), found::nothing);
  EXPECT_EQ(memory.control.told, 12U * 64);
}

TEST(Log, a_successor_of_the_writer_goes_on_behind_what_was_published) {
  // F1, F4: whatever the dead one had begun.
  log_memory memory;
  ring::consumer consumer{memory.log()};
  std::mt19937 random{1};
  std::uint64_t sent = 0;
  std::deque<std::pair<std::uint64_t, std::size_t>> inside;
  for (int life = 0; life < 400; ++life) {
    auto producer = memory.producer();
    EXPECT_EQ(producer.place().messages, sent);
    for (auto i = random() % 20; i > 0; --i) {
      const std::size_t size = random() % 300;
      if (!put(producer, sent, size)) break;
      inside.emplace_back(sent++, size);
    }
    // It dies with a claim filled, or with a batch staged.
    if (std::byte* const room = producer.try_claim(200)) {
      std::memset(room, 0xee, 200);
      if (life % 2 == 0) producer.stage(200);
    }
    while (inside.size() > random() % 4) {
      ASSERT_TRUE(get(consumer, inside.front().first, inside.front().second));
      inside.pop_front();
    }
  }
  EXPECT_GT(sent, 1000U);
}

TEST(Log, counters_go_on_with_a_successor_of_the_writer) {
  log_memory memory;
  for (std::uint64_t refused = 1; refused < 4; ++refused) {
    auto producer = memory.producer();
    while (put(producer, 0, 500)) {
    }
    EXPECT_EQ(memory.control.full, refused);
    EXPECT_EQ(memory.control.sent, 7U);
  }
}

TEST(Log, what_a_killed_reader_had_counted_and_not_released_is_counted_once) {
  for (const bool is_full : {false, true}) {
    log_memory memory;
    auto producer = memory.producer();
    ring::consumer killed{memory.log()};
    std::uint64_t sent = 0;
    for (; sent < 300; ++sent) {  // some laps
      ASSERT_TRUE(put(producer, sent, sent % 200));
      ASSERT_TRUE(get(killed, sent, sent % 200));
    }
    const std::uint64_t before = sent;
    do {
      ASSERT_TRUE(put(producer, sent, 50));
      ++sent;
    } while (is_full && producer.has_room(50));
    memory.control.received += 1;  // the store before that of `released`
    auto next = ring::consumer::after_a_death(memory.log());
    EXPECT_EQ(next.place().messages, before);
    for (std::uint64_t n = before; n < sent; ++n) ASSERT_TRUE(get(next, n, 50));
    EXPECT_EQ(memory.control.received, sent);
  }
}

TEST(Log, a_checkpoint_that_was_being_written_is_not_believed) {
  log_memory memory;
  {
    auto producer = memory.producer();
    ring::consumer consumer{memory.log()};
    for (std::uint64_t i = 0; i < 200; ++i) {
      ASSERT_TRUE(put(producer, i, 100));
      ASSERT_TRUE(get(consumer, i, 100));
    }
    ASSERT_TRUE(put(producer, 200, 100));
  }
  const ring::log_place end = ring::end_of(memory.log()).value();
  // The older one torn: nothing changes. The newer one torn: the older one leads to the same end.
  for (ring::log_checkpoint& one : memory.control.checkpoints) {
    const std::uint64_t check = one.check;
    one.check = check + 2;
    const auto found = ring::end_of(memory.log());
    ASSERT_TRUE(found);
    EXPECT_EQ(found->at, end.at);
    EXPECT_EQ(found->messages, 201U);
    one.check = check;
  }
  for (ring::log_checkpoint& one : memory.control.checkpoints) one.check = 1;
  EXPECT_FALSE(ring::end_of(memory.log()));
}

TEST(Log, the_newest_checkpoint_is_an_eighth_and_a_record_behind_at_most) {
  log_memory memory;
  auto producer = memory.producer();
  ring::consumer consumer{memory.log()};
  for (std::uint64_t i = 0; i < 300; ++i) {
    ASSERT_TRUE(put(producer, i, i % 200));
    ASSERT_TRUE(get(consumer, i, i % 200));
    const auto newest = ring::newest_checkpoint(memory.log());
    ASSERT_TRUE(newest);
    EXPECT_LE(producer.place().at - newest->place.at,
              memory.log().capacity_bytes() / 8 + 2 * ring::record_bytes(200));
    EXPECT_LE(newest->place.messages, i + 1);
  }
}

TEST(Log, a_flipped_bit_in_a_header_is_damage_or_no_longer_than_allowed) {
  // F46, H6
  log_memory memory;
  auto producer = memory.producer();
  for (std::uint64_t i = 0; i < 3; ++i) ASSERT_TRUE(put(producer, i, 64));
  auto& word = *reinterpret_cast<std::uint64_t*>(memory.data());
  const std::uint64_t whole = word;
  for (int bit = 0; bit < 64; ++bit) {
    word = whole ^ std::uint64_t{1} << bit;
    ring::consumer consumer{memory.log()};
    const_bytes seen;
    const found outcome = consumer.try_peek(seen);
    if (bit >= 32) {
      EXPECT_EQ(outcome, found::damage) << bit;
    } else if (outcome == found::message) {
      EXPECT_LE(seen.size(), memory.log().max_message_bytes());
    } else {
      EXPECT_EQ(outcome, found::damage) << bit;
    }
  }
}

TEST(Log, a_kind_that_no_message_has_is_damage) {
  // H8: nothing sends a reader on, so the work of one look is bounded.
  log_memory memory;
  auto producer = memory.producer();
  ASSERT_TRUE(put(producer, 0, 0));
  auto& word = *reinterpret_cast<std::uint64_t*>(memory.data());
  for (std::uint64_t kind = 0; kind < 256; ++kind) {
    word = kind << 32;
    ring::consumer consumer{memory.log()};
    EXPECT_EQ(look(consumer), kind == 0   ? found::nothing
                              : kind == 1 ? found::message
                                          : found::damage)
        << kind;
  }
}

TEST(Log, a_reader_that_claims_to_be_ahead_gives_no_room) {
  // H4, H5
  for (const ring::position forged :
       {std::uint64_t{8}, ~std::uint64_t{7}, std::uint64_t{1} << 40}) {
    log_memory memory;
    auto producer = memory.producer();
    memory.control.released = forged;
    memory.control.told = forged;
    std::uint64_t count = 0;
    while (count < 1000 && put(producer, count, 100)) ++count;
    EXPECT_LT(count * 128, 4096U);
  }
}

TEST(Log, threads_hand_over_every_message) {
  log_memory memory{1 << 16};
  constexpr std::uint64_t count = 20'000;
  std::thread sender{[&memory] {
    auto producer = memory.producer();
    for (std::uint64_t i = 0; i < count;) {
      if (put(producer, i, i % 300)) {
        ++i;
      } else {
        std::this_thread::yield();
      }
    }
  }};
  ring::consumer consumer{memory.log()};
  for (std::uint64_t i = 0; i < count;) {
    if (get(consumer, i, i % 300)) {
      ++i;
    } else {
      std::this_thread::yield();
    }
  }
  sender.join();
  EXPECT_EQ(look(consumer), found::nothing);
}

}  // namespace
}  // namespace sluice
