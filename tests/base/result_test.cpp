#include <gtest/gtest.h>

#include <memory>
#include <sluice/base/result.hpp>
#include <string>
#include <system_error>
#include <type_traits>
#include <utility>

namespace sluice {
namespace {

using move_only = std::unique_ptr<int>;

static_assert(std::is_move_constructible_v<result<move_only>>);
static_assert(!std::is_copy_constructible_v<result<move_only>>);
static_assert(std::is_nothrow_move_constructible_v<result<move_only>>);
static_assert(std::is_copy_constructible_v<result<std::string>>);
// An outcome is asked for, never taken for a number by accident.
static_assert(!std::is_convertible_v<result<int>, bool>);
static_assert(!std::is_convertible_v<result<void>, bool>);
static_assert(std::is_constructible_v<bool, result<int>>);
static_assert(std::is_same_v<result<int>::value_type, int>);
static_assert(std::is_same_v<result<void>::error_type, error>);

result<int> half_of(int number) {
  if (number % 2 != 0) return failure{std::errc::invalid_argument, "half_of", "odd"};
  return number / 2;
}

// No default constructor: a result<T> needs only what T has.
class stubborn {
 public:
  explicit stubborn(int number) : number_(number) {}
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

TEST(Result, holds_the_value_that_was_returned) {
  result<int> half = half_of(42);
  ASSERT_TRUE(half.has_value());
  EXPECT_TRUE(static_cast<bool>(half));
  EXPECT_EQ(*half, 21);
  EXPECT_EQ(half.value(), 21);
  *half = 5;
  EXPECT_EQ(std::as_const(half).value(), 5);
}

TEST(Result, holds_the_failure_that_was_returned) {
  const result<int> half = half_of(41);
  ASSERT_FALSE(half);
  EXPECT_TRUE(half.error() == std::errc::invalid_argument);
  EXPECT_STREQ(half.error().operation(), "half_of");
  EXPECT_STREQ(half.error().hint(), "odd");
}

TEST(Result, of_a_move_only_type_gives_its_value_away) {
  result<move_only> made{std::make_unique<int>(7)};
  ASSERT_TRUE(made);
  EXPECT_EQ(**made, 7);
  const move_only taken = *std::move(made);
  EXPECT_EQ(*taken, 7);
  const move_only thrown_or_taken = result<move_only>{std::make_unique<int>(8)}.value();
  EXPECT_EQ(*thrown_or_taken, 8);
}

TEST(Result, needs_no_default_constructor) {
  result<stubborn> made{stubborn{3}};
  EXPECT_EQ(made->number(), 3);
  made = failure{errc::closed, "make"};
  EXPECT_FALSE(made);
  made = stubborn{4};
  EXPECT_EQ(std::as_const(made)->number(), 4);
}

TEST(Result, of_an_error_code_enum_is_not_confused_with_a_failure) {
  const result<std::errc> asked{std::errc::timed_out};
  ASSERT_TRUE(asked);
  EXPECT_EQ(*asked, std::errc::timed_out);
}

TEST(Result, value_throws_a_system_error_with_code_operation_and_hint) {
  const auto expect_thrown = [](auto&& ask) {
    try {
      ask();
      ADD_FAILURE() << "nothing was thrown";
    } catch (const std::system_error& thrown) {
      EXPECT_EQ(thrown.code(), std::errc::too_many_files_open);
      EXPECT_EQ(thrown.code().category(), std::system_category());
      EXPECT_STREQ(thrown.what(), "pipe2 (raise it): Too many open files");
    }
  };
  const failure failed{error::from_errno(EMFILE, "pipe2", "raise it")};
  result<int> number{failed};
  expect_thrown([&] { number.value(); });
  expect_thrown([&] { std::as_const(number).value(); });
  expect_thrown([&] { static_cast<void>(result<move_only>{failed}.value()); });
  const result<void> nothing{failed};
  expect_thrown([&] { nothing.value(); });
}

TEST(Result, value_or_replaces_only_a_failure) {
  EXPECT_EQ(half_of(42).value_or(1), 21);
  EXPECT_EQ(half_of(41).value_or(1), 1);
  EXPECT_EQ(*result<move_only>{std::make_unique<int>(1)}.value_or(nullptr), 1);
}

TEST(Result, and_then_goes_on_until_the_first_failure) {
  EXPECT_EQ(half_of(84).and_then(half_of).value_or(0), 21);
  int calls = 0;
  const auto counted = [&calls](int number) {
    ++calls;
    return half_of(number);
  };
  EXPECT_TRUE(half_of(41).and_then(counted).error() == std::errc::invalid_argument);
  EXPECT_EQ(calls, 0);
  EXPECT_FALSE(half_of(42).and_then(counted));
  EXPECT_EQ(calls, 1);
}

TEST(Result, transform_changes_a_value_and_passes_a_failure_on) {
  const auto as_text = [](int number) { return std::to_string(number); };
  EXPECT_EQ(half_of(42).transform(as_text).value_or(""), "21");
  const result<std::string> failed = half_of(41).transform(as_text);
  ASSERT_FALSE(failed);
  EXPECT_STREQ(failed.error().operation(), "half_of");
  auto moved = result<move_only>{std::make_unique<int>(2)}.transform(
      [](move_only&& one) { return std::move(one); });
  EXPECT_EQ(**moved, 2);
}

TEST(Result, without_a_value_is_success_or_the_failure) {
  const result<void> done;
  EXPECT_TRUE(done);
  EXPECT_NO_THROW(done.value());
  const result<void> failed = failure{errc::removed, "unlink"};
  EXPECT_FALSE(failed.has_value());
  EXPECT_TRUE(failed.error() == errc::removed);
}

TEST(Result, without_a_value_goes_on_until_the_first_failure) {
  EXPECT_EQ(result<void>{}.and_then([] { return half_of(2); }).value_or(0), 1);
  const result<void> failed = failure{errc::removed, "unlink"};
  EXPECT_TRUE(failed.and_then([] { return half_of(2); }).error() == errc::removed);
}

TEST(Result, throw_system_error_without_a_hint_names_the_operation_alone) {
  try {
    throw_system_error({errc::closed, "read"});
  } catch (const std::system_error& thrown) {
    EXPECT_EQ(thrown.code(), make_error_code(errc::closed));
    EXPECT_EQ(std::string{thrown.what()}, "read: " + make_error_code(errc::closed).message());
  }
}

}  // namespace
}  // namespace sluice
