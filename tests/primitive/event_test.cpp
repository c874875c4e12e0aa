// What the conformance suite of events does not say: what is particular to eventfd(2).

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <limits>
#include <sluice/primitive/event.hpp>
#include <utility>
#include <vector>

#include "support/asleep.hpp"
#include "support/child.hpp"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::child;
using test::patience;

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max() - 1;

void expect_nothing_there(event& one) {
  auto taken = one.try_wait();
  ASSERT_FALSE(taken);
  EXPECT_TRUE(would_block(taken.error())) << taken.error().message();
}

TEST(Event, starts_with_the_notifications_that_were_asked_for) {
  auto made = event::create({.initial = 3});
  ASSERT_TRUE(made);
  EXPECT_EQ(made->try_take().value(), 3u);
  expect_nothing_there(*made);
  auto large = event::create({.initial = std::numeric_limits<std::uint32_t>::max()});
  EXPECT_EQ(large->try_take().value(), std::numeric_limits<std::uint32_t>::max());
}

TEST(Event, that_merges_gives_all_notifications_to_one_wait) {
  auto made = event::create();
  ASSERT_TRUE(made);
  ASSERT_TRUE(made->notify());
  ASSERT_TRUE(made->notify(4));
  EXPECT_EQ(made->try_take().value(), 5u);
  expect_nothing_there(*made);
}

TEST(Event, that_counts_gives_one_notification_to_each_wait) {
  auto made = event::create({.initial = 1, .counting = true});
  ASSERT_TRUE(made);
  ASSERT_TRUE(made->notify(2));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(made->try_take().value(), 1u);
  expect_nothing_there(*made);
}

TEST(Event, refuses_to_notify_no_time_or_more_often_than_can_be_counted) {
  auto made = event::create();
  ASSERT_TRUE(made);
  for (const std::uint64_t times : {std::uint64_t{0}, most + 1}) {
    auto notified = made->notify(times);
    ASSERT_FALSE(notified);
    EXPECT_TRUE(notified.error() == std::errc::invalid_argument);
  }
  expect_nothing_there(*made);
}

TEST(Event, that_is_full_would_block_and_loses_nothing) {
  auto made = event::create();
  ASSERT_TRUE(made);
  ASSERT_TRUE(made->notify(most));
  for (const std::uint64_t times : {std::uint64_t{1}, most}) {
    auto notified = made->notify(times);
    ASSERT_FALSE(notified);
    EXPECT_TRUE(would_block(notified.error())) << notified.error().message();
  }
  EXPECT_EQ(made->try_take().value(), most);
  EXPECT_TRUE(made->notify());
}

TEST(Event, takes_over_an_eventfd_and_makes_it_non_blocking) {
  auto merging = event::from_native(unique_fd{::eventfd(2, EFD_CLOEXEC)});
  ASSERT_TRUE(merging);
  EXPECT_EQ(merging->try_take().value(), 2u);
  expect_nothing_there(*merging);  // a blocking one would hang here
  auto counting = event::from_native(unique_fd{::eventfd(2, EFD_CLOEXEC | EFD_SEMAPHORE)});
  ASSERT_TRUE(counting);
  EXPECT_EQ(counting->try_take().value(), 1u);
}

TEST(Event, shows_a_descriptor_that_does_not_block_and_so_does_who_shares_it) {
  const auto is_nonblocking = [](int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; };
  auto shown = event::create();
  ASSERT_TRUE(shown);
  EXPECT_TRUE(is_nonblocking(shown->native_handle()));
  auto given = event::create();
  ASSERT_TRUE(given);
  const unique_fd fd = std::move(*given).release_handle();
  EXPECT_TRUE(is_nonblocking(fd.get()));
}

TEST(Event, a_wait_goes_on_when_somebody_shows_the_descriptor_meanwhile) {
  auto made = event::create();
  ASSERT_TRUE(made);
  child waiter{[&] {
    EXPECT_TRUE(made->wait());  // begins where reading blocks, and ends where it does not
    EXPECT_TRUE(made->wait());
  }};
  test::wait_until_asleep(waiter.id());
  static_cast<void>(made->native_handle());
  ASSERT_TRUE(made->notify());
  test::wait_until_asleep(waiter.id());
  ASSERT_TRUE(made->notify());
  waiter.wait_success();
}

TEST(Event, that_another_process_filled_would_block_also_here) {
  // Until then the description blocks, and a notification of one is a plain write(2).
  auto made = event::create();
  ASSERT_TRUE(made);
  ASSERT_TRUE(made->notify());
  child other{[&] { EXPECT_TRUE(made->notify(most - 1)); }};
  other.wait_success();
  EXPECT_TRUE(would_block(made->notify().error()));
  EXPECT_EQ(made->try_take().value(), most);
}

TEST(Event, wakes_as_many_waiters_at_once_as_were_notified) {
  auto made = event::create({.counting = true});
  ASSERT_TRUE(made);
  std::vector<child> waiters;
  waiters.reserve(3);
  for (int id = 0; id < 3; ++id)
    waiters.emplace_back(
        [&, id] { EXPECT_TRUE(id == 0 ? made->wait(deadline{patience}) : made->wait()); });
  for (const child& one : waiters) test::wait_until_asleep(one.id());
  ASSERT_TRUE(made->notify(3));
  for (child& one : waiters) one.wait_success();
  expect_nothing_there(*made);
}

TEST(Event, refuses_to_take_over_anything_else) {
  std::array<int, 2> pipe{-1, -1};
  ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
  for (const int fd : {::open("/dev/null", O_RDWR | O_CLOEXEC), pipe[0], pipe[1],
                       ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC)}) {
    ASSERT_GE(fd, 0);
    auto made = event::from_native(unique_fd{fd});
    ASSERT_FALSE(made);
    EXPECT_TRUE(made.error() == std::errc::invalid_argument) << made.error().message();
  }
  auto nothing = event::from_native(unique_fd{});
  ASSERT_FALSE(nothing);
  EXPECT_TRUE(nothing.error() == std::errc::bad_file_descriptor);
}

TEST(Event, handle_can_be_released_and_taken_over_again) {
  auto made = event::create({.initial = 1});
  ASSERT_TRUE(made);
  EXPECT_EQ(::fcntl(made->native_handle(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  auto again = event::from_native(std::move(*made).release_handle());
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->try_wait());
}

TEST(Event, reaches_a_forked_child_and_comes_back_from_it) {
  auto there = event::create();
  auto back = event::create({.counting = true});
  ASSERT_TRUE(there && back);
  child other{[&] {
    EXPECT_TRUE(there->wait(deadline{patience}));
    EXPECT_TRUE(back->notify(2));
  }};
  ASSERT_TRUE(there->notify());
  EXPECT_TRUE(back->wait(deadline{patience}));
  EXPECT_TRUE(back->wait(deadline{patience}));
  other.wait_success();
  expect_nothing_there(*there);
}

TEST(Event, of_a_killed_waiter_stays_for_the_next) {
  auto made = event::create();
  ASSERT_TRUE(made);
  child waiter{[&] { static_cast<void>(made->wait()); }};
  waiter.kill();
  ASSERT_TRUE(made->notify());
  EXPECT_TRUE(made->try_wait());
}

TEST(Event, keeps_its_deadline) {
  auto made = event::create();
  ASSERT_TRUE(made);
  const deadline until{3ms};
  auto waited = made->wait(until);
  ASSERT_FALSE(waited);
  EXPECT_TRUE(waited.error() == std::errc::timed_out);
  EXPECT_TRUE(until.has_passed());
}

}  // namespace
}  // namespace sluice
