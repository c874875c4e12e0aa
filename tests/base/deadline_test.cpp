#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <ratio>
#include <sluice/base/deadline.hpp>
#include <type_traits>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using clock = deadline::clock;

// F13: no decision by a clock that can be set.
static_assert(clock::is_steady);
static_assert(std::is_convertible_v<std::chrono::milliseconds, deadline>);
static_assert(std::is_trivially_copyable_v<deadline>);
static_assert(deadline::never().is_never() && !deadline::now().is_never());

TEST(Deadline, never_does_not_pass_and_leaves_the_longest_duration) {
  EXPECT_FALSE(deadline::never().has_passed());
  EXPECT_EQ(deadline::never().remaining(), clock::duration::max());
}

TEST(Deadline, now_has_passed_and_leaves_nothing) {
  EXPECT_TRUE(deadline::now().has_passed());
  EXPECT_EQ(deadline::now().remaining(), clock::duration::zero());
}

TEST(Deadline, from_a_duration_counts_from_that_moment) {
  const auto before = clock::now();
  const deadline hour{1h};
  const auto after = clock::now();
  EXPECT_GE(hour.when(), before + 1h);
  EXPECT_LE(hour.when(), after + 1h);
  EXPECT_FALSE(hour.has_passed());
  EXPECT_GT(hour.remaining(), 0s);
  EXPECT_LE(hour.remaining(), 1h);
}

TEST(Deadline, of_a_point_in_the_past_has_passed) {
  const deadline past{clock::now() - 1ns};
  EXPECT_TRUE(past.has_passed());
  EXPECT_EQ(past.remaining(), clock::duration::zero());
}

TEST(Deadline, passes_when_its_moment_comes) {
  const deadline soon{1ms};
  while (soon.remaining() > clock::duration::zero()) {
  }
  EXPECT_TRUE(soon.has_passed());
}

TEST(Deadline, from_zero_or_a_negative_duration_is_now) {
  EXPECT_EQ(deadline{0s}, deadline::now());
  EXPECT_EQ(deadline{-1ns}, deadline::now());
  EXPECT_EQ(deadline{std::chrono::hours::min()}, deadline::now());
  EXPECT_EQ(deadline{std::chrono::nanoseconds::min()}, deadline::now());
  const std::chrono::duration<double> minus_infinity{-std::numeric_limits<double>::infinity()};
  EXPECT_EQ(deadline{minus_infinity}, deadline::now());
}

TEST(Deadline, from_a_duration_that_is_no_number_is_now) {
  const std::chrono::duration<double> no_number{std::numeric_limits<double>::quiet_NaN()};
  EXPECT_EQ(deadline{no_number}, deadline::now());
}

TEST(Deadline, from_what_the_clock_cannot_count_is_never) {
  EXPECT_TRUE(deadline{std::chrono::hours::max()}.is_never());
  EXPECT_TRUE(deadline{std::chrono::seconds::max()}.is_never());
  EXPECT_TRUE(deadline{std::chrono::milliseconds::max()}.is_never());
  EXPECT_TRUE(deadline{clock::duration::max()}.is_never());
  const std::chrono::duration<double> infinity{std::numeric_limits<double>::infinity()};
  EXPECT_TRUE(deadline{infinity}.is_never());
  using years = std::chrono::duration<std::int16_t, std::ratio<31'556'952, 1>>;
  EXPECT_TRUE(deadline{years{1000}}.is_never());
}

// Near the edge a sum of ticks would overflow; conversions of different units round differently.
TEST(Deadline, at_the_edge_of_the_clock_is_in_the_future_or_never) {
  for (int microseconds = -5'000'000; microseconds <= 5'000'000; microseconds += 9'973) {
    const auto left =
        std::chrono::floor<std::chrono::microseconds>(clock::time_point::max() - clock::now());
    EXPECT_FALSE(deadline{left + std::chrono::microseconds{microseconds}}.has_passed());
    const auto whole = std::chrono::floor<std::chrono::seconds>(left);
    EXPECT_FALSE(deadline{whole + std::chrono::seconds{microseconds / 1'000'000}}.has_passed());
  }
}

TEST(Deadline, never_comes_early_for_a_fraction_of_a_tick) {
  const auto before = clock::now();
  const deadline fraction{std::chrono::duration<double, std::pico>{1}};
  EXPECT_GE(fraction.when(), before + 1ns);
}

TEST(Deadline, earlier_picks_the_one_that_comes_first) {
  const deadline soon{1min};
  const deadline late{1h};
  EXPECT_EQ(earlier(soon, late), soon);
  EXPECT_EQ(earlier(late, soon), soon);
  EXPECT_EQ(earlier(deadline::never(), late), late);
  EXPECT_EQ(earlier(deadline::now(), late), deadline::now());
  EXPECT_TRUE(earlier(deadline::never(), deadline::never()).is_never());
}

}  // namespace
}  // namespace sluice
