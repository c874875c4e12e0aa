#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <sluice/base/retry.hpp>

namespace sluice {
namespace {

using namespace std::chrono_literals;

const failure not_yet{std::errc::resource_unavailable_try_again, "attempt"};

TEST(RetryUntil, returns_the_first_success_without_waiting) {
  int waits = 0;
  auto outcome = retry_until(
      deadline::never(), [] { return result<int>{7}; },
      [&](deadline) {
        ++waits;
        return result<void>{};
      });
  EXPECT_EQ(outcome.value_or(0), 7);
  EXPECT_EQ(waits, 0);
}

TEST(RetryUntil, waits_before_each_further_attempt) {
  int attempts = 0;
  int waits = 0;
  auto outcome = retry_until(
      deadline::never(),
      [&]() -> result<int> {
        EXPECT_EQ(attempts, waits);
        if (++attempts < 4) return not_yet;
        return attempts;
      },
      [&](deadline) {
        ++waits;
        return result<void>{};
      });
  EXPECT_EQ(outcome.value_or(0), 4);
  EXPECT_EQ(waits, 3);
}

TEST(RetryUntil, returns_any_other_failure_at_once) {
  auto outcome = retry_until(
      deadline::never(),
      []() -> result<int> {
        return failure{errc::closed, "attempt"};
      },
      [](deadline) -> result<void> {
        ADD_FAILURE() << "an end is not waited for";
        return failure{std::errc::timed_out, "wait"};
      });
  ASSERT_FALSE(outcome);
  EXPECT_TRUE(outcome.error() == errc::closed);
}

TEST(RetryUntil, attempts_once_even_if_the_deadline_has_passed) {
  int attempts = 0;
  auto outcome = retry_until(
      deadline::now(),
      [&] {
        ++attempts;
        return result<void>{};
      },
      [](deadline) -> result<void> {
        return failure{std::errc::timed_out, "wait"};
      });
  EXPECT_TRUE(outcome);
  EXPECT_EQ(attempts, 1);
}

TEST(RetryUntil, passes_the_failure_of_the_wait_on) {
  const deadline given{1h};
  auto outcome = retry_until(
      given, []() -> result<std::unique_ptr<int>> { return not_yet; },
      [&](deadline until) -> result<void> {
        EXPECT_EQ(until, given);
        return failure{std::errc::timed_out, "wait"};
      });
  ASSERT_FALSE(outcome);
  EXPECT_TRUE(outcome.error() == std::errc::timed_out);
  EXPECT_STREQ(outcome.error().operation(), "wait");
}

}  // namespace
}  // namespace sluice
