#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <optional>
#include <sluice/os/process.hpp>
#include <sluice/primitive/scoped_signal_handler.hpp>
#include <sluice/primitive/scoped_signal_mask.hpp>
#include <string>
#include <thread>
#include <utility>

#include "support/child.hpp"
#include "support/program_output.hpp"

namespace sluice {
namespace {

using test::child;

signal_set blocked() { return scoped_signal_mask::current().value(); }

TEST(ScopedSignalMask, nests_and_restores_each_in_turn) {
  const signal_set before = blocked();
  {
    auto outer = scoped_signal_mask::block({SIGUSR1, SIGUSR2});
    ASSERT_TRUE(outer);
    EXPECT_EQ(outer->before(), before);
    EXPECT_EQ(blocked(), before | signal_set({SIGUSR1, SIGUSR2}));
    {
      auto inner = scoped_signal_mask::unblock({SIGUSR2, SIGHUP});
      ASSERT_TRUE(inner);
      EXPECT_EQ(blocked(), before | signal_set{SIGUSR1});
    }
    EXPECT_EQ(blocked(), before | signal_set({SIGUSR1, SIGUSR2}));
  }
  EXPECT_EQ(blocked(), before);
}

TEST(ScopedSignalMask, what_came_meanwhile_has_its_effect_when_the_scope_ends) {
  child victim{[] {
    {
      auto scope = scoped_signal_mask::block({SIGTERM});
      ASSERT_TRUE(scope);
      ::raise(SIGTERM);
    }
    ADD_FAILURE() << "SIGTERM was lost";
  }};
  EXPECT_EQ(victim.wait().signal, SIGTERM);
}

TEST(ScopedSignalMask, what_came_meanwhile_is_dropped_where_it_is_ignored) {
  child survivor{[] {
    auto ignored = scoped_signal_handler::ignore(SIGRTMIN);
    auto scope = scoped_signal_mask::block({SIGRTMIN});
    ::raise(SIGRTMIN);
  }};
  survivor.wait_success();
}

TEST(ScopedSignalMask, threads_started_inside_inherit_it) {
  auto scope = scoped_signal_mask::block({SIGUSR1});
  signal_set seen;
  std::thread{[&seen] { seen = blocked(); }}.join();
  EXPECT_TRUE(seen.contains(SIGUSR1));
}

TEST(ScopedSignalMask, concerns_one_thread_alone) {
  signal_set seen;
  std::thread{[&seen] {
    auto scope = scoped_signal_mask::block({SIGUSR1});
    seen = blocked();
  }}.join();
  EXPECT_TRUE(seen.contains(SIGUSR1));
  EXPECT_FALSE(blocked().contains(SIGUSR1));
}

TEST(ScopedSignalMask, a_moved_scope_restores_once) {
  auto outer = scoped_signal_mask::block({SIGUSR1});
  std::optional<scoped_signal_mask> again;
  {
    auto made = scoped_signal_mask::block({SIGUSR2});
    ASSERT_TRUE(outer && made);
    { const scoped_signal_mask moved = std::move(*made); }
    EXPECT_FALSE(blocked().contains(SIGUSR2));
    again.emplace(std::move(*scoped_signal_mask::block({SIGUSR2})));
  }
  EXPECT_TRUE(blocked().contains(SIGUSR2));
}

TEST(ScopedSignalMask, never_blocks_what_must_not_be_blocked) {
  auto scope = scoped_signal_mask::block(signal_set::all());
  ASSERT_TRUE(scope);
  EXPECT_FALSE(blocked().contains(SIGKILL) || blocked().contains(SIGSTOP));
  for (int kept = 32; kept < SIGRTMIN; ++kept) EXPECT_FALSE(blocked().contains(kept)) << kept;
  EXPECT_TRUE(blocked().contains(SIGRTMIN) && blocked().contains(SIGRTMAX));
}

// F35: what we block and ignore is nothing that a program we start should find.
TEST(ScopedSignalMask, a_spawned_program_starts_with_nothing_blocked_ignored_or_pending) {
  auto ignored = scoped_signal_handler::ignore(SIGINT);
  auto also_ignored = scoped_signal_handler::ignore(SIGPIPE);
  auto scope = scoped_signal_mask::block(signal_set::all());
  ::raise(SIGUSR1);
  const std::string status = test::output_of({"grep", "^S[ih][gd]...:", "/proc/self/status"});
  for (const char* field : {"SigPnd:", "ShdPnd:", "SigBlk:", "SigIgn:"}) {
    const std::size_t at = status.find(field);
    ASSERT_NE(at, status.npos) << field;
    EXPECT_EQ(std::stoull(status.substr(at + 7), nullptr, 16), 0U) << status;
  }
  sigset_t mine;
  ::sigemptyset(&mine);
  ::sigaddset(&mine, SIGUSR1);
  int taken = 0;
  EXPECT_EQ(::sigwait(&mine, &taken), 0);
}

// F35: the mask survives an exec that we have no hand in; this is why spawn clears it.
TEST(ScopedSignalMask, a_plain_exec_keeps_it) {
  auto scope = scoped_signal_mask::block({SIGUSR1});
  child program{[] {
    ::execlp("grep", "grep", "-q", "SigBlk:.*200$", "/proc/self/status", nullptr);
    ADD_FAILURE() << "exec failed";
  }};
  EXPECT_EQ(program.wait().code, 0);
}

}  // namespace
}  // namespace sluice
