// How many system calls semaphores and events make, and what interruptions do to their waits.

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <new>
#include <sluice/os/memory_map.hpp>
#include <sluice/primitive/shared_event.hpp>
#include <sluice/primitive/system_v_semaphore_set.hpp>

#include "fault/failing_syscall.hpp"
#include "support/asleep.hpp"
#include "support/child.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

class SharedEventCalls : public ::testing::Test {
 protected:
  memory_map memory_ = memory_map::create_anonymous(sizeof(shared_event)).value();
  shared_event& event_ = *new (memory_.writable_bytes().data()) shared_event{{.counting = true}};
};

TEST_F(SharedEventCalls, are_none_while_nobody_sleeps) {
  const fault_plan plan;
  for (int round = 0; round < 100; ++round) {
    EXPECT_TRUE(event_.notify(3));
    EXPECT_TRUE(event_.try_wait());
    EXPECT_TRUE(event_.wait());
    EXPECT_TRUE(event_.wait(10s));
    EXPECT_FALSE(event_.try_wait());
    EXPECT_FALSE(event_.wait(deadline::now()));
  }
  EXPECT_EQ(plan.calls(), 0U);
}

TEST_F(SharedEventCalls, are_one_to_wake_a_sleeper_and_none_after_it) {
  child waiter{[&] { EXPECT_TRUE(event_.wait()); }};
  // Until it has said that it goes to sleep, and then until it sleeps.
  while (reinterpret_cast<const std::atomic<std::uint32_t>&>(event_).load() == 0) {
  }
  wait_until_asleep(waiter.id());
  const fault_plan plan;
  EXPECT_TRUE(event_.notify());
  EXPECT_EQ(plan.calls(), 1U);
  EXPECT_EQ(plan.calls_of(SYS_futex), 1U);
  waiter.wait_success();
  EXPECT_TRUE(event_.notify());
  EXPECT_EQ(plan.calls_of(SYS_futex), 1U);
}

TEST_F(SharedEventCalls, that_a_sandbox_refuses_are_reported_and_end_no_wait_early) {
  // F48
  const fault_plan plan{{.calls = {SYS_futex}, .error_number = ENOSYS}};
  EXPECT_EQ(event_.wait(10s).error(), std::errc::function_not_supported);
  EXPECT_TRUE(event_.notify()) << "the notification is there, whoever could not be woken";
  EXPECT_TRUE(event_.wait());
}

// F24
TEST_F(SharedEventCalls, that_are_interrupted_again_and_again_keep_the_deadline) {
  const fault_plan plan{{.calls = {SYS_futex}, .every = 2, .error_number = EINTR}};
  const deadline until{20ms};
  EXPECT_EQ(event_.wait(until).error(), std::errc::timed_out);
  EXPECT_TRUE(until.has_passed());
}

// F24
TEST(SystemVSemaphoreCalls, that_are_interrupted_again_and_again_keep_the_deadline) {
  auto set = system_v_semaphore_set::create_private().value();
  const fault_plan plan{{.calls = {SYS_semtimedop}, .every = 2, .error_number = EINTR}};
  const deadline until{20ms};
  EXPECT_EQ(set.apply({{.change = -1}}, until).error(), std::errc::timed_out);
  EXPECT_TRUE(until.has_passed());
  EXPECT_GT(plan.struck(), 0U);
}

TEST(SystemVSemaphoreCalls, are_one_for_each_verb) {
  auto set = system_v_semaphore_set::create_private({.initial = {1, 1}}).value();
  auto one = set.semaphore(0).value();
  const fault_plan plan;
  EXPECT_TRUE(one.notify());
  EXPECT_TRUE(one.try_wait());
  EXPECT_TRUE(one.wait());
  EXPECT_TRUE(set.try_apply({{.index = 0, .change = 1}, {.index = 1, .change = -1}}));
  EXPECT_EQ(plan.calls(), 4U);
}

}  // namespace
}  // namespace sluice::test
