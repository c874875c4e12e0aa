// What System V semaphores do when somebody dies: units that are held come back, and a set whose
// creator is killed is completed by the next one.

#include <gtest/gtest.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <unistd.h>

#include <cstdlib>
#include <sluice/primitive/system_v_semaphore_set.hpp>
#include <vector>

#include "support/asleep.hpp"
#include "support/child.hpp"
#include "support/runtime_directory.hpp"
#include "support/shared_array.hpp"
#include "support/traced_child.hpp"

namespace sluice {
namespace {

using test::child;
using test::patience;
using test::rendezvous;
using test::wait_until_asleep;
using name = system_v_name;

class SemaphoreUnit : public ::testing::Test {
 protected:
  system_v_semaphore_set set_ = system_v_semaphore_set::create_private({.initial = {2}}).value();
  system_v_semaphore one_ = set_.semaphore(0).value();
};

TEST_F(SemaphoreUnit, is_taken_and_comes_back_at_the_end_of_its_scope) {
  {
    auto first = one_.hold();
    ASSERT_TRUE(first);
    auto second = one_.try_hold();
    ASSERT_TRUE(second);
    EXPECT_TRUE(would_block(one_.try_hold().error()));
    EXPECT_EQ(one_.hold(deadline::now()).error(), std::errc::timed_out);
    EXPECT_TRUE(second->release());
    EXPECT_EQ(second->release().error(), std::errc::invalid_argument);
    EXPECT_EQ(one_.value().value(), 1);
    const semaphore_unit moved = std::move(*first);
    EXPECT_EQ(one_.value().value(), 1);
  }
  EXPECT_EQ(one_.value().value(), 2);
}

// F30, F31
TEST_F(SemaphoreUnit, of_a_killed_holder_comes_back_and_wakes_who_waits_for_it) {
  const rendezvous held;
  child holder{[&] {
    auto first = one_.hold().value();
    auto second = one_.hold().value();
    held.arrive();
    ::pause();
  }};
  held.wait();
  child waiter{[&] { EXPECT_TRUE(one_.hold(deadline{patience})); }};
  wait_until_asleep(waiter.id());
  holder.kill();
  waiter.wait_success();
  EXPECT_EQ(one_.value().value(), 2);
}

// F30: giving back settles what the kernel would have done at the death.
TEST_F(SemaphoreUnit, that_was_given_back_does_not_come_back_again) {
  child holder{[&] {
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(one_.hold());
  }};
  holder.wait_success();
  EXPECT_EQ(one_.value().value(), 2);
}

// F30: what one gives and another takes is not undone at a death, whoever dies.
TEST_F(SemaphoreUnit, is_the_only_thing_that_comes_back) {
  child taker{[&] { EXPECT_TRUE(one_.wait()); }};
  taker.wait_success();
  EXPECT_EQ(one_.value().value(), 1);
  child giver{[&] { EXPECT_TRUE(set_.apply({{.change = 5}})); }};
  giver.wait_success();
  EXPECT_EQ(one_.value().value(), 6);
}

TEST_F(SemaphoreUnit, stays_the_parents_after_a_fork) {
  auto held = one_.hold().value();
  child other{[&] {
    EXPECT_EQ(held.release().error(), std::errc::operation_not_permitted);
    EXPECT_EQ(one_.value().value(), 1);
  }};
  other.wait_success();
  EXPECT_EQ(one_.value().value(), 1);
  EXPECT_TRUE(held.release());
  EXPECT_EQ(one_.value().value(), 2);
}

// F30: the kernel counts what it would give back up to 32767, and refuses to hold more.
TEST_F(SemaphoreUnit, beyond_what_the_kernel_can_give_back_is_refused_and_not_taken) {
  ASSERT_TRUE(one_.set_value(system_v_semaphore::max_value));
  std::vector<semaphore_unit> held;
  held.reserve(system_v_semaphore::max_value);
  for (int i = 0; i < system_v_semaphore::max_value; ++i) held.push_back(one_.try_hold().value());
  ASSERT_TRUE(one_.notify());
  auto more = one_.try_hold();
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error(), std::errc::result_out_of_range) << more.error().message();
  EXPECT_NE(*more.error().hint(), '\0');
  EXPECT_EQ(one_.value().value(), 1);
  ASSERT_TRUE(one_.try_wait());
  held.clear();
  EXPECT_EQ(one_.value().value(), system_v_semaphore::max_value);
}

// F30: a unit that comes back to a full semaphore is dropped by the kernel; nothing wraps around.
TEST_F(SemaphoreUnit, that_comes_back_to_a_full_semaphore_leaves_it_full) {
  const rendezvous held;
  child holder{[&] {
    auto unit = one_.hold().value();
    held.arrive();
    ::pause();
  }};
  held.wait();
  ASSERT_TRUE(one_.notify(system_v_semaphore::max_value - 1));
  EXPECT_EQ(one_.value().value(), system_v_semaphore::max_value);
  holder.kill();
  EXPECT_EQ(one_.value().value(), system_v_semaphore::max_value);
}

// F31, step by step
TEST_F(SemaphoreUnit, of_a_holder_killed_at_any_system_call_is_there_again) {
  if (const char* reason = test::reason_not_to_trace(); *reason != '\0') GTEST_SKIP() << reason;
  const long killed = test::kill_at_each_step({
      .size = test::step_size::system_call,
      .operation =
          [&] {
            auto first = one_.hold();
            auto second = one_.hold();
            if (!first || !second) ::abort();
          },
      .judge = [&] { EXPECT_EQ(one_.value().value(), 2); },
  });
  EXPECT_GT(killed, 5);
}

// F32, step by step
TEST(SystemVSemaphoreCreation, whose_creator_is_killed_anywhere_is_completed_by_the_next) {
  if (const char* reason = test::reason_not_to_trace(); *reason != '\0') GTEST_SKIP() << reason;
  const semaphore_set_create_options options{.initial = {3, 4}, .mode = 0640};
  for (const name& one : {name::key(::getpid() << 6), name{"made"}}) {
    const bool is_key = one.what() == name::kind::key;
    int complete = 0;
    int incomplete = 0;
    const long killed = test::kill_at_each_step({
        .size = test::step_size::system_call,
        .operation =
            [&] {
              auto made = system_v_semaphore_set::create(
                  one, is_key ? options : semaphore_set_create_options{.initial = {3, 4}});
              if (!made) ::abort();
              made->persist();
            },
        .judge =
            [&] {
              auto found = system_v_semaphore_set::open(one);
              ++(found ? complete : incomplete);
              if (!found) {
                EXPECT_EQ(found.error(), std::errc::no_such_file_or_directory)
                    << found.error().message();
              }
              auto taken = system_v_semaphore_set::open_or_create(
                  one, is_key ? options : semaphore_set_create_options{.initial = {3, 4}});
              ASSERT_TRUE(taken) << taken.error().message();
              EXPECT_EQ(taken->values().value(), (std::vector<std::uint16_t>{3, 4}));
              EXPECT_EQ(taken->status().value().mode, is_key ? 0640U : 0600U);
              EXPECT_TRUE(taken->unlink());
            },
    });
    EXPECT_GT(complete, 0);
    EXPECT_GT(incomplete, 3);
    EXPECT_GT(killed, 10);
  }
}

// F32: what a creator leaves that is killed between semget and the values.
TEST(SystemVSemaphoreCreation, left_incomplete_is_told_by_open_and_completed_by_open_or_create) {
  const name key = name::key((::getpid() << 6) + 1);
  const int left = ::semget(key.number(), 2, IPC_CREAT | IPC_EXCL | 0600);
  ASSERT_GE(left, 0);
  auto refused = system_v_semaphore_set::open(key);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), std::errc::no_such_file_or_directory);
  EXPECT_NE(*refused.error().hint(), '\0');
  EXPECT_TRUE(system_v_semaphore_set::open(key, {.untouched = true}));
  EXPECT_EQ(system_v_semaphore_set::create(key).error(), std::errc::file_exists);
  auto taken = system_v_semaphore_set::open_or_create(key, {.initial = {0, 6}}).value();
  EXPECT_EQ(taken.id(), left);
  EXPECT_EQ(taken.values().value(), (std::vector<std::uint16_t>{0, 6}));
  EXPECT_TRUE(system_v_semaphore_set::open(key)) << "complete, although the first value is 0";
}

TEST(SystemVSemaphoreCreation, by_many_at_once_makes_one_set_with_its_values) {
  const name key = name::key((::getpid() << 6) + 2);
  for (int round = 0; round < 20; ++round)
    for (const name& one : {key, name{"race"}}) {
      const test::shared_array arrived{2};
      std::vector<child> all;
      for (int i = 0; i < 4; ++i)
        all.emplace_back([&] {
          ++arrived[0];
          while (arrived[0] < 4) ::usleep(100);
          auto made = system_v_semaphore_set::open_or_create(one, {.initial = {0, 10}});
          ASSERT_TRUE(made) << made.error().message();
          EXPECT_TRUE(made->apply({{.index = 1, .change = 1}}));
          // All have it before the one that made it removes it.
          ++arrived[1];
          while (arrived[1] < 4) ::usleep(100);
          EXPECT_EQ(made->values().value()[1], 14);
          ++arrived[1];
          while (arrived[1] < 8) ::usleep(100);
        });
      for (child& each : all) each.wait_success();
      EXPECT_FALSE(system_v_semaphore_set::open(one));
    }
}

}  // namespace
}  // namespace sluice
