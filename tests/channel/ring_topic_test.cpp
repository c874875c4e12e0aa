#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/channel/ring_publisher.hpp>
#include <sluice/channel/ring_subscriber.hpp>
#include <string>
#include <vector>

#include "support/asleep.hpp"
#include "support/child.hpp"
#include "support/forbidden_system_calls.hpp"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using ring::joining;
using test::child;
using test::patience;
using test::rendezvous;

constexpr auto block = ring_topic_policy::block;
constexpr auto overwrite_oldest = ring_topic_policy::overwrite_oldest;

ring_topic make_topic(ring_topic_policy policy = block) {
  return ring_topic::create_anonymous({.capacity_bytes = 4096, .when_full = policy}).value();
}

std::string next(ring_subscriber& subscriber) {
  auto got = receive_message(subscriber, deadline{patience});
  return got ? std::string{text_of(*got)} : got.error().message();
}

// Numbers as messages.
result<void> send_number(ring_publisher& publisher, std::uint64_t number,
                         deadline until = deadline{patience}) {
  return publisher.send({reinterpret_cast<const std::byte*>(&number), sizeof number}, until);
}
std::optional<std::uint64_t> next_number(ring_subscriber& subscriber,
                                         deadline until = deadline{patience}) {
  std::uint64_t number = 0;
  auto got = subscriber.receive({reinterpret_cast<std::byte*>(&number), sizeof number}, until);
  return got ? std::optional{number} : std::nullopt;
}
// Publishes until there is no room.
std::uint64_t fill(ring_publisher& publisher, std::uint64_t from = 0) {
  while (send_number(publisher, from, deadline::now())) ++from;
  return from;
}

TEST(RingTopic, hands_each_message_to_every_subscriber_in_place_and_by_copy) {
  auto topic = make_topic();
  auto publisher = ring_publisher::attach(topic).value();
  ASSERT_TRUE(publisher.try_send(bytes_of("before anybody came")));
  auto one = ring_subscriber::attach(topic).value();
  auto other = ring_subscriber::attach(topic).value();
  ASSERT_TRUE(publisher.try_send(bytes_of("copied")));
  {
    auto window = publisher.try_claim(100).value();
    copy_bytes(bytes_of("written here"), window.bytes());
    window.commit(12);
  }
  static_cast<void>(publisher.try_claim(100).value());  // and given up
  ASSERT_TRUE(publisher.try_stage(bytes_of("a")));
  ASSERT_TRUE(publisher.try_stage(bytes_of("b")));
  EXPECT_EQ(next(one), "copied");
  {
    auto view = one.try_peek().value();
    EXPECT_EQ(text_of(view.bytes()), "written here");
    view.put_back();
  }
  EXPECT_EQ(next(one), "written here");
  EXPECT_TRUE(would_block(one.next_size().error()));
  publisher.publish();
  std::string all;
  for (auto& message : one.drain()) all += text_of(message.bytes());
  EXPECT_EQ(all, "ab");
  for (const char* text : {"copied", "written here", "a", "b"}) EXPECT_EQ(next(other), text);
  EXPECT_EQ(topic.counters().sent, 5U);
  EXPECT_EQ(topic.counters().received, 8U);
  EXPECT_EQ(topic.subscribers(), 2U);
}

TEST(RingTopic, keeps_the_order_of_each_publisher) {
  auto topic = make_topic();
  std::vector<ring_publisher> publishers;
  for (int i = 0; i < 4; ++i) publishers.push_back(ring_publisher::attach(topic).value());
  EXPECT_EQ(ring_publisher::attach(topic).error(), std::errc::device_or_resource_busy);
  auto subscriber = ring_subscriber::attach(topic).value();
  for (std::uint64_t n = 0; n < 50; ++n) {
    for (auto& publisher : publishers) ASSERT_TRUE(send_number(publisher, n));
  }
  std::vector<std::uint64_t> expected(4);
  for (int i = 0; i < 200; ++i) {
    const auto number = next_number(subscriber);
    ASSERT_EQ(number, expected[subscriber.publisher()]++);
  }
  EXPECT_TRUE(would_block(subscriber.next_size().error()));
}

TEST(RingTopic, joins_at_the_newest_the_oldest_or_the_last_message_of_each_publisher) {
  for (const ring_topic_policy policy : {block, overwrite_oldest}) {
    auto topic = make_topic(policy);
    auto first = ring_publisher::attach(topic).value();
    auto second = ring_publisher::attach(topic).value();
    for (std::uint64_t n = 0; n < 10; ++n) ASSERT_TRUE(send_number(first, n));
    for (std::uint64_t n = 100; n < 105; ++n) ASSERT_TRUE(send_number(second, n));
    auto newest = ring_subscriber::attach(topic).value();
    auto oldest = ring_subscriber::attach(topic, {.join = joining::oldest}).value();
    auto last = ring_subscriber::attach(topic, {.join = joining::last_value}).value();
    EXPECT_TRUE(would_block(newest.next_size().error()));
    EXPECT_EQ(*next_number(last) + *next_number(last), 9U + 104U);
    EXPECT_TRUE(would_block(last.next_size().error()));
    for (int i = 0; i < 15; ++i) EXPECT_TRUE(next_number(oldest));
    ASSERT_TRUE(send_number(second, 105));
    for (auto* one : {&newest, &oldest, &last}) EXPECT_EQ(next_number(*one), 105U);
  }
}

TEST(RingTopic, without_subscribers_blocks_nobody) {
  auto topic = make_topic();
  auto publisher = ring_publisher::attach(topic).value();
  EXPECT_EQ(publisher.wait_for_peer(1ms).error(), std::errc::timed_out);
  for (std::uint64_t n = 0; n < 1000; ++n) ASSERT_TRUE(send_number(publisher, n, deadline::now()));
  auto oldest = ring_subscriber::attach(topic, {.join = joining::oldest}).value();
  auto number = next_number(oldest).value();
  EXPECT_LT(number, 1000U - 4096 / 64 / 2);
  while (number < 999) ASSERT_EQ(next_number(oldest), ++number);
}

TEST(RingTopic, says_what_it_does_when_full) {
  // F47
  for (const auto policy : {block, ring_topic_policy::fail}) {
    auto topic = make_topic(policy);
    auto publisher = ring_publisher::attach(topic).value();
    auto subscriber = std::optional{ring_subscriber::attach(topic).value()};
    const std::uint64_t sent = fill(publisher);
    auto outcome = publisher.try_send(bytes_of("12345678"));
    EXPECT_EQ(outcome.error(), policy == block ? std::errc::resource_unavailable_try_again
                                               : std::errc::no_buffer_space);
    EXPECT_EQ(send_number(publisher, sent, 1ms).error(),
              policy == block ? std::errc::timed_out : std::errc::no_buffer_space);
    EXPECT_GE(topic.counters().full, 1U);
    subscriber.reset();  // who left holds nobody up
    EXPECT_TRUE(send_number(publisher, sent, deadline::now()));
  }
}

TEST(RingTopic, that_overwrites_counts_what_is_lost_and_shows_nothing_in_place) {
  auto topic = make_topic(overwrite_oldest);
  auto publisher = ring_publisher::attach(topic).value();
  auto subscriber = ring_subscriber::attach(topic).value();
  constexpr std::uint64_t count = 2000;
  for (std::uint64_t n = 0; n < count; ++n) ASSERT_TRUE(send_number(publisher, n, deadline::now()));
  EXPECT_EQ(subscriber.try_peek().error(), std::errc::operation_not_supported);
  std::byte small[4];
  EXPECT_EQ(subscriber.try_receive(small).error(), std::errc::no_buffer_space);
  std::uint64_t number = subscriber.lost();
  std::uint64_t got = 0;
  for (; number < count; ++number, ++got) ASSERT_EQ(next_number(subscriber), number);
  EXPECT_EQ(got + subscriber.lost(), count);
  EXPECT_EQ(topic.counters().lost, subscriber.lost());
  EXPECT_EQ(publisher.try_send(std::vector<std::byte>(2041)).error(), std::errc::message_size);
  // A batch is a lap at most: it does not overwrite itself.
  result<void> outcome;
  for (std::uint64_t n = 0; n < count && outcome; ++n)
    outcome = publisher.try_stage({reinterpret_cast<const std::byte*>(&n), sizeof n});
  EXPECT_EQ(outcome.error(), std::errc::no_buffer_space);
  EXPECT_TRUE(would_block(subscriber.next_size().error()) || subscriber.lost() == 0);
  publisher.publish();
  EXPECT_EQ(next_number(subscriber), 0U);
}

TEST(RingTopic, a_stopped_subscriber_holds_the_publisher_up_and_a_killed_one_no_longer) {
  // F2, F12
  for (const bool is_tried : {false, true}) {
    auto topic = make_topic(is_tried ? ring_topic_policy::fail : block);
    auto publisher = ring_publisher::attach(topic, {.wait = {.longest_sleep = 20ms}}).value();
    rendezvous joined;
    child other{[&] {
      auto subscriber = ring_subscriber::attach(topic).value();
      joined.arrive();
      for (;;) ::pause();
    }};
    joined.wait();
    auto living = ring_subscriber::attach(topic).value();
    const std::uint64_t sent = fill(publisher);
    for (std::uint64_t n = 0; n < sent; ++n) ASSERT_EQ(next_number(living), n);
    other.send_signal(SIGSTOP);
    other.wait_stopped();
    EXPECT_FALSE(send_number(publisher, sent, 60ms));
    other.kill();
    const deadline patient{patience};
    while (!send_number(publisher, sent, patient)) ASSERT_FALSE(patient.has_passed());
    EXPECT_EQ(topic.subscribers(), 1U);
    EXPECT_EQ(next_number(living), sent);
  }
}

TEST(RingTopic,
     subscribers_of_different_speed_in_processes_of_their_own_lose_exactly_what_they_miss) {
  auto topic = make_topic(overwrite_oldest);
  constexpr std::uint64_t count = 20'000;
  constexpr int subscribers = 3;
  const rendezvous joined;
  std::vector<std::unique_ptr<child>> all;
  for (int speed = 0; speed < subscribers; ++speed) {
    all.push_back(std::make_unique<child>([&, speed] {
      auto subscriber = ring_subscriber::attach(topic).value();
      joined.arrive();
      std::uint64_t got = 0;
      std::optional<std::uint64_t> last;
      while (const auto number = next_number(subscriber)) {
        // What is missing before this message is what it says is lost.
        ASSERT_EQ(*number, got + subscriber.lost());
        ++got;
        last = number;
        if (*number == count - 1) break;
        for (int pauses = 0; pauses < speed * 50; ++pauses) ::getppid();
      }
      EXPECT_EQ(last, count - 1);
    }));
  }
  for (int i = 0; i < subscribers; ++i) joined.wait();
  auto publisher = ring_publisher::attach(topic).value();
  for (std::uint64_t n = 0; n < count; ++n) ASSERT_TRUE(send_number(publisher, n));
  for (auto& one : all) one->wait_success();
}

TEST(RingTopic, a_killed_publisher_is_told_once_and_its_successor_goes_on) {
  auto topic = make_topic();
  auto subscriber = ring_subscriber::attach(topic, {.wait = {.longest_sleep = 20ms}}).value();
  EXPECT_EQ(subscriber.wait_for_peer(1ms).error(), std::errc::timed_out);
  EXPECT_EQ(subscriber.wait_readable(1ms).error(), std::errc::timed_out);  // nobody came yet
  rendezvous sent;
  child other{[&] {
    auto publisher = ring_publisher::attach(topic).value();
    EXPECT_TRUE(publisher.try_send(bytes_of("last words")));
    EXPECT_TRUE(publisher.try_stage(bytes_of("never said")));
    sent.arrive();
    for (;;) ::pause();
  }};
  sent.wait();
  other.kill();
  EXPECT_EQ(next(subscriber), "last words");
  std::byte one{};
  EXPECT_EQ(subscriber.receive({&one, 1}).error(), std::errc::connection_reset);
  EXPECT_EQ(subscriber.receive({&one, 1}).error(), errc::closed);
  auto successor = std::optional{ring_publisher::attach(topic).value()};
  EXPECT_TRUE(subscriber.wait_for_peer(deadline{patience}));
  ASSERT_TRUE(successor->try_send(bytes_of("first words")));
  EXPECT_EQ(next(subscriber), "first words");
  EXPECT_TRUE(would_block(subscriber.next_size().error()));
  successor.reset();
  EXPECT_EQ(subscriber.next_size().error(), errc::closed);
}

TEST(RingTopic, wakes_every_sleeping_subscriber_and_the_publisher_that_they_hold_up) {
  auto topic = make_topic();
  auto publisher = ring_publisher::attach(topic, {.wait = {.longest_sleep = 1h}}).value();
  const rendezvous joined;
  const rendezvous woken;
  const pid_t us = test::this_thread_id();
  std::vector<std::unique_ptr<child>> all;
  for (int i = 0; i < 3; ++i) {
    all.push_back(std::make_unique<child>([&] {
      auto subscriber = ring_subscriber::attach(topic, {.wait = {.longest_sleep = 1h}}).value();
      joined.arrive();
      EXPECT_EQ(next_number(subscriber), 0U);
      woken.arrive();
      test::wait_until_asleep(us);
      for (std::uint64_t n = 1;; ++n) {
        auto got = next_number(subscriber);
        ASSERT_TRUE(got);
        if (*got == 1'000'000) break;
        ASSERT_EQ(*got, n);
      }
    }));
  }
  for (int i = 0; i < 3; ++i) joined.wait();
  for (auto& one : all) test::wait_until_asleep(one->id());
  ASSERT_TRUE(send_number(publisher, 0));
  for (int i = 0; i < 3; ++i) woken.wait();
  const std::uint64_t sent = fill(publisher, 1);
  EXPECT_TRUE(send_number(publisher, sent));  // asleep until all three have read
  EXPECT_TRUE(send_number(publisher, 1'000'000));
  for (auto& one : all) one->wait_success();
}

TEST(RingTopic, an_inherited_end_refuses_and_the_child_attaches_anew) {
  // F16
  auto topic = make_topic();
  auto publisher = ring_publisher::attach(topic).value();
  auto subscriber = ring_subscriber::attach(topic).value();
  child other{[&] {
    EXPECT_EQ(publisher.try_send(bytes_of("no")).error(), std::errc::operation_not_permitted);
    EXPECT_EQ(publisher.try_claim(1).error(), std::errc::operation_not_permitted);
    EXPECT_EQ(publisher.wait_writable(1s).error(), std::errc::operation_not_permitted);
    EXPECT_EQ(publisher.wait_for_peer(1s).error(), std::errc::operation_not_permitted);
    EXPECT_EQ(subscriber.next_size().error(), std::errc::operation_not_permitted);
    EXPECT_EQ(subscriber.try_peek().error(), std::errc::operation_not_permitted);
    EXPECT_EQ(subscriber.wait_readable(1s).error(), std::errc::operation_not_permitted);
    EXPECT_EQ(subscriber.wait_for_peer(1s).error(), std::errc::operation_not_permitted);
    ASSERT_TRUE(subscriber.attach());
    ASSERT_TRUE(publisher.attach());
    EXPECT_TRUE(publisher.try_send(bytes_of("child")));
    EXPECT_EQ(next(subscriber), "child");
  }};
  other.wait_success();
  EXPECT_EQ(next(subscriber), "child");
  // The child's copies took nothing of the parent's with them.
  ASSERT_TRUE(publisher.try_send(bytes_of("parent")));
  EXPECT_EQ(next(subscriber), "parent");
  std::uint64_t sent = fill(publisher);
  EXPECT_LT(sent, 1000U);
}

TEST(RingTopic, by_name_awaits_successors_and_keeps_its_messages) {
  auto topic = ring_topic::create("ticks", {.max_subscribers = 1}).value();
  EXPECT_EQ(ring_topic::open_or_create("ticks").error(), errc::incompatible);
  EXPECT_EQ(ring_channel::open("ticks").error(), errc::incompatible);
  EXPECT_EQ(ring_topic::create("more", {.max_subscribers = 65}).error(),
            std::errc::invalid_argument);
  {
    auto publisher = ring_publisher::open("ticks").value();
    ASSERT_TRUE(publisher.try_send(bytes_of("kept")));
  }
  auto subscriber = ring_subscriber::open("ticks", {.join = joining::oldest}).value();
  EXPECT_EQ(ring_subscriber::open("ticks").error(), std::errc::device_or_resource_busy);
  EXPECT_EQ(next(subscriber), "kept");
  EXPECT_TRUE(would_block(subscriber.next_size().error()));
}

TEST(RingTopic, makes_no_system_call_for_a_message_while_nobody_sleeps) {
  for (const ring_topic_policy policy : {block, overwrite_oldest}) {
    auto topic = make_topic(policy);
    test::expect_no_system_calls([&] {
      auto ends = std::make_shared<std::pair<ring_publisher, ring_subscriber>>(
          ring_publisher::attach(topic).value(), ring_subscriber::attach(topic).value());
      return [ends] {
        auto& [publisher, subscriber] = *ends;
        std::byte buffer[100] = {};
        bool good = true;
        for (int i = 0; i < 1000; ++i) {
          good &= publisher.send(buffer).has_value();
          good &= subscriber.receive(buffer).has_value();
          good &= !subscriber.next_size().has_value();
        }
        return good;
      };
    });
  }
}

}  // namespace
}  // namespace sluice
