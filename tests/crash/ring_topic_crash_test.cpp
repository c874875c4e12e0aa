// Who publishes to a topic, joins it, reads from it or leaves it is killed after each step that
// others can see. A subscriber that was there before, and fresh ends, judge what is left.

#include <gtest/gtest.h>

#include <optional>
#include <sluice/channel/ring_publisher.hpp>
#include <sluice/channel/ring_subscriber.hpp>
#include <string>
#include <vector>

#include "crash/ring_oracle.hpp"
#include "support/child.hpp"
#include "support/traced_child.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

class RingTopicVictims : public ::testing::TestWithParam<ring_topic_policy> {
 protected:
  static constexpr std::uint64_t capacity = 4096;
  static inline const ring_wait_options short_sleeps{.spin = 0ns, .longest_sleep = 20ms};

  void SetUp() override {
    if (const char* reason = reason_not_to_trace(); *reason != '\0') GTEST_SKIP() << reason;
    // Each function once in the tracer, so that no victim steps through the dynamic linker.
    make();
    publish(0, 3);
    EXPECT_EQ(drain(*watcher_, 0), 3U);
  }
  [[nodiscard]] bool overwrites() const {
    return GetParam() == ring_topic_policy::overwrite_oldest;
  }
  void make() {
    leave();
    topic_.emplace(ring_topic::create_anonymous({.capacity_bytes = capacity,
                                                 .max_publishers = 1,
                                                 .max_subscribers = 3,
                                                 .when_full = GetParam(),
                                                 .departure = ring_departure::await_successor})
                       .value());
    attach_publisher();
    watcher_.emplace(join(ring::joining::newest));
  }
  void leave() {
    publisher_.reset();
    watcher_.reset();
    subscriber_.reset();
  }
  void attach_publisher() {
    publisher_.emplace(ring_publisher::attach(*topic_, {.wait = short_sleeps}).value());
  }
  [[nodiscard]] ring_subscriber join(ring::joining where) {
    return ring_subscriber::attach(*topic_, {.join = where, .wait = short_sleeps}).value();
  }
  void publish(std::uint64_t first, std::uint64_t count, std::size_t size = 24) {
    for (std::uint64_t n = first; n < first + count; ++n) {
      auto sent = publisher_->send(numbered(n, size), deadline{patience});
      EXPECT_TRUE(sent) << sent.error().message();
    }
  }
  std::optional<std::uint64_t> next(ring_subscriber& subscriber) {
    auto got = subscriber.try_receive(buffer_);
    if (!got) {
      EXPECT_TRUE(would_block(got.error())) << got.error().message();
      return std::nullopt;
    }
    const std::uint64_t number = number_of(const_bytes{buffer_}.first(*got));
    EXPECT_NE(number, no_number) << "a message is torn";
    return number;
  }
  /// All that is there, which must be the numbers from `first` on; the one behind the last.
  std::uint64_t drain(ring_subscriber& subscriber, std::uint64_t first) {
    while (const auto number = next(subscriber)) EXPECT_EQ(*number, first++);
    return first;
  }
  /// Who goes on is held up by nobody dead, for three laps, and who was there before loses nothing.
  void expect_goes_on(std::uint64_t first) {
    publisher_.reset();
    attach_publisher();
    for (std::uint64_t sent = 0; sent < 3 * capacity && !HasFailure(); ++first) {
      const std::size_t size = 8 + (first * 337) % (publisher_->max_message_bytes() / 2);
      publish(first, 1, size);
      EXPECT_EQ(next(*watcher_), first);
      sent += size;
    }
  }
  [[nodiscard]] const_bytes image() const { return image_of(topic_->memory()); }

  std::optional<ring_topic> topic_;
  std::optional<ring_publisher> publisher_;
  std::optional<ring_subscriber> watcher_;     // the tracer's, who was there before
  std::optional<ring_subscriber> subscriber_;  // the victim's
  std::vector<std::byte> buffer_ = std::vector<std::byte>(capacity);
};

INSTANTIATE_TEST_SUITE_P(That, RingTopicVictims,
                         ::testing::Values(ring_topic_policy::block,
                                           ring_topic_policy::overwrite_oldest),
                         [](const auto& one) {
                           return one.param == ring_topic_policy::block ? "keeps" : "overwrites";
                         });

// F1, F3, F4: also where it raises its limit, at each eighth of a lap, and at the end of one.
TEST_P(RingTopicVictims, publisher_killed_at_any_step_has_published_all_or_nothing) {
  for (const std::uint64_t before : {2U, 4U, 8U, 60U}) {
    for (const std::uint64_t count : {1U, 3U}) {
      long all = 0;
      long nothing = 0;
      std::vector<std::vector<std::byte>> messages;
      const long killed = kill_at_each_step({
          .reset =
              [&] {
                make();
                publisher_.reset();
              },
          .prepare =
              [&] {
                watcher_.reset();
                attach_publisher();
                publish(0, before);
                for (std::uint64_t n = before; n < before + count; ++n)
                  messages.push_back(numbered(n, 24));
              },
          .operation =
              [&] {
                if (count == 1) {
                  static_cast<void>(publisher_->try_send(messages[0]));
                  return;
                }
                for (const auto& message : messages)
                  static_cast<void>(publisher_->try_stage(message));
                publisher_->publish();
              },
          .judge =
              [&] {
                const std::uint64_t end = drain(*watcher_, 0);
                EXPECT_TRUE(end == before || end == before + count) << end;
                ++(end == before ? nothing : all);
                expect_goes_on(end);
              },
          .image = [&] { return image(); },
      });
      tell("after " + std::to_string(before), killed, nothing, all);
      EXPECT_GT(nothing, 0);
      EXPECT_GT(all, 0);
    }
  }
}

// F6, F8: whatever it had of its place, its bit and its slot.
TEST_P(RingTopicVictims, subscriber_killed_at_any_step_holds_nobody_up) {
  enum class what { joins_at_the_oldest, joins_at_the_newest, reads, leaves };
  using enum what;
  for (const what operation : {joins_at_the_oldest, joins_at_the_newest, reads, leaves}) {
    const bool joins = operation == joins_at_the_oldest || operation == joins_at_the_newest;
    const auto where =
        operation == joins_at_the_newest ? ring::joining::newest : ring::joining::oldest;
    const long killed = kill_at_each_step({
        .reset =
            [&] {
              make();
              publish(0, 20);
              EXPECT_EQ(drain(*watcher_, 0), 20U);
            },
        .prepare =
            [&] {
              if (!joins) subscriber_.emplace(join(where));
            },
        .operation =
            [&] {
              if (joins) {
                subscriber_.emplace(join(where));
              } else if (operation == reads) {
                for (int count = 0; count < 3; ++count)
                  static_cast<void>(subscriber_->try_receive(buffer_));
              } else {
                subscriber_.reset();
              }
            },
        .judge =
            [&] {
              expect_goes_on(20);
              EXPECT_TRUE(next(*watcher_) == std::nullopt);
              // All places can be had again.
              std::vector<ring_subscriber> others;
              for (int count = 0; count < 2; ++count) others.push_back(join(where));
            },
        .image = [&] { return image(); },
        .recounts = true,
    });
    tell(joins ? "joining" : operation == reads ? "reading" : "leaving", killed, 0, 0);
    EXPECT_GT(killed, 2);
  }
}

}  // namespace
}  // namespace sluice::test
