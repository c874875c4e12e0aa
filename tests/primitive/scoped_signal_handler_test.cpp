#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <sluice/primitive/scoped_signal_handler.hpp>
#include <utility>

#include "support/another_user.hpp"
#include "support/child.hpp"

namespace sluice {
namespace {

using test::child;

std::atomic<int> first_calls{0};
std::atomic<int> second_calls{0};
void first(int) { ++first_calls; }
void second(int) { ++second_calls; }

class ScopedSignalHandler : public ::testing::Test {
 protected:
  void SetUp() override { first_calls = second_calls = 0; }
};

TEST_F(ScopedSignalHandler, calls_the_function_until_the_scope_ends) {
  {
    auto scope = scoped_signal_handler::call(SIGUSR1, first);
    ASSERT_TRUE(scope) << scope.error().message();
    EXPECT_EQ(scope->number(), SIGUSR1);
    ::raise(SIGUSR1);
    ::raise(SIGUSR1);
    EXPECT_EQ(first_calls, 2);
  }
  struct sigaction now {};
  ::sigaction(SIGUSR1, nullptr, &now);
  EXPECT_EQ(now.sa_handler, SIG_DFL);
}

TEST_F(ScopedSignalHandler, nests_and_restores_each_in_turn) {
  auto outer = scoped_signal_handler::call(SIGUSR1, first);
  {
    auto middle = scoped_signal_handler::ignore(SIGUSR1);
    ASSERT_TRUE(middle);
    {
      auto inner = scoped_signal_handler::call(SIGUSR1, second);
      ASSERT_TRUE(inner);
      ::raise(SIGUSR1);
      EXPECT_EQ(second_calls, 1);
    }
    ::raise(SIGUSR1);
  }
  EXPECT_EQ(first_calls, 0);
  ::raise(SIGUSR1);
  EXPECT_EQ(first_calls, 1);
  EXPECT_EQ(second_calls, 1);
}

TEST_F(ScopedSignalHandler, restores_exactly_what_was_there) {
  struct sigaction foreign {};
  foreign.sa_sigaction = [](int, siginfo_t*, void*) { ++second_calls; };
  foreign.sa_flags = SA_SIGINFO | SA_NODEFER;
  ::sigaddset(&foreign.sa_mask, SIGUSR2);
  struct sigaction before {};
  ::sigaction(SIGUSR1, &foreign, &before);
  { auto scope = scoped_signal_handler::ignore(SIGUSR1); }
  struct sigaction after {};
  ::sigaction(SIGUSR1, &before, &after);
  EXPECT_EQ(after.sa_sigaction, foreign.sa_sigaction);
  EXPECT_EQ(after.sa_flags & (SA_SIGINFO | SA_NODEFER), SA_SIGINFO | SA_NODEFER);
  EXPECT_EQ(::sigismember(&after.sa_mask, SIGUSR2), 1);
}

TEST_F(ScopedSignalHandler, ignoring_takes_the_effect_away_for_the_scope_only) {
  child victim{[] {
    {
      auto scope = scoped_signal_handler::ignore(SIGTERM);
      ASSERT_TRUE(scope);
      ::raise(SIGTERM);
    }
    ::raise(SIGTERM);
    ADD_FAILURE() << "SIGTERM is still ignored";
  }};
  EXPECT_EQ(victim.wait().signal, SIGTERM);
}

TEST_F(ScopedSignalHandler, the_default_comes_back_for_a_scope) {
  auto outer = scoped_signal_handler::call(SIGTERM, first);
  child victim{[] {
    auto scope = scoped_signal_handler::restore_default(SIGTERM);
    ASSERT_TRUE(scope);
    ::raise(SIGTERM);
  }};
  EXPECT_EQ(victim.wait().signal, SIGTERM);
  ::raise(SIGTERM);
  EXPECT_EQ(first_calls, 1);
}

TEST_F(ScopedSignalHandler, a_moved_scope_restores_once) {
  auto outer = scoped_signal_handler::call(SIGUSR1, first);
  {
    auto made = scoped_signal_handler::call(SIGUSR1, second);
    ASSERT_TRUE(made);
    { const scoped_signal_handler moved = std::move(*made); }
    ::raise(SIGUSR1);
    EXPECT_EQ(first_calls, 1);
    ::raise(SIGUSR1);
  }
  EXPECT_EQ(first_calls, 2);
  EXPECT_EQ(second_calls, 0);
}

TEST_F(ScopedSignalHandler, system_calls_that_it_interrupts_go_on) {
  auto scope = scoped_signal_handler::call(SIGUSR1, first);
  std::array<int, 2> fds{};
  ASSERT_EQ(::pipe(fds.data()), 0);
  // Strikes again and again until the reader must have been struck while it slept: only after a
  // handled signal does the byte come.
  child striker{[&] {
    for (int i = 0; i < 50; ++i) {
      ::kill(::getppid(), SIGUSR1);
      ::usleep(200);
    }
    EXPECT_EQ(::write(fds[1], "x", 1), 1);
  }};
  char byte = 0;
  EXPECT_EQ(::read(fds[0], &byte, 1), 1);
  striker.wait_success();
  EXPECT_GT(first_calls, 0);
  ::close(fds[0]);
  ::close(fds[1]);
}

void expect_that_bad_input_is_refused() {
  const auto refused = [](const result<scoped_signal_handler>& made) {
    return !made && made.error() == std::errc::invalid_argument && *made.error().hint() != '\0';
  };
  for (int number : {SIGKILL, SIGSTOP, 0, -1, 32, 33, 65, 1000}) {
    EXPECT_TRUE(refused(scoped_signal_handler::call(number, first))) << number;
    EXPECT_TRUE(refused(scoped_signal_handler::ignore(number))) << number;
    EXPECT_TRUE(refused(scoped_signal_handler::restore_default(number))) << number;
  }
  EXPECT_TRUE(refused(scoped_signal_handler::call(SIGUSR1, nullptr)));
  EXPECT_TRUE(refused(scoped_signal_handler::call(SIGUSR1, SIG_IGN)));
}

TEST_F(ScopedSignalHandler, refuses_what_cannot_be_changed) { expect_that_bad_input_is_refused(); }

TEST_F(ScopedSignalHandler, needs_no_privilege) {
  if (!test::may_change_user()) GTEST_SKIP() << "becoming another user needs root";
  test::as_nobody([] {
    auto scope = scoped_signal_handler::call(SIGUSR1, first);
    ASSERT_TRUE(scope);
    ::raise(SIGUSR1);
    EXPECT_EQ(first_calls, 1);
    expect_that_bad_input_is_refused();
  });
}

}  // namespace
}  // namespace sluice
