#include "support/watchdog.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "support/child.hpp"

namespace {

using namespace sluice::test;
using namespace std::chrono_literals;

// Runs `hang` in a child with a group of its own, below a watchdog of 50 ms that must end it.
// Returns what the child wrote to its standard error.
std::string killed_by_watchdog(const std::function<void()>& hang) {
  std::array<int, 2> ends{};
  EXPECT_EQ(::pipe(ends.data()), 0);
  child victim{[&] {
    ::setpgid(0, 0);
    ::dup2(ends[1], STDERR_FILENO);
    const watchdog guard{"The.test_that_hangs", 50ms};
    hang();
  }};
  ::close(ends[1]);
  EXPECT_EQ(victim.wait().signal, SIGKILL);
  std::string words(512, '\0');
  const ssize_t got = ::read(ends[0], words.data(), words.size());
  words.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  ::close(ends[0]);
  return words;
}

TEST(Watchdog, kills_a_test_that_hangs_and_says_which) {
  const std::string words = killed_by_watchdog([] {
    for (;;) ::pause();
  });
  EXPECT_NE(words.find("The.test_that_hangs"), std::string::npos) << words;
}

TEST(Watchdog, kills_a_test_that_blocks_every_signal) {
  const std::string words = killed_by_watchdog([] {
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, nullptr);
    for (;;) ::pause();
  });
  EXPECT_EQ(words, "");
}

TEST(Watchdog, kills_the_children_of_the_test_with_it) {
  // The grandchild has the only other writing end: the end of the pipe tells that it is dead.
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  static_cast<void>(killed_by_watchdog([&] {
    if (::fork() == 0)
      for (;;) ::pause();
    for (;;) ::pause();
  }));
  ::close(ends[1]);
  char letter = 0;
  EXPECT_EQ(::read(ends[0], &letter, 1), 0);
  ::close(ends[0]);
}

TEST(Watchdog, lets_a_test_live_that_ends_in_time) {
  child quick{[] {
    ::setpgid(0, 0);
    { const watchdog guard{"quick", 1ms * 200}; }
    // Longer than the deadline of the watchdog that is gone.
    const timespec longer{.tv_sec = 0, .tv_nsec = 300'000'000};
    ::nanosleep(&longer, nullptr);
  }};
  quick.wait_success();
}

}  // namespace
