// Timers of a selector. No test asks that anything be early enough: a machine may stand still.

#include <gtest/gtest.h>

#include <chrono>
#include <sluice/compose/selector.hpp>
#include <sluice/primitive/event.hpp>
#include <thread>
#include <vector>

#include "support/child.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using clock = deadline::clock;

class SelectorTimer : public ::testing::Test {
 protected:
  // What is told of until the deadline; nothing then.
  std::vector<ready> wait(deadline until) {
    std::vector<ready> all_found;
    auto found = all.wait(until);
    if (!found) {
      EXPECT_EQ(found.error(), std::errc::timed_out);
      return all_found;
    }
    for (const ready& one : *found) all_found.push_back(one);
    return all_found;
  }
  selector all = selector::create().value();
};

TEST_F(SelectorTimer, is_told_of_once_its_time_has_come_and_never_before) {
  const auto start = clock::now();
  const selector_key key = all.add_timer(3ms, {}, 9).value();
  const auto told = wait(deadline{patience});
  EXPECT_GE(clock::now() - start, 3ms);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].key, key);
  EXPECT_EQ(told[0].tag, 9U);
  EXPECT_EQ(told[0].expirations, 1U);
  EXPECT_TRUE(wait(deadline::now()).empty()) << "one that has no period rests then";
  EXPECT_EQ(all.wait().error(), std::errc::resource_deadlock_would_occur);
}

TEST_F(SelectorTimer, can_be_set_again_and_for_never) {
  const selector_key key = all.add_timer(deadline::never()).value();
  EXPECT_TRUE(wait(1ms).empty());
  ASSERT_TRUE(all.set_timer(key, deadline::now()));
  EXPECT_EQ(wait(deadline{patience}).size(), 1U);
  ASSERT_TRUE(all.set_timer(key, 1ms));
  ASSERT_TRUE(all.set_timer(key, deadline::never()));
  EXPECT_TRUE(wait(3ms).empty());
  EXPECT_TRUE(all.remove(key));
  EXPECT_FALSE(all.set_timer(key, deadline::now()));
}

TEST_F(SelectorTimer, with_a_period_comes_again_and_counts_what_was_missed) {
  const auto start = clock::now();
  static_cast<void>(all.add_timer(1ms, 1ms).value());
  std::uint64_t expired = 0;
  while (expired < 10) {
    const auto told = wait(deadline{patience});
    ASSERT_EQ(told.size(), 1U);
    expired += told[0].expirations;
    EXPECT_GE(clock::now() - start, expired * 1ms);
    if (expired == 5) std::this_thread::sleep_for(5ms);
  }
  std::this_thread::sleep_for(4ms);
  EXPECT_GE(wait(deadline{patience}).at(0).expirations, 3U);
}

TEST_F(SelectorTimer, come_in_the_order_of_their_times) {
  for (const int after : {4, 2, 3, 1})
    static_cast<void>(all.add_timer(after * 1ms, {}, static_cast<std::uint64_t>(after)).value());
  std::vector<std::uint64_t> order;
  while (order.size() < 4) {
    for (const ready& one : wait(deadline{patience})) order.push_back(one.tag);
  }
  EXPECT_EQ(order, (std::vector<std::uint64_t>{1, 2, 3, 4}));
}

TEST_F(SelectorTimer, that_is_paused_is_told_of_when_it_is_resumed) {
  const selector_key key = all.add_timer(1ms).value();
  ASSERT_TRUE(all.pause(key));
  EXPECT_TRUE(wait(3ms).empty());
  ASSERT_TRUE(all.resume(key));
  EXPECT_EQ(wait(deadline{patience}).size(), 1U);
}

TEST_F(SelectorTimer, many_that_are_due_at_once_are_all_told_of_beside_a_member_that_is_ready) {
  constexpr std::size_t timers = 1000;
  event busy = event::create({.initial = 1}).value();
  static_cast<void>(all.add_readable(busy, timers).value());
  for (std::uint64_t tag = 0; tag < timers; ++tag)
    static_cast<void>(all.add_timer(deadline::now(), {}, tag).value());
  std::vector<int> told(timers + 1);
  for (std::size_t expired = 0; expired < timers;) {
    bool is_busy_told = false;
    for (const ready& one : wait(deadline{patience})) {
      ++told[one.tag];
      is_busy_told = is_busy_told || one.tag == timers;
      expired += one.expirations;
    }
    ASSERT_TRUE(is_busy_told);
  }
  told.pop_back();
  EXPECT_EQ(told, std::vector<int>(timers, 1));
}

TEST_F(SelectorTimer, of_a_period_below_zero_is_refused) {
  EXPECT_EQ(all.add_timer(1ms, -1ns).error(), std::errc::invalid_argument);
}

TEST_F(SelectorTimer, of_the_longest_period_does_not_overflow) {
  static_cast<void>(all.add_timer(deadline::now(), std::chrono::nanoseconds::max()).value());
  EXPECT_EQ(wait(deadline{patience}).at(0).expirations, 1U);
  EXPECT_TRUE(wait(deadline::now()).empty());
}

}  // namespace
}  // namespace sluice::test
