// What the conformance suite of events does not say of POSIX semaphores: counting, limits, and
// those in memory of the caller. Their names are in semaphore_name_test.cpp.

#include <gtest/gtest.h>
#include <semaphore.h>

#include <array>
#include <atomic>
#include <chrono>
#include <sluice/os/memory_map.hpp>
#include <sluice/primitive/posix_semaphore.hpp>
#include <vector>

#include "support/asleep.hpp"
#include "support/child.hpp"
#include "support/isolation.hpp"
#include "support/signal_storm.hpp"

namespace sluice {
namespace {

using test::child;
using test::patience;
using test::unique_name;
using test::wait_until_asleep;

class PosixSemaphore : public ::testing::Test {
 protected:
  memory_map memory_ = memory_map::create_anonymous(4096).value();
  mutable_bytes place_ = memory_.writable_bytes();
};

TEST_F(PosixSemaphore, counts_what_is_given_and_taken) {
  auto named = posix_semaphore::create(unique_name(), {.initial = 3}).value();
  auto placed = posix_semaphore::create_at(place_, 3).value();
  for (posix_semaphore* one : {&named, &placed}) {
    EXPECT_EQ(one->value(), 3U);
    EXPECT_TRUE(one->notify());
    EXPECT_EQ(one->value(), 4U);
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(one->try_wait());
    EXPECT_EQ(one->value(), 0U);
    EXPECT_TRUE(would_block(one->try_wait().error()));
  }
}

TEST_F(PosixSemaphore, at_its_largest_value_tells_so_and_keeps_it) {
  auto full = posix_semaphore::create_at(place_, posix_semaphore::max_value).value();
  EXPECT_EQ(full.notify().error(), std::errc::value_too_large);
  EXPECT_EQ(full.value(), posix_semaphore::max_value);
  EXPECT_TRUE(full.try_wait());
  EXPECT_TRUE(full.notify());
}

TEST_F(PosixSemaphore, refuses_an_initial_value_beyond_the_largest) {
  constexpr std::uint32_t beyond = posix_semaphore::max_value + 1;
  EXPECT_EQ(posix_semaphore::create_at(place_, beyond).error(), std::errc::invalid_argument);
  EXPECT_EQ(posix_semaphore::create("x", {.initial = beyond}).error(), std::errc::invalid_argument);
  EXPECT_EQ(posix_semaphore::open_or_create("x", {.initial = beyond}).error(),
            std::errc::invalid_argument);
}

TEST_F(PosixSemaphore, refuses_memory_that_is_too_small_or_not_aligned) {
  constexpr std::size_t size = posix_semaphore::size_bytes;
  for (const mutable_bytes wrong : {mutable_bytes{}, place_.first(size - 1),
                                    place_.subspan(1, size), place_.subspan(4, size)}) {
    EXPECT_EQ(posix_semaphore::create_at(wrong).error(), std::errc::invalid_argument);
    EXPECT_EQ(posix_semaphore::open_at(wrong).error(), std::errc::invalid_argument);
  }
  EXPECT_TRUE(posix_semaphore::create_at(place_.subspan(8, size)));
}

TEST_F(PosixSemaphore, that_was_not_made_or_is_private_to_a_process_is_recognised) {
  EXPECT_EQ(posix_semaphore::open_at(place_).error(), errc::corrupt);
  ASSERT_EQ(::sem_init(reinterpret_cast<sem_t*>(place_.data()), 0, 1), 0);
  EXPECT_EQ(posix_semaphore::open_at(place_).error(), errc::corrupt);
  ASSERT_EQ(::sem_init(reinterpret_cast<sem_t*>(place_.data()), 1, 1), 0);
  auto opened = posix_semaphore::open_at(place_);
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_TRUE(opened->try_wait());
}

TEST_F(PosixSemaphore, whose_mark_is_nearly_that_of_a_shared_one_is_refused_and_kills_nobody) {
  // Found by tests/fuzz: the C library hands the mark to the kernel, and aborts at its answer.
  sem_t unshared;
  sem_t shared;
  std::memset(&unshared, 0, sizeof unshared);
  std::memset(&shared, 0, sizeof shared);
  ASSERT_EQ(::sem_init(&unshared, 0, 0), 0);
  ASSERT_EQ(::sem_init(&shared, 1, 0), 0);
  const const_bytes images[]{bytes_of(unshared), bytes_of(shared)};
  std::size_t words = 0;
  for (std::size_t at = 0; at < sizeof(sem_t); at += sizeof(unsigned)) {
    constexpr std::size_t word = sizeof(unsigned);
    if (std::memcmp(images[0].data() + at, images[1].data() + at, word) == 0) continue;
    ++words;
    for (std::size_t changed = at; changed < at + word; ++changed) {
      copy_bytes(images[1], place_);
      ASSERT_TRUE(posix_semaphore::open_at(place_));
      place_[changed] ^= std::byte{0x01};
      EXPECT_EQ(posix_semaphore::open_at(place_).error(), errc::corrupt) << changed;
    }
  }
  EXPECT_GT(words, 0U);
}

TEST_F(PosixSemaphore, in_shared_memory_is_one_for_all_who_open_it) {
  auto made = posix_semaphore::create_at(place_).value();
  child waiter{[&] {
    auto opened = posix_semaphore::open_at(place_);
    ASSERT_TRUE(opened);
    EXPECT_TRUE(opened->wait(deadline{patience}));
    EXPECT_TRUE(opened->notify());
  }};
  wait_until_asleep(waiter.id());
  EXPECT_TRUE(made.notify());
  waiter.wait_success();
  EXPECT_EQ(made.value(), 1U);
}

// The C library wakes one waiter for each unit. If that one is killed before it takes the unit, it
// is as if somebody had raised the value without waking anybody; which is what this does.
TEST_F(PosixSemaphore, whose_woken_waiter_is_killed_lets_the_next_one_through_all_the_same) {
  if (sizeof(sem_t) != 32) GTEST_SKIP() << "written for the C library's layout on 64 bits";
  auto made = posix_semaphore::create_at(place_).value();
  child waiter{[&] { EXPECT_TRUE(made.wait()); }};
  wait_until_asleep(waiter.id());
  reinterpret_cast<std::atomic<std::uint64_t>*>(place_.data())->fetch_add(1);
  waiter.wait_success();
}

// F31: a counting semaphore cannot know who has its units: limit, stated in the documents.
TEST_F(PosixSemaphore, units_that_a_killed_process_had_taken_are_gone) {
  auto made = posix_semaphore::create_at(place_, 1).value();
  child taker{[&] {
    EXPECT_TRUE(made.wait());
    made.wait().value();
  }};
  while (made.value() != 0) wait_until_asleep(taker.id());
  taker.kill();
  EXPECT_TRUE(would_block(made.try_wait().error()));
}

TEST_F(PosixSemaphore, many_that_share_a_few_units_never_have_more_than_those) {
  struct shared {
    std::atomic<int> inside{0};
    std::atomic<int> most{0};
  };
  constexpr int units = 3;
  auto free_units = posix_semaphore::create_at(place_, units).value();
  auto* counts = new (place_.subspan(64).data()) shared;
  const auto work = [&] {
    const test::signal_storm storm;  // F24
    for (int round = 0; round < 300; ++round) {
      ASSERT_TRUE(free_units.wait(deadline{patience}));
      const int now = ++counts->inside;
      for (int seen = counts->most; now > seen && !counts->most.compare_exchange_weak(seen, now);) {
      }
      --counts->inside;
      ASSERT_TRUE(free_units.notify());
    }
  };
  std::vector<child> workers;
  for (int i = 0; i < 6; ++i) workers.emplace_back(work);
  for (child& one : workers) one.wait_success();
  EXPECT_LE(counts->most, units);
  EXPECT_EQ(free_units.value(), static_cast<std::uint32_t>(units));
}

}  // namespace
}  // namespace sluice
