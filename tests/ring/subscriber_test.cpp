// A log with many readers as an algorithm: bytes and atomics in one process.

#include <sluice/ring/subscriber.hpp>
#include <thread>

#include "ring/log_memory.hpp"

namespace sluice {
namespace {

using ring::found;
using ring::joining;
using ring::log_place;
using ring::retention;
using test::log_memory;
using test::ring_message;

constexpr std::uint32_t readers = 3;

// A log with places for three subscribers.
struct topic_memory : log_memory {
  explicit topic_memory(retention how, std::size_t capacity = 4096, ring::position start = 0)
      : log_memory(capacity, start), kept(how) {}
  ring::publisher publisher() {
    return {log(), ring::end_of(log()).value(), marks, {words.data(), readers, 1}, kept};
  }
  ring::subscriber subscriber(std::uint32_t index, joining where = joining::newest) {
    ring::subscriber made{log(), marks, words[index], kept};
    EXPECT_TRUE(made.join(where));
    return made;
  }
  retention kept;
  ring::log_marks marks{};
  std::array<ring::subscriber_places::word, readers> words{};
};

bool put(ring::publisher& publisher, std::uint64_t sequence, std::size_t size) {
  std::byte* const room = publisher.try_claim(size);
  if (room == nullptr) return false;
  publisher.fill(room, ring_message(sequence, size));
  publisher.commit(size);
  return true;
}

// The first word is the sequence number, the rest is made from it.
bool put_numbered(ring::publisher& publisher, std::uint64_t sequence, std::size_t size) {
  auto message = ring_message(sequence, size);
  std::memcpy(message.data(), &sequence, sizeof sequence);
  std::byte* const room = publisher.try_claim(size);
  if (room == nullptr) return false;
  publisher.fill(room, message);
  publisher.commit(size);
  return true;
}

// The number of the next message, compared with what it must hold, if there is one.
std::optional<std::uint64_t> get_numbered(ring::subscriber& subscriber) {
  std::array<std::byte, 4096> buffer{};
  std::size_t length = 0;
  const found seen = subscriber.look(length);
  EXPECT_NE(seen, found::damage);
  if (seen != found::message || !subscriber.copy({buffer.data(), length})) return std::nullopt;
  subscriber.release();
  std::uint64_t sequence = 0;
  std::memcpy(&sequence, buffer.data(), sizeof sequence);
  auto expected = ring_message(sequence, length);
  std::memcpy(expected.data(), &sequence, sizeof sequence);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), buffer.begin())) << sequence;
  // The place in the log knows the number, too: what was lost is counted exactly.
  EXPECT_EQ(subscriber.place().messages, sequence + 1);
  return sequence;
}

bool get(ring::subscriber& subscriber, std::uint64_t sequence, std::size_t size) {
  std::size_t length = 0;
  if (subscriber.look(length) != found::message) return false;
  std::vector<std::byte> buffer(length);
  if (!subscriber.copy(buffer)) return false;
  EXPECT_EQ(buffer, ring_message(sequence, size)) << "message " << sequence;
  subscriber.release();
  return true;
}

TEST(TopicLayout, keeps_the_lines_of_different_writers_apart_and_fits_in_16_kib) {
  const ring::topic_layout layout{4, 56};
  std::vector<std::byte> memory(layout.bytes() + ring::apart_bytes);
  std::byte* const extra = memory.data() + ring::apart_bytes -
                           reinterpret_cast<std::uintptr_t>(memory.data()) % ring::apart_bytes;
  const mutable_bytes bytes{extra, layout.bytes()};
  const auto offset = [&](const void* of) { return static_cast<const std::byte*>(of) - extra; };
  EXPECT_EQ(offset(&ring::topic_layout::sleepers(bytes)), 0);
  EXPECT_EQ(offset(&ring::topic_layout::marks(bytes, 1)), 128 + 384);
  EXPECT_EQ(offset(&layout.places(bytes, 0).of(0)), 128 + 4 * 384);
  EXPECT_EQ(offset(&layout.places(bytes, 3).of(2)), 128 + 4 * 384 + 2 * 64 + 3 * 8);
  EXPECT_EQ(layout.bytes() % ring::apart_bytes, 0U);
  const auto all = ring::layout::of({.kind = ring::segment_kind::topic,
                                     .senders = 4,
                                     .receivers = 56,
                                     .lanes = 4,
                                     .extra_bytes = layout.bytes(),
                                     .page_bytes = 4096,
                                     .capacity_bytes = 4096})
                       .value();
  EXPECT_LE(all.data_offset, 16U * 1024);
}

class Subscriber : public testing::TestWithParam<std::pair<std::size_t, ring::position>> {};

TEST_P(Subscriber, of_a_lossless_log_gets_every_message_and_holds_the_publisher_up) {
  const auto [capacity, start] = GetParam();
  topic_memory memory{retention::until_read, capacity, start};
  auto publisher = memory.publisher();
  auto fast = memory.subscriber(0);
  auto slow = memory.subscriber(2);
  const std::size_t largest = memory.log().max_message_bytes();
  const auto size_of = [&](std::uint64_t n) { return n % 7 == 0 ? largest : n * 13 % 61; };
  std::uint64_t sent = 0;
  std::uint64_t slow_at = 0;
  for (std::uint64_t n = 0; n < 3000; ++n) {
    while (!put(publisher, sent, size_of(sent))) {
      // Only the slow one is in the way.
      ASSERT_LT(slow_at, sent);
      ASSERT_TRUE(get(slow, slow_at, size_of(slow_at)));
      ++slow_at;
    }
    ASSERT_TRUE(get(fast, sent, size_of(sent)));
    ++sent;
  }
  slow.leave();
  for (; sent < 4000; ++sent) {
    ASSERT_TRUE(put(publisher, sent, size_of(sent)));
    ASSERT_TRUE(get(fast, sent, size_of(sent)));
  }
  fast.leave();
  for (; sent < 5000; ++sent) ASSERT_TRUE(put(publisher, sent, size_of(sent)));
  EXPECT_EQ(fast.lost() + slow.lost(), 0U);
}

TEST_P(Subscriber, of_a_log_that_overwrites_knows_exactly_what_it_lost) {
  const auto [capacity, start] = GetParam();
  topic_memory memory{retention::overwritten, capacity, start};
  auto publisher = memory.publisher();
  auto fast = memory.subscriber(0);
  auto slow = memory.subscriber(1);
  const std::size_t largest = memory.log().max_message_bytes();
  std::uint64_t slow_got = 0;
  for (std::uint64_t sent = 0; sent < 5000; ++sent) {
    ASSERT_TRUE(put_numbered(publisher, sent, sent % 11 == 0 ? largest : 8 + sent * 13 % 53));
    ASSERT_EQ(get_numbered(fast), sent);
    if (sent % 100 == 0 && get_numbered(slow)) ++slow_got;
  }
  while (get_numbered(slow)) ++slow_got;
  EXPECT_EQ(fast.lost(), 0U);
  EXPECT_GT(slow.lost(), 0U);
  EXPECT_EQ(slow_got + slow.lost(), 5000U);
}

TEST_P(Subscriber, joins_at_the_newest_the_oldest_or_the_last_message) {
  const auto [capacity, start] = GetParam();
  for (const retention kept : {retention::until_read, retention::overwritten}) {
    topic_memory memory{kept, capacity, start};
    {
      auto early = memory.subscriber(0, joining::last_value);  // before anything was sent
      EXPECT_EQ(get_numbered(early), std::nullopt);
      early.leave();
    }
    for (const std::uint64_t sent : {1U, 5U, 1000U}) {
      auto publisher = memory.publisher();  // a successor's, after the first round
      const std::uint64_t before = publisher.place().messages;
      for (std::uint64_t n = before; n < before + sent; ++n)
        ASSERT_TRUE(put_numbered(publisher, n, 16));
      const std::uint64_t end = before + sent;
      auto newest = memory.subscriber(0, joining::newest);
      auto oldest = memory.subscriber(1, joining::oldest);
      auto last = memory.subscriber(2, joining::last_value);
      EXPECT_EQ(get_numbered(newest), std::nullopt);
      EXPECT_EQ(get_numbered(last), end - 1);
      std::uint64_t kept_messages = 0;
      while (get_numbered(oldest)) ++kept_messages;
      EXPECT_EQ(oldest.place().messages, end);
      EXPECT_GE(kept_messages, std::min<std::uint64_t>(end, capacity / 64 * 5 / 8));
      ASSERT_TRUE(put_numbered(publisher, end, 16));
      for (auto* one : {&newest, &oldest, &last}) {
        EXPECT_EQ(get_numbered(*one), end);
        EXPECT_EQ(one->lost(), 0U);
        one->leave();
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(AtAllCapacitiesAndStarts, Subscriber,
                         testing::Values(std::pair{4096UL, 0UL}, std::pair{8192UL, 0xffff'f000UL},
                                         std::pair{4096UL, 0xffff'ffff'ffff'e000UL}));

TEST(Subscriber, of_a_log_that_overwrites_never_takes_what_a_publisher_has_begun_to_write) {
  topic_memory memory{retention::overwritten};
  auto publisher = memory.publisher();
  auto subscriber = memory.subscriber(0);
  for (std::uint64_t n = 0; n < 50; ++n) ASSERT_TRUE(put_numbered(publisher, n, 16));
  std::size_t length = 0;
  ASSERT_EQ(subscriber.look(length), found::message);
  std::uint64_t n = 50;
  while (memory.control.intent <= 4096) ASSERT_TRUE(put_numbered(publisher, n++, 16));
  std::vector<std::byte> buffer(length);
  EXPECT_FALSE(subscriber.copy(buffer));  // although its bytes may still be whole
  EXPECT_TRUE(get_numbered(subscriber));
  EXPECT_GT(subscriber.lost(), 0U);
}

TEST(Subscriber, of_a_log_that_overwrites_can_join_while_a_batch_fills_all_of_it) {
  topic_memory memory{retention::overwritten};
  auto publisher = memory.publisher();
  for (std::uint64_t n = 0; n < 50; ++n) ASSERT_TRUE(put_numbered(publisher, n, 16));
  for (int staged = 0; staged < 1000; ++staged) {
    std::byte* const room = publisher.try_claim(16);
    if (room == nullptr) break;
    publisher.fill(room, ring_message(0, 16));
    publisher.stage(16);
  }
  ring::subscriber late{memory.log(), memory.marks, memory.words[0], memory.kept};
  EXPECT_TRUE(late.join(joining::newest));
}

TEST(Subscriber, of_a_lossless_log_is_safe_from_the_successor_of_a_publisher_killed_while_raising) {
  topic_memory memory{retention::until_read};
  auto subscriber = memory.subscriber(0);
  std::uint64_t sent = 0;
  {
    auto publisher = memory.publisher();
    while (put_numbered(publisher, sent, 16)) ++sent;
  }
  memory.control.released += 1024;  // stored, and not yet lowered to the slowest place
  auto successor = memory.publisher();
  EXPECT_FALSE(put_numbered(successor, sent, 16));
  for (std::uint64_t n = 0; n < sent; ++n) ASSERT_EQ(get_numbered(subscriber), n);
  EXPECT_TRUE(put_numbered(successor, sent, 16));
}

TEST(Subscriber, of_a_log_with_damage_says_so) {
  topic_memory memory{retention::until_read};
  auto subscriber = memory.subscriber(0);
  memory.data()[0] = std::byte{1};
  std::size_t length = 0;
  EXPECT_EQ(subscriber.look(length), found::damage);
}

TEST(Subscriber, threads_that_read_as_fast_as_they_can_never_see_half_a_message) {
  for (const retention kept : {retention::until_read, retention::overwritten}) {
    topic_memory memory{kept};
    constexpr std::uint64_t count = 30'000;
    auto publisher = memory.publisher();
    std::vector<ring::subscriber> subscribers;
    for (std::uint32_t one = 0; one < readers; ++one) subscribers.push_back(memory.subscriber(one));
    std::vector<std::thread> threads;
    for (std::uint32_t one = 0; one < readers; ++one) {
      threads.emplace_back([&, one] {
        ring::subscriber& mine = subscribers[one];
        std::uint64_t got = 0;
        std::uint64_t joins = 0;
        std::uint64_t skipped = 0;
        std::uint64_t before = 0;
        while (mine.place().messages < count) {
          const auto sequence = get_numbered(mine);
          if (sequence) {
            ++got;
          } else {
            std::this_thread::yield();
          }
          // Now and then it joins anew, at the end or the beginning of what is there.
          if (!sequence || *sequence % (one == 1 ? 20 : 500) != 19) continue;
          const std::uint64_t lost = mine.lost();
          ring::subscriber again{memory.log(), memory.marks, memory.words[one], kept};
          ASSERT_TRUE(again.join(joins++ % 2 == 0 ? joining::newest : joining::oldest));
          // Modulo 2^64: it may be before where it was.
          skipped += again.place().messages - mine.place().messages;
          before += lost;
          mine = again;
        }
        EXPECT_EQ(got + before + skipped + mine.lost(), count);
        EXPECT_EQ(mine.place().messages, count);
        EXPECT_TRUE(kept == retention::overwritten || mine.lost() == 0);
      });
    }
    for (std::uint64_t n = 0; n < count; ++n) {
      while (!put_numbered(publisher, n, 8 + n % 5 * 16)) std::this_thread::yield();
    }
    for (std::thread& one : threads) one.join();
  }
}

}  // namespace
}  // namespace sluice
