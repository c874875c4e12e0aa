// F31, step by step: whoever uses a mutex is killed after each instruction.

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>
#include <sluice/os/memory_map.hpp>
#include <sluice/primitive/mutex.hpp>

#include "support/traced_child.hpp"

namespace {

using namespace sluice;
using test::kill_at_each_step;
using test::step_size;

struct account {
  mutex lock;
  volatile int taken = 0;
  volatile int given = 0;  // equal to `taken` outside of the lock
};

class MutexCrash : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const char* reason = test::reason_not_to_trace(); *reason != '\0') GTEST_SKIP() << reason;
  }
  memory_map memory_ = memory_map::create_anonymous(sizeof(account)).value();
  account* shared_ = nullptr;
  void make_anew() { shared_ = new (memory_.writable_bytes().data()) account; }
  // A new lock, whose holder is dead.
  void die_holding() {
    make_anew();
    test::traced_child first{[] {},
                             [this] {
                               static_cast<void>(shared_->lock.acquire());
                               shared_->taken = 1;
                             }};
    while (shared_->taken == 0) ASSERT_TRUE(first.step(step_size::instruction));
  }
};

TEST_F(MutexCrash, killed_at_any_instruction_the_next_owner_has_the_lock_at_once_and_knows) {
  int found_dead = 0;
  int found_consistent = 0;
  const auto use = [this] {
    shared_->lock.lock();
    shared_->taken = shared_->taken + 1;
    shared_->given = shared_->given + 1;
    shared_->lock.unlock();
  };
  const long killed = kill_at_each_step({
      .reset = [this] { make_anew(); },
      .prepare = use,  // once before, so that no first call of a function is stepped through
      .operation = use,
      .judge =
          [&] {
            auto got = shared_->lock.try_acquire();
            ASSERT_TRUE(got) << got.error().message();
            const bool whole = shared_->taken == shared_->given;
            EXPECT_TRUE(whole || *got == mutex_state::owner_dead) << "nobody was told";
            ++(*got == mutex_state::owner_dead ? found_dead : found_consistent);
            shared_->lock.mark_consistent();
            EXPECT_TRUE(shared_->lock.release());
            EXPECT_EQ(shared_->lock.acquire().value(), mutex_state::consistent);
            EXPECT_TRUE(shared_->lock.release());
          },
  });
  EXPECT_GT(killed, 50);
  EXPECT_GT(found_dead, 5);
  EXPECT_GT(found_consistent, 5);
}

// F11: the one that is told is killed as well, at any instruction until it has repaired
TEST_F(MutexCrash, killed_while_repairing_the_next_one_is_told_again) {
  int told_again = 0;
  const auto repair = [this] {
    auto got = shared_->lock.acquire();
    if (!got || *got != mutex_state::owner_dead) ::abort();
    shared_->given = 1;
    shared_->lock.mark_consistent();
    static_cast<void>(shared_->lock.release());
  };
  // Once before, so that no first call of a function is stepped through.
  die_holding();
  repair();
  const long killed = kill_at_each_step({
      .reset = [this] { die_holding(); },
      .operation = repair,
      .judge =
          [&] {
            auto got = shared_->lock.try_acquire();
            ASSERT_TRUE(got) << got.error().message();
            EXPECT_TRUE(shared_->given == 1 || *got == mutex_state::owner_dead)
                << "not repaired, and nobody was told";
            if (*got == mutex_state::owner_dead) ++told_again;
            shared_->lock.mark_consistent();
            EXPECT_TRUE(shared_->lock.release());
          },
  });
  EXPECT_GT(killed, 50);
  EXPECT_GT(told_again, 20);
}

// The one that finds out that nobody repaired it holds the lock for a moment.
TEST_F(MutexCrash,
       killed_while_it_is_told_that_nobody_repaired_it_the_next_one_is_told_so_as_well) {
  const auto give_up = [this] {
    EXPECT_EQ(shared_->lock.acquire().value(), mutex_state::owner_dead);
    EXPECT_TRUE(shared_->lock.release());
  };
  const auto reset = [&] {
    die_holding();
    give_up();
  };
  const auto look = [this] { static_cast<void>(shared_->lock.acquire().has_value()); };
  reset();
  look();
  const long killed = kill_at_each_step({
      .reset = reset,
      .operation = look,
      .judge =
          [&] {
            auto got = shared_->lock.try_acquire();
            ASSERT_FALSE(got);
            EXPECT_EQ(got.error(), std::errc::state_not_recoverable);
          },
  });
  EXPECT_GT(killed, 20);
}

}  // namespace
