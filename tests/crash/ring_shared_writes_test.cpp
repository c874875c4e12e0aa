// Who writes which lines of a ring, counted: each load and store that an end makes in the shared
// memory while messages go one by one. What makes rings slow is a line that one processor writes
// and another one needs for each message; apart from the messages themselves there is none. Nothing
// here measures time, and the counts do not depend on the compiler: they are of atomic words.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <map>
#include <optional>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/channel/ring_publisher.hpp>
#include <sluice/channel/ring_queue.hpp>
#include <sluice/channel/ring_subscriber.hpp>
#include <sluice/ring/lane.hpp>
#include <string>
#include <vector>

#include "crash/ring_oracle.hpp"
#include "support/watched_memory.hpp"

namespace sluice::test {
namespace {

constexpr long messages = 64;
constexpr std::size_t message_bytes = 48;  // with its header on one line
constexpr std::uint64_t line_bytes = 64;   // not the library's constant: what processors have
constexpr std::uint32_t max_ends = 2;      // of either role
/// All messages lie within an eighth of a log: there is room without asking.
constexpr std::uint64_t spacious = 65536;

/// What one end did, by lines of 64 bytes.
class line_uses {
 public:
  struct uses {
    long loads = 0;
    long stores = 0;
  };
  void add(const std::vector<memory_access>& made) {
    for (const memory_access& one : made) {
      uses& of = all_[one.offset / line_bytes];
      ++(one.is_store ? of.stores : of.loads);
    }
  }
  [[nodiscard]] uses of(std::uint64_t line) const {
    const auto found = all_.find(line);
    return found == all_.end() ? uses{} : found->second;
  }
  [[nodiscard]] std::vector<std::uint64_t> stored() const {
    std::vector<std::uint64_t> lines;
    for (const auto& [line, of] : all_)
      if (of.stores != 0) lines.push_back(line);
    return lines;
  }
  /// Of the lines from one to before another.
  [[nodiscard]] uses between(std::uint64_t first, std::uint64_t last) const {
    uses sum;
    for (auto one = all_.lower_bound(first); one != all_.lower_bound(last); ++one) {
      sum.loads += one->second.loads;
      sum.stores += one->second.stores;
    }
    return sum;
  }
  [[nodiscard]] uses everywhere() const { return between(0, ~std::uint64_t{0}); }

 private:
  std::map<std::uint64_t, uses> all_;
};

/// Lines by what lies there.
class line_map {
 public:
  explicit line_map(const ring_memory& memory)
      : memory_(&memory), layout_(*ring::layout::of(memory.shape())) {}

  [[nodiscard]] std::uint64_t of(const void* word) const {
    const auto* const first = reinterpret_cast<const std::byte*>(&memory_->header());
    return static_cast<std::uint64_t>(static_cast<const std::byte*>(word) - first) / line_bytes;
  }
  [[nodiscard]] std::uint64_t data(std::uint32_t lane) const {
    return (layout_.data_offset + lane * memory_->shape().capacity_bytes) / line_bytes;
  }
  [[nodiscard]] line_uses::uses uses_of_data(const line_uses& all, std::uint32_t lane) const {
    return all.between(data(lane), data(lane + 1));
  }
  [[nodiscard]] bool is_data(std::uint64_t line) const { return line >= data(0); }

  void tell(const std::string& who, const line_uses& all) const {
    std::printf("%s, %ld messages:", who.c_str(), messages);
    for (const std::uint64_t line : all.stored())
      if (!is_data(line))
        std::printf(" line at %s stored %ld times,", std::to_string(line * line_bytes).c_str(),
                    all.of(line).stores);
    const line_uses::uses data = all.between(this->data(0), ~std::uint64_t{0});
    std::printf(" data %ld loads %ld stores\n", data.loads, data.stores);
  }

 private:
  const ring_memory* memory_;
  ring::layout layout_;
};

/// No line that `writer` stored, apart from messages where they may be, is one that `other`
/// touched.
void expect_apart(const line_uses& writer, const line_uses& other, const line_map& lines,
                  bool but_for_messages = false) {
  for (const std::uint64_t line : writer.stored()) {
    if (but_for_messages && lines.is_data(line)) continue;
    EXPECT_EQ(other.of(line).loads, 0) << "the line at " << line * line_bytes;
    EXPECT_EQ(other.of(line).stores, 0) << "the line at " << line * line_bytes;
  }
}

TEST(WatchedMemory, sees_loads_stores_and_stores_of_what_was_there) {
  if (const char* reason = reason_not_to_watch(); *reason != '\0') GTEST_SKIP() << reason;
  const auto topic = ring_topic::create_anonymous({.capacity_bytes = 4096}).value();
  const ring_memory& memory = topic.memory();
  std::atomic<std::uint64_t>& word = memory.slot(0).unused[0];
  const std::uint64_t header = *reinterpret_cast<std::uint64_t*>(memory.lane(0).payload_at(4096));
  const auto seen = accesses_of(memory.native_handle(), [&] {
    word.store(word.load());
    word.fetch_add(1);
    memory.lane(0).header_at(0).store(header);
  });
  const line_map lines{memory};
  ASSERT_EQ(seen.size(), 4U);
  EXPECT_FALSE(seen[0].is_store);
  for (std::size_t one = 0; one < 3; ++one) {
    EXPECT_EQ(seen[one].offset / line_bytes, lines.of(&word));
    EXPECT_EQ(seen[one].is_store, one != 0);
  }
  // Through the other mapping of the same memory.
  EXPECT_EQ(seen[3].offset / line_bytes, lines.data(0));
  EXPECT_TRUE(seen[3].is_store);
}

class RingTopicLines : public ::testing::TestWithParam<ring_topic_policy> {
 protected:
  void SetUp() override {
    if (const char* reason = reason_not_to_watch(); *reason != '\0') GTEST_SKIP() << reason;
  }
  [[nodiscard]] bool overwrites() const {
    return GetParam() == ring_topic_policy::overwrite_oldest;
  }
  void make(std::uint64_t capacity) {
    topic_.emplace(ring_topic::create_anonymous({.capacity_bytes = capacity,
                                                 .max_publishers = max_ends,
                                                 .max_subscribers = max_ends,
                                                 .when_full = GetParam()})
                       .value());
    for (std::uint32_t one = 0; one < max_ends; ++one) {
      publishers_.push_back(ring_publisher::attach(*topic_).value());
      subscribers_.push_back(ring_subscriber::attach(*topic_).value());
    }
  }
  [[nodiscard]] const ring_memory& memory() const { return topic_->memory(); }
  void publish(std::uint32_t who, std::uint64_t number, line_uses& into) {
    const auto message = numbered(number, message_bytes);
    bool sent = false;
    into.add(accesses_of(memory().native_handle(),
                         [&] { sent = publishers_[who].try_send(message).has_value(); }));
    EXPECT_TRUE(sent);
  }
  void receive(std::uint32_t who, std::uint64_t number, line_uses& into) {
    bool got = false;
    into.add(accesses_of(memory().native_handle(), [&] {
      const auto size = subscribers_[who].try_receive(buffer_);
      got = size.has_value() && *size == message_bytes;
    }));
    EXPECT_TRUE(got);
    EXPECT_EQ(number_of(buffer_), number);
  }
  [[nodiscard]] const ring::participant_slot& slot_of(std::uint32_t subscriber) const {
    return memory().slot(max_ends + subscriber);
  }
  /// Where a subscriber stores its place in a log, by the numbers of the format.
  [[nodiscard]] std::uint64_t place_line(std::uint32_t subscriber) const {
    const std::byte* const places = memory().extra().data() + 128 + std::size_t{384} * max_ends;
    return line_map{memory()}.of(places + std::size_t{64} * subscriber);
  }

  std::optional<ring_topic> topic_;
  std::vector<ring_publisher> publishers_;
  std::vector<ring_subscriber> subscribers_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(message_bytes);
};

INSTANTIATE_TEST_SUITE_P(That, RingTopicLines,
                         ::testing::Values(ring_topic_policy::block,
                                           ring_topic_policy::overwrite_oldest),
                         [](const auto& one) {
                           return one.param == ring_topic_policy::block ? "keeps" : "overwrites";
                         });

TEST_P(RingTopicLines, subscriber_stores_nothing_that_others_touch_for_each_message) {
  make(spacious);
  std::vector<line_uses> readers(max_ends);
  line_uses publisher;
  line_uses before;  // the first message of all asks for room
  publish(0, 0, before);
  for (std::uint32_t one = 0; one < max_ends; ++one) receive(one, 0, before);
  for (std::uint64_t n = 1; n <= messages; ++n) {
    publish(0, n, publisher);
    for (std::uint32_t one = 0; one < max_ends; ++one) receive(one, n, readers[one]);
  }
  const line_map lines{memory()};
  lines.tell("publisher", publisher);
  for (std::uint32_t one = 0; one < max_ends; ++one) {
    const line_uses& mine = readers[one];
    lines.tell("subscriber " + std::to_string(one), mine);
    // Its place where it holds somebody up, its count, and at each turn that of what it lost.
    const long own_count = mine.of(lines.of(&slot_of(one).counters[0])).stores;
    const long own_place = mine.of(place_line(one)).stores;
    EXPECT_GE(own_count, messages);
    EXPECT_LE(own_count, messages + (overwrites() ? messages / 32 + 1 : 0));
    EXPECT_EQ(own_place, overwrites() ? 0 : messages);
    EXPECT_EQ(mine.everywhere().stores, own_count + own_place);
    expect_apart(mine, publisher, lines);
    expect_apart(mine, readers[1 - one], lines);
    expect_apart(publisher, mine, lines, true);
  }
}

TEST_P(RingTopicLines, publisher_stores_its_count_and_the_message) {
  make(spacious);
  std::vector<line_uses> writers(max_ends);
  line_uses before;
  for (std::uint32_t one = 0; one < max_ends; ++one) publish(one, 0, before);
  for (std::uint64_t n = 1; n <= messages; ++n)
    for (std::uint32_t one = 0; one < max_ends; ++one) publish(one, n, writers[one]);
  const line_map lines{memory()};
  for (std::uint32_t one = 0; one < max_ends; ++one) {
    const line_uses& mine = writers[one];
    lines.tell("publisher " + std::to_string(one), mine);
    const long own_count = mine.of(lines.of(&memory().lane_control(one).sent)).stores;
    EXPECT_EQ(own_count, messages);
    // Two headers and the payload, of which nothing is read.
    const line_uses::uses data = lines.uses_of_data(mine, one);
    EXPECT_GE(data.stores, 3 * messages);
    EXPECT_EQ(data.loads, 0);
    EXPECT_EQ(mine.everywhere().stores, own_count + data.stores);
    expect_apart(mine, writers[1 - one], lines);
    for (std::uint32_t reader = 0; reader < max_ends; ++reader)
      EXPECT_EQ(mine.of(place_line(reader)).loads, 0);
  }
}

// Decision 0066: the two meet eight times per lap.
TEST_P(RingTopicLines, publisher_looks_at_the_places_about_once_per_eighth_of_a_log) {
  constexpr std::uint64_t capacity = 4096;
  constexpr long laps = 4;
  make(capacity);
  line_uses publisher;
  line_uses reader;
  for (std::uint64_t n = 0; n < laps * capacity / line_bytes; ++n) {
    publish(0, n, publisher);
    for (std::uint32_t one = 0; one < max_ends; ++one) receive(one, n, reader);
  }
  for (std::uint32_t one = 0; one < max_ends; ++one) {
    const long looks = publisher.of(place_line(one)).loads;
    std::printf("subscriber %u: its place was loaded %ld times in %ld laps\n", one, looks, laps);
    EXPECT_EQ(publisher.of(place_line(one)).stores, 0);
    if (overwrites()) {
      EXPECT_EQ(looks, 0);
      continue;
    }
    EXPECT_GT(looks, 0);
    // Before and after the limit is raised; an eighth need not be a whole number of records.
    EXPECT_LE(looks, laps * 2 * 9);
  }
}

class RingQueueLines : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const char* reason = reason_not_to_watch(); *reason != '\0') GTEST_SKIP() << reason;
    queue_.emplace(
        ring_queue::create_anonymous(
            {.capacity_bytes = spacious, .max_senders = max_ends, .max_receivers = max_ends})
            .value());
    for (std::uint32_t one = 0; one < max_ends; ++one) {
      senders_.push_back(ring_queue_sender::attach(*queue_).value());
      receivers_.push_back(ring_queue_receiver::attach(*queue_).value());
    }
    line_uses before;  // the first message of all asks for room
    for (std::uint32_t one = 0; one < max_ends; ++one) {
      send(one, 0, before);
      receive(one, before);
    }
  }
  void send(std::uint32_t who, std::uint64_t number, line_uses& into) {
    const auto message = numbered(number, message_bytes);
    bool sent = false;
    into.add(accesses_of(queue_->memory().native_handle(),
                         [&] { sent = senders_[who].try_send(message).has_value(); }));
    EXPECT_TRUE(sent);
  }
  void receive(std::uint32_t who, line_uses& into) {
    bool got = false;
    into.add(accesses_of(queue_->memory().native_handle(), [&] {
      const auto size = receivers_[who].try_receive(buffer_);
      got = size.has_value() && *size == message_bytes;
    }));
    EXPECT_TRUE(got);
    EXPECT_NE(number_of(buffer_), no_number);
  }

  std::optional<ring_queue> queue_;
  std::vector<ring_queue_sender> senders_;
  std::vector<ring_queue_receiver> receivers_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(message_bytes);
};

TEST_F(RingQueueLines, sender_stores_in_its_own_lane_alone_and_reads_nothing_that_changes) {
  std::vector<line_uses> writers(max_ends);
  line_uses reader;
  for (std::uint64_t n = 1; n <= messages; ++n) {
    for (std::uint32_t one = 0; one < max_ends; ++one) {
      send(one, n, writers[one]);
      receive(0, reader);
    }
  }
  const line_map lines{queue_->memory()};
  lines.tell("receiver of twice as many", reader);
  for (std::uint32_t one = 0; one < max_ends; ++one) {
    const line_uses& mine = writers[one];
    lines.tell("sender " + std::to_string(one), mine);
    const long own_count = mine.of(lines.of(&queue_->memory().lane_control(one).sent)).stores;
    EXPECT_EQ(own_count, messages);
    const line_uses::uses data = lines.uses_of_data(mine, one);
    EXPECT_GE(data.stores, 3 * messages);
    EXPECT_EQ(data.loads, 0);
    EXPECT_EQ(mine.everywhere().stores, own_count + data.stores);
    expect_apart(mine, writers[1 - one], lines);
    expect_apart(reader, mine, lines);
    expect_apart(mine, reader, lines, true);
  }
}

TEST_F(RingQueueLines, receiver_pays_for_taking_once_per_range) {
  line_uses ignored;
  for (std::uint64_t n = 1; n <= messages; ++n) send(0, n, ignored);
  line_uses reader;
  for (long n = 0; n < messages; ++n) receive(0, reader);
  const line_map lines{queue_->memory()};
  lines.tell("receiver of what was waiting", reader);
  const ring::queue_view shared = ring::queue_view::of(queue_->memory().extra(), max_ends, {});
  // Half of the 16 that it looks at, since there is another receiver; of the last 8: 4, 2, 1, 1.
  constexpr long ranges = (messages - 8) / 8 + 4;
  // For each range the lease, the messages before it, where it ends, and the lease again.
  EXPECT_EQ(reader.of(lines.of(&shared.lanes[0].taken)).stores, 4 * ranges);
  // For each message its place and the count, for each range eight words and the end of it.
  const ring::participant_slot& slot = queue_->memory().slot(max_ends);
  EXPECT_EQ(reader.of(lines.of(&slot.at)).stores + reader.of(lines.of(&slot.finished)).stores,
            2 * messages + 9 * ranges);
  EXPECT_EQ(reader.everywhere().stores, 4 * ranges + 2 * messages + 9 * ranges);
}

// Who polls a full ring tries again and again: that is to cost the receiver nothing.
TEST(RingLines, sender_without_room_stores_nothing_that_the_receiver_touches) {
  if (const char* reason = reason_not_to_watch(); *reason != '\0') GTEST_SKIP() << reason;
  const auto ring = ring_channel::create_anonymous({.capacity_bytes = 4096}).value();
  auto receiver = ring_receiver::attach(ring).value();
  auto sender = ring_sender::attach(ring).value();
  const std::vector<std::byte> message(message_bytes);
  std::vector<std::byte> buffer(message_bytes);
  while (sender.try_send(message)) continue;
  const line_map lines{ring.memory()};
  line_uses sending;
  // The memory of an end is the same file, opened anew.
  sending.add(accesses_of(ring.memory().native_handle(), [&] {
    for (long tries = 0; tries < messages; ++tries) EXPECT_FALSE(sender.try_send(message));
  }));
  line_uses receiving;
  receiving.add(accesses_of(ring.memory().native_handle(), [&] {
    EXPECT_EQ(receiver.try_receive(buffer).value(), message_bytes);
  }));
  lines.tell("a sender without room", sending);
  EXPECT_GT(sending.everywhere().stores, 0);  // it counts
  EXPECT_GT(receiving.everywhere().loads, 0);
  expect_apart(sending, receiving, lines);
}

}  // namespace
}  // namespace sluice::test
