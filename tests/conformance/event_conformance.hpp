#pragma once
// What every event promises (base/concepts.hpp): a notification is not lost, whoever comes first.
//
// A link is a struct with
//   <event_source> event;            to be used by both sides
//   static constexpr bool counting   whether each notification is taken singly, or all at once

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <optional>
#include <sluice/base/concepts.hpp>
#include <vector>

#include "support/asleep.hpp"
#include "support/between.hpp"
#include "support/leftovers.hpp"
#include "support/shared_array.hpp"
#include "support/signal_storm.hpp"

namespace sluice::test {

template <class Link>
class Event : public ::testing::Test {
 protected:
  Link link;
};
TYPED_TEST_SUITE_P(Event);

TYPED_TEST_P(Event, without_a_notification_there_is_nothing_to_take) {
  auto& event = this->link.event;
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(would_block(event.try_wait().error()));
    EXPECT_EQ(event.wait(deadline::now()).error(), std::errc::timed_out);
    ASSERT_TRUE(event.notify());
    EXPECT_TRUE(event.try_wait());
  }
}

TYPED_TEST_P(Event, a_notification_before_the_wait_is_not_lost) {
  auto& event = this->link.event;
  for (const deadline until : {deadline::never(), deadline::now(), deadline{patience}}) {
    ASSERT_TRUE(event.notify());
    EXPECT_TRUE(event.wait(until));
  }
  EXPECT_TRUE(would_block(event.try_wait().error()));
}

TYPED_TEST_P(Event, several_notifications_merge_or_are_counted) {
  auto& event = this->link.event;
  for (int count = 0; count < 5; ++count) ASSERT_TRUE(event.notify());
  const int expected = TypeParam::counting ? 5 : 1;
  for (int taken = 0; taken < expected; ++taken) EXPECT_TRUE(event.try_wait()) << taken;
  EXPECT_TRUE(would_block(event.try_wait().error()));
}

TYPED_TEST_P(Event, a_wait_ends_at_its_deadline_and_not_before_also_when_interrupted) {
  // F24
  using namespace std::chrono_literals;
  for (const bool stormy : {false, true}) {
    std::optional<signal_storm> storm;
    if (stormy) storm.emplace();
    const auto before = deadline::clock::now();
    EXPECT_EQ(this->link.event.wait(deadline{30ms}).error(), std::errc::timed_out);
    EXPECT_GE(deadline::clock::now() - before, 30ms);
    if (stormy) {
      EXPECT_GT(signal_storm::strikes(), 0);
    }
  }
}

TYPED_TEST_P(Event, a_moved_event_keeps_its_notifications) {
  ASSERT_TRUE(this->link.event.notify());
  auto moved = std::move(this->link.event);
  EXPECT_TRUE(moved.try_wait());
  this->link.event = std::move(moved);
  ASSERT_TRUE(this->link.event.notify());
  EXPECT_TRUE(this->link.event.try_wait());
}

REGISTER_TYPED_TEST_SUITE_P(Event, without_a_notification_there_is_nothing_to_take,
                            a_notification_before_the_wait_is_not_lost,
                            several_notifications_merge_or_are_counted,
                            a_wait_ends_at_its_deadline_and_not_before_also_when_interrupted,
                            a_moved_event_keeps_its_notifications);

template <class Between>
class EventPeers : public ::testing::Test {
 protected:
  using peer_type = typename Between::peer;
  /// The other side uses the same event: as a reference, or as the copy that a fork makes.
  template <class Body>
  static peer_type beside(Body body) {
    std::optional<int> no_end{0};
    return peer_type{no_end, [body = std::move(body)](int) { body(); }};
  }
  typename Between::link link;
};
TYPED_TEST_SUITE_P(EventPeers);

TYPED_TEST_P(EventPeers, a_waiter_wakes_when_notified) {
  for (const deadline until : {deadline::never(), deadline{patience}}) {
    auto peer = this->beside([this, waiter = this_thread_id()] {
      wait_until_asleep(waiter);
      EXPECT_TRUE(this->link.event.notify());
    });
    EXPECT_TRUE(this->link.event.wait(until));
    peer.wait_success();
  }
}

TYPED_TEST_P(EventPeers, two_that_take_turns_never_miss_each_other) {
  typename TypeParam::link back;
  constexpr int rounds = 2000;
  auto peer = this->beside([&] {
    for (int round = 0; round < rounds; ++round) {
      ASSERT_TRUE(this->link.event.wait(deadline{patience}));
      ASSERT_TRUE(back.event.notify());
    }
  });
  for (int round = 0; round < rounds; ++round) {
    ASSERT_TRUE(this->link.event.notify());
    ASSERT_TRUE(back.event.wait(deadline{patience}));
  }
  peer.wait_success();
}

TYPED_TEST_P(EventPeers, many_notifiers_wake_one_waiter_and_none_is_lost) {
  constexpr std::uint64_t each = 500;
  const shared_array done{1};
  std::vector<typename TypeParam::peer> peers;
  peers.reserve(3);
  for (int id = 0; id < 3; ++id)
    peers.push_back(this->beside([&] {
      for (std::uint64_t count = 0; count < each; ++count) {
        done[0].fetch_add(1);
        ASSERT_TRUE(this->link.event.notify());
      }
    }));
  // Whoever looked before the last one notified is woken once more: else this would time out.
  std::uint64_t taken = 0;
  const std::uint64_t all = 3 * each;
  while (TypeParam::link::counting ? taken < all : done[0] < all) {
    ASSERT_TRUE(this->link.event.wait(deadline{patience}));
    ++taken;
  }
  for (auto& peer : peers) peer.wait_success();
  EXPECT_LE(taken, all);
  // Merged: the last notifications may have come after the last look.
  static_cast<void>(this->link.event.try_wait());
  EXPECT_TRUE(would_block(this->link.event.try_wait().error()));
}

TYPED_TEST_P(EventPeers, each_notification_is_taken_by_one_of_many_waiters) {
  constexpr std::uint64_t each = 300;
  const shared_array taken{1};
  std::vector<typename TypeParam::peer> peers;
  peers.reserve(3);
  for (int id = 0; id < 3; ++id)
    peers.push_back(this->beside([&] {
      for (std::uint64_t count = 0; count < each; ++count) {
        ASSERT_TRUE(this->link.event.wait(deadline{patience}));
        taken[0].fetch_add(1);
      }
    }));
  // Merging events have room for one, so the next waits until the last one was taken.
  for (std::uint64_t count = 0; count < 3 * each; ++count) {
    if (!TypeParam::link::counting)
      while (taken[0] < count) std::this_thread::yield();
    ASSERT_TRUE(this->link.event.notify());
  }
  for (auto& peer : peers) peer.wait_success();
  EXPECT_EQ(taken[0], 3 * each);
  EXPECT_TRUE(would_block(this->link.event.try_wait().error()));
}

TYPED_TEST_P(EventPeers, interruptions_change_nothing) {
  // F24
  typename TypeParam::link back;
  auto peer = this->beside([&] {
    const signal_storm storm;  // a child inherits no timer
    for (int round = 0; round < 500; ++round) {
      ASSERT_TRUE(this->link.event.wait());
      ASSERT_TRUE(back.event.notify());
    }
  });
  for (int round = 0; round < 500; ++round) {
    ASSERT_TRUE(this->link.event.notify());
    ASSERT_TRUE(back.event.wait());
  }
  peer.wait_success();
}

REGISTER_TYPED_TEST_SUITE_P(EventPeers, a_waiter_wakes_when_notified,
                            two_that_take_turns_never_miss_each_other,
                            many_notifiers_wake_one_waiter_and_none_is_lost,
                            each_notification_is_taken_by_one_of_many_waiters,
                            interruptions_change_nothing);

/// What only processes can do to each other.
template <class Link>
class EventProcesses : public ::testing::Test {
 protected:
  Link link;
};
TYPED_TEST_SUITE_P(EventProcesses);

TYPED_TEST_P(EventProcesses, stopping_and_continuing_neither_ends_nor_prolongs_a_wait) {
  // F24
  child waiter{[this] {
    const auto before = deadline::clock::now();
    auto woken = this->link.event.wait(std::chrono::seconds{1});
    EXPECT_GE(deadline::clock::now() - before, std::chrono::seconds{1});
    ASSERT_FALSE(woken);
    EXPECT_EQ(woken.error(), std::errc::timed_out) << woken.error().message();
  }};
  // Long before the wait can end: who has ended cannot be stopped any more, nor falls asleep.
  const deadline later{std::chrono::milliseconds{90}};
  while (!later.has_passed()) {
    waiter.send_signal(SIGSTOP);
    waiter.wait_stopped();
    waiter.send_signal(SIGCONT);
    wait_until_asleep(waiter.id());
  }
  waiter.wait_success();
}

TYPED_TEST_P(EventProcesses, a_killed_waiter_takes_nothing_with_it) {
  child waiter{[this] { EXPECT_TRUE(this->link.event.wait()); }};
  wait_until_asleep(waiter.id());
  waiter.kill();
  ASSERT_TRUE(this->link.event.notify());
  EXPECT_TRUE(this->link.event.try_wait());
}

REGISTER_TYPED_TEST_SUITE_P(EventProcesses,
                            stopping_and_continuing_neither_ends_nor_prolongs_a_wait,
                            a_killed_waiter_takes_nothing_with_it);

}  // namespace sluice::test
