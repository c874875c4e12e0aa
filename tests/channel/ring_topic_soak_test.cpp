// Topics under load: nothing is torn, twice, reordered, or lost without being counted.

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <sluice/channel/ring_publisher.hpp>
#include <sluice/channel/ring_subscriber.hpp>
#include <thread>
#include <vector>

#include "support/child.hpp"
#include "support/history.hpp"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::child;
using test::patience;
using test::rendezvous;

constexpr ring_topic_policy policies[] = {ring_topic_policy::block,
                                          ring_topic_policy::overwrite_oldest};

ring_topic make_topic(ring_topic_policy policy) {
  return ring_topic::create_anonymous({.capacity_bytes = 4096, .when_full = policy}).value();
}

// What one subscriber got of `publishers`, each of which sent `count` messages of many sizes.
void expect_history(ring_subscriber& subscriber, std::uint32_t publishers, std::uint64_t count) {
  test::history_checker history;
  std::vector<std::byte> buffer(4096);
  for (;;) {
    auto got = subscriber.receive(buffer, deadline{patience});
    if (!got) {
      EXPECT_EQ(got.error(), errc::closed);
      break;
    }
    EXPECT_EQ(history.check({buffer.data(), *got}), test::damage::none);
  }
  EXPECT_EQ(history.received() + subscriber.lost(), publishers * count);
  if (subscriber.lost() == 0) {
    EXPECT_TRUE(history.verdict(publishers, count));
  }
}

void publish_history(ring_publisher& publisher, std::uint32_t number, std::uint64_t count) {
  for (std::uint64_t n = 0; n < count; ++n) {
    const auto size = test::size_of_message(number, n, test::min_message_bytes, 700);
    ASSERT_TRUE(publisher.send(test::make_message(number, n, size), deadline{patience}));
    if (n % 1000 == 0) std::this_thread::sleep_for(1ms);  // so that the others fall asleep
  }
}

// SLUICE_SOAK_MESSAGES makes it long.
std::uint64_t soak_messages() {
  const char* const text = std::getenv("SLUICE_SOAK_MESSAGES");
  return text == nullptr ? 5'000 : std::strtoull(text, nullptr, 10);
}

TEST(RingTopicSoak, nothing_is_lost_twice_or_torn_between_processes) {
  for (const ring_topic_policy policy : policies) {
    auto topic = make_topic(policy);
    const std::uint64_t count = soak_messages();
    const rendezvous joined;
    std::vector<std::unique_ptr<child>> all;
    for (int i = 0; i < 2; ++i) {
      all.push_back(std::make_unique<child>([&] {
        auto subscriber = ring_subscriber::attach(topic).value();
        joined.arrive();
        expect_history(subscriber, 2, count);
      }));
    }
    for (int i = 0; i < 2; ++i) joined.wait();
    auto first = std::optional{ring_publisher::attach(topic).value()};
    child second{[&] {
      auto publisher = ring_publisher::attach(topic).value();
      joined.arrive();
      publish_history(publisher, 1, count);
    }};
    joined.wait();
    // Another one that comes, reads a little, and is killed.
    child passer_by{[&] {
      auto subscriber = ring_subscriber::attach(topic).value();
      joined.arrive();
      std::byte buffer[1000];
      while (subscriber.receive(buffer)) {
      }
    }};
    joined.wait();
    passer_by.kill();
    publish_history(*first, 0, count);
    first.reset();
    second.wait_success();
    for (auto& one : all) one->wait_success();
  }
}

TEST(RingTopicSoak, threads_get_what_threads_publish) {
  for (const ring_topic_policy policy : policies) {
    auto topic = make_topic(policy);
    constexpr std::uint64_t count = 2000;
    std::vector<ring_subscriber> subscribers;
    std::vector<ring_publisher> publishers;
    for (int i = 0; i < 2; ++i) {
      subscribers.push_back(ring_subscriber::attach(topic).value());
      publishers.push_back(ring_publisher::attach(topic).value());
    }
    std::vector<std::thread> threads;
    for (std::uint32_t i = 0; i < 2; ++i) {
      threads.emplace_back([&, i] { expect_history(subscribers[i], 2, count); });
      threads.emplace_back([&, i] {
        ring_publisher mine = std::move(publishers[i]);
        publish_history(mine, i, count);
      });
    }
    for (std::thread& one : threads) one.join();
  }
}

}  // namespace
}  // namespace sluice
