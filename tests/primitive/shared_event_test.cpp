// What the conformance suite of events does not say: what is particular to the event on a futex,
// and that nobody who is killed harms the others.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <new>
#include <optional>
#include <sluice/os/memory_map.hpp>
#include <sluice/primitive/shared_event.hpp>
#include <vector>

#include "support/asleep.hpp"
#include "support/child.hpp"
#include "support/forbidden_system_calls.hpp"
#include "support/traced_child.hpp"

namespace sluice {
namespace {

using test::child;
using test::patience;
using test::wait_until_asleep;

class SharedEvent : public ::testing::Test {
 protected:
  shared_event& make(const shared_event_options& options = {}) {
    return *new (memory_.writable_bytes().data()) shared_event{options};
  }
  memory_map memory_ = memory_map::create_anonymous(sizeof(shared_event)).value();
};

TEST_F(SharedEvent, starts_with_the_notifications_that_were_asked_for) {
  shared_event& event = make({.initial = 3});
  EXPECT_EQ(event.value().value(), 3U);
  EXPECT_EQ(event.try_take().value(), 3U);
  EXPECT_TRUE(would_block(event.try_wait().error()));
}

TEST_F(SharedEvent, that_merges_gives_all_notifications_to_one_wait) {
  shared_event& event = make();
  ASSERT_TRUE(event.notify());
  ASSERT_TRUE(event.notify(4));
  EXPECT_EQ(event.try_take().value(), 5U);
  EXPECT_EQ(event.value().value(), 0U);
}

TEST_F(SharedEvent, that_counts_gives_one_notification_to_each_wait) {
  shared_event& event = make({.initial = 1, .counting = true});
  ASSERT_TRUE(event.notify(2));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(event.try_take().value(), 1U);
  EXPECT_TRUE(would_block(event.try_wait().error()));
}

TEST_F(SharedEvent, refuses_to_notify_no_time_or_more_often_than_can_be_counted) {
  shared_event& event = make();
  for (const std::uint32_t times : {0U, 0x8000'0000U, 0xffff'ffffU})
    EXPECT_EQ(event.notify(times).error(), std::errc::invalid_argument);
  EXPECT_EQ(event.value().value(), 0U);
}

TEST_F(SharedEvent, that_is_full_would_block_and_loses_nothing) {
  shared_event& event = make({.initial = 0xffff'ffff});
  EXPECT_EQ(event.value().value(), shared_event::max_notifications);
  EXPECT_TRUE(would_block(event.notify().error()));
  EXPECT_EQ(event.try_take().value(), shared_event::max_notifications);
  EXPECT_TRUE(event.notify(shared_event::max_notifications));
}

TEST_F(SharedEvent, in_memory_where_none_was_made_is_told_by_every_verb) {
  auto& nothing = *reinterpret_cast<shared_event*>(memory_.writable_bytes().data());
  EXPECT_EQ(nothing.notify().error(), errc::corrupt);
  EXPECT_EQ(nothing.try_wait().error(), errc::corrupt);
  EXPECT_EQ(nothing.wait().error(), errc::corrupt);
  EXPECT_EQ(nothing.value().error(), errc::corrupt);
}

TEST_F(SharedEvent, wakes_as_many_sleepers_as_there_are_notifications) {
  shared_event& event = make({.counting = true});
  std::vector<child> waiters;
  for (int i = 0; i < 3; ++i)
    waiters.emplace_back([&] { EXPECT_TRUE(event.wait(deadline{patience})); });
  for (const child& one : waiters) wait_until_asleep(one.id());
  ASSERT_TRUE(event.notify(3));
  for (child& one : waiters) one.wait_success();
  EXPECT_EQ(event.value().value(), 0U);
}

// Who sleeps would look again by itself, later; so it is the call that is looked for.
TEST_F(SharedEvent, that_somebody_sleeps_for_is_told_to_the_kernel) {
  shared_event& event = make({.counting = true});
  child waiter{[&] { EXPECT_TRUE(event.wait(deadline{patience})); }};
  wait_until_asleep(waiter.id());
  child strict{[&] {
    test::forbid_system_calls();
    static_cast<void>(event.notify(1));
    ::syscall(SYS_exit, 0);
  }};
  EXPECT_EQ(strict.wait().signal, SIGSYS) << "it made no system call";
  waiter.wait_success();
}

TEST_F(SharedEvent, killed_waiters_take_nothing_away_from_the_others) {
  shared_event& event = make({.counting = true});
  std::vector<child> waiters;
  for (int i = 0; i < 4; ++i)
    waiters.emplace_back([&] { EXPECT_TRUE(event.wait(deadline{patience})); });
  for (const child& one : waiters) wait_until_asleep(one.id());
  waiters[0].kill();
  waiters[1].kill();
  ASSERT_TRUE(event.notify());
  ASSERT_TRUE(event.notify());
  waiters[2].wait_success();
  waiters[3].wait_success();
  EXPECT_EQ(event.value().value(), 0U);
}

// F2: what a notifier leaves that is killed between its notification and the wake-up is a count, no
// sleepers' bit, and nobody woken.
TEST_F(SharedEvent, whose_notifier_is_killed_before_the_wake_up_is_found_by_looking_again) {
  shared_event& event = make({.counting = true});
  child waiter{[&] { EXPECT_TRUE(event.wait()); }};
  wait_until_asleep(waiter.id());
  reinterpret_cast<std::atomic<std::uint32_t>&>(event).store(1);
  waiter.wait_success();
  EXPECT_EQ(event.value().value(), 0U);
}

// F2, F7, step by step
class SharedEventCrash : public SharedEvent {
 protected:
  void SetUp() override {
    if (const char* reason = test::reason_not_to_trace(); *reason != '\0') GTEST_SKIP() << reason;
  }
  shared_event& event() {
    return *std::launder(reinterpret_cast<shared_event*>(memory_.writable_bytes().data()));
  }
};

TEST_F(SharedEventCrash, notifier_killed_at_any_instruction_has_notified_or_not) {
  int notified = 0;
  int not_notified = 0;
  std::optional<child> sleeper;
  const long killed = test::kill_at_each_step({
      .reset =
          [&] {
            // One that sleeps from before the victim's first instruction, so that it has to wake
            // it.
            sleeper.reset();
            make({.counting = true});
            sleeper.emplace([&] { EXPECT_TRUE(event().wait()); });
            wait_until_asleep(sleeper->id());
          },
      .operation = [&] { static_cast<void>(event().notify(2)); },
      .judge =
          [&] {
            // The word tells: the sleeper may have taken one already.
            const bool has = event().value().value() != 0;
            ++(has ? notified : not_notified);
            if (!has) {
              ASSERT_TRUE(event().notify(2));
            }
            sleeper->wait_success();
            EXPECT_TRUE(event().wait(deadline{patience}));
            EXPECT_TRUE(would_block(event().try_wait().error()));
          },
      .image = [&] { return memory_.bytes(); },
  });
  sleeper.reset();
  EXPECT_GT(killed, 1);
  EXPECT_GT(notified, 0);
  EXPECT_GT(not_notified, 0);
}

TEST_F(SharedEventCrash, waiter_killed_at_any_instruction_has_taken_one_or_nothing) {
  long found = 0;
  const long killed = test::kill_at_each_step({
      .reset = [&] { make({.initial = 2, .counting = true}); },
      .operation = [&] { static_cast<void>(event().wait()); },
      .judge =
          [&] {
            const std::uint32_t left = event().value().value();
            EXPECT_TRUE(left == 1 || left == 2) << left;
            found += left;
            ASSERT_TRUE(event().notify());
            for (std::uint32_t i = 0; i <= left; ++i) EXPECT_TRUE(event().wait(deadline{patience}));
            EXPECT_TRUE(would_block(event().try_wait().error()));
          },
  });
  EXPECT_GT(killed, 20);
  EXPECT_LT(found, 2 * killed) << "none died after it had taken one";
  EXPECT_GT(found, killed) << "none died before";
}

TEST_F(SharedEventCrash, waiter_killed_while_it_goes_to_sleep_keeps_nobody_else_asleep) {
  using namespace std::chrono_literals;
  const long killed = test::kill_at_each_step({
      .reset = [&] { make({.counting = true}); },
      // Long enough for single steps to come as far as the sleep.
      .operation = [&] { static_cast<void>(event().wait(100ms)); },
      .judge =
          [&] {
            child other{[&] { EXPECT_TRUE(event().wait()); }};
            wait_until_asleep(other.id());
            ASSERT_TRUE(event().notify());
            other.wait_success();
          },
      .image = [&] { return memory_.bytes(); },
  });
  EXPECT_GT(killed, 1);
}

}  // namespace
}  // namespace sluice
