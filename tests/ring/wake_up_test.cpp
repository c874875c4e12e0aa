// Who asks whom to fence, and for how long. That no sleep is missed is shown by tests/model and by
// channel/ring_wakeup_test.cpp.

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <sluice/ring/wake_up.hpp>

namespace sluice {
namespace {

using ring::fence_request;
using ring::lookout;
using ring::segment_header;

constexpr std::uint64_t always = segment_header::always_fence;

class WakeUp : public ::testing::Test {
 protected:
  // In a build without fences nobody needs to ask, and nobody takes anything back.
  void SetUp() override {
    if (!ring::has_fences) GTEST_SKIP() << "this build has no fences to ask for";
  }
  void look(lookout& who, std::uint32_t times) {
    for (std::uint32_t n = 0; n < times; ++n) EXPECT_EQ(who.tells_of_sleep(sleep_), sleep_ != 0);
  }

  std::atomic<std::uint64_t> fences_{0};
  std::atomic<std::uint32_t> sleep_{0};
};

TEST_F(WakeUp, sleeper_makes_one_barrier_and_is_fenced_for_from_then_on) {
  fence_request sleeper{fences_, segment_header::fence_bit(5)};
  EXPECT_FALSE(sleeper.is_granted());
  EXPECT_EQ(fences_, 32U);
  for (int n = 0; n < 1000; ++n) EXPECT_TRUE(sleeper.is_granted());
}

TEST_F(WakeUp, waker_takes_all_bits_back_after_fences_in_vain_but_the_one_for_good) {
  fences_ = always | 5;
  lookout waker{fences_};
  look(waker, lookout::most_in_vain - 1);
  EXPECT_EQ(fences_, always | 5);
  look(waker, 1);
  EXPECT_EQ(fences_, always);
  look(waker, 10 * lookout::most_in_vain);
  EXPECT_EQ(fences_, always);
}

TEST_F(WakeUp, waker_that_finds_sleepers_goes_on_fencing) {
  fences_ = 1;
  lookout waker{fences_};
  for (int n = 0; n < 100; ++n) {
    look(waker, lookout::most_in_vain - 1);
    sleep_ = 1;
    look(waker, 1);
    sleep_ = 0;
  }
  EXPECT_EQ(fences_, 1U);
}

TEST_F(WakeUp, sleeper_that_is_fenced_for_in_vain_asks_less_and_less_often) {
  fence_request sleeper{fences_, 1};
  int asked = 0;
  constexpr int sleeps = 320;
  for (int n = 0; n < sleeps; ++n) {
    EXPECT_FALSE(sleeper.is_granted()) << "the bit was taken back: there must be a barrier";
    if (fences_.exchange(0) != 0) ++asked;
  }
  EXPECT_GE(asked, sleeps / 32);
  EXPECT_LE(asked, sleeps / 32 + 5);
  // Worth it again: it asks at once when that is taken back.
  while (!sleeper.is_granted()) continue;
  for (int n = 0; n < 10; ++n) EXPECT_TRUE(sleeper.is_granted());
  fences_ = 0;
  EXPECT_FALSE(sleeper.is_granted());
  EXPECT_EQ(fences_, 1U);
}

TEST_F(WakeUp, slots_without_a_bit_always_make_the_barrier_themselves) {
  EXPECT_EQ(segment_header::fence_bit(62), std::uint64_t{1} << 62);
  EXPECT_EQ(segment_header::fence_bit(63), 0U);
  fence_request sleeper{fences_, segment_header::fence_bit(63)};
  fences_ = ~always;
  for (int n = 0; n < 10; ++n) EXPECT_FALSE(sleeper.is_granted());
  fences_ = always;
  EXPECT_TRUE(sleeper.is_granted());
}

TEST_F(WakeUp, withdrawing_takes_one_bit_back) {
  fences_ = always | 7;
  fence_request::withdraw(fences_, 2);
  EXPECT_EQ(fences_, always | 5);
  fence_request::withdraw(fences_, 2);
  EXPECT_EQ(fences_, always | 5);
}

}  // namespace
}  // namespace sluice
