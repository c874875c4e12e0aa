// A process held by its pidfd: forked, opened, signalled, waited for.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <sluice/os/process.hpp>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "support/child.hpp"
#include "support/signal_storm.hpp"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::child;
using test::patience;
using test::rendezvous;

static_assert(!std::is_copy_constructible_v<process>);
static_assert(std::is_nothrow_move_constructible_v<process>);

int pause_for_ever() {
  for (;;) ::pause();
}

// A child that only a signal ends.
process sleeper() { return process::fork(pause_for_ever).value(); }

void end(process& one) {
  ASSERT_TRUE(one.send_signal(SIGKILL));
  ASSERT_TRUE(one.wait());
}

bool is_readable(int fd) {
  pollfd watched{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&watched, 1, 0) == 1;
}

TEST(Process, forked_runs_the_body_and_ends_with_its_value) {
  for (const int value : {0, 1, 255}) {
    auto forked = process::fork([value] { return value; });
    ASSERT_TRUE(forked);
    EXPECT_EQ(forked->wait().value(), (exit_status{.code = value, .signal = 0}));
  }
}

TEST(Process, forked_runs_no_handlers_of_the_parent_at_its_end) {
  auto forked = process::fork([] {
    std::atexit([] { ::_exit(77); });
    return 3;
  });
  ASSERT_TRUE(forked);
  EXPECT_EQ(forked->wait().value().code, 3);
}

TEST(Process, forked_ends_by_sigabrt_when_an_exception_leaves_the_body) {
  auto forked = process::fork([]() -> int {
    // The message about it is of no interest here.
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    ::dup2(nowhere, STDERR_FILENO);
    throw std::runtime_error{"out of the body"};
  });
  ASSERT_TRUE(forked);
  EXPECT_EQ(forked->wait().value().signal, SIGABRT);
}

TEST(Process, descriptor_closes_on_exec_and_is_readable_once_it_is_dead) {
  process one = sleeper();
  EXPECT_EQ(::fcntl(one.native_handle(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  EXPECT_FALSE(is_readable(one.native_handle()));
  ASSERT_TRUE(one.send_signal(SIGKILL));
  ASSERT_TRUE(one.wait_for_exit(deadline{patience}));
  EXPECT_TRUE(is_readable(one.native_handle()));
  ASSERT_TRUE(one.wait());
}

// F14: dead is dead, reaped or not.
TEST(Process, that_is_an_unreaped_zombie_is_dead) {
  auto forked = process::fork([] { return 5; });
  ASSERT_TRUE(forked);
  EXPECT_TRUE(forked->wait_for_exit(deadline{patience}));
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(forked->id()), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(info.si_pid, forked->id()) << "it was reaped by a wait that should only look";
  EXPECT_TRUE(forked->wait_for_exit(deadline::now()));
  EXPECT_EQ(forked->wait().value().code, 5);
}

// F12: who merely stops is never taken for dead.
TEST(Process, that_is_stopped_lives) {
  process one = sleeper();
  ASSERT_TRUE(one.send_signal(SIGSTOP));
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(one.id()), &info, WSTOPPED), 0);
  auto dead = one.wait_for_exit(5ms);
  ASSERT_FALSE(dead);
  EXPECT_TRUE(dead.error() == std::errc::timed_out);
  EXPECT_TRUE(one.wait(5ms).error() == std::errc::timed_out);
  end(one);
}

TEST(Process, waited_for_twice_tells_the_same) {
  auto forked = process::fork([] { return 9; });
  ASSERT_TRUE(forked);
  EXPECT_EQ(forked->wait().value().code, 9);
  EXPECT_EQ(forked->wait().value().code, 9);
  EXPECT_EQ(forked->wait(deadline::now()).value().code, 9);
}

TEST(Process, that_lives_lets_the_wait_time_out) {
  process one = sleeper();
  auto waited = one.wait(deadline::now());
  ASSERT_FALSE(waited);
  EXPECT_TRUE(waited.error() == std::errc::timed_out);
  EXPECT_TRUE(one.wait_for_exit(1ms).error() == std::errc::timed_out);
  end(one);
}

TEST(Process, gets_the_signal_that_was_sent) {
  process one = sleeper();
  EXPECT_TRUE(one.send_signal(0)) << "0 only asks";
  ASSERT_TRUE(one.send_signal(SIGUSR2));
  EXPECT_EQ(one.wait().value(), (exit_status{.code = 0, .signal = SIGUSR2}));
}

TEST(Process, refuses_a_signal_that_does_not_exist) {
  process one = sleeper();
  for (const int number : {-1, 65, 1000}) {
    auto sent = one.send_signal(number);
    ASSERT_FALSE(sent) << number;
    EXPECT_TRUE(sent.error() == std::errc::invalid_argument);
  }
  end(one);
}

// The point of the pidfd: the number may be another's by now, the handle never is.
TEST(Process, that_was_reaped_gets_no_signal_any_more) {
  process one = sleeper();
  end(one);
  auto sent = one.send_signal(SIGKILL);
  ASSERT_FALSE(sent);
  EXPECT_TRUE(sent.error() == std::errc::no_such_process);
  EXPECT_TRUE(one.wait_for_exit(deadline::now()));
}

TEST(Process, that_is_a_stranger_can_be_opened_and_watched_but_not_reaped) {
  child stranger{[] { pause_for_ever(); }};
  const pid_t id = stranger.id();
  child watcher{[id] {
    auto seen = process::open(id);
    ASSERT_TRUE(seen);
    EXPECT_EQ(seen->id(), id);
    EXPECT_TRUE(seen->wait_for_exit(1ms).error() == std::errc::timed_out);
    ASSERT_TRUE(seen->send_signal(SIGKILL));
    EXPECT_TRUE(seen->wait_for_exit(deadline{patience}));
    auto status = seen->wait();
    ASSERT_FALSE(status);
    EXPECT_TRUE(status.error() == std::errc::no_child_process) << status.error().message();
  }};
  watcher.wait_success();
  EXPECT_EQ(stranger.wait().signal, SIGKILL);
}

TEST(Process, that_does_not_exist_cannot_be_opened) {
  process gone = sleeper();
  end(gone);
  auto opened = process::open(gone.id());
  ASSERT_FALSE(opened);
  EXPECT_TRUE(opened.error() == std::errc::no_such_process);
  for (const pid_t id : {0, -1, -1000})
    EXPECT_TRUE(process::open(id).error() == std::errc::invalid_argument) << id;
}

TEST(Process, reaped_by_somebody_else_says_so) {
  auto forked = process::fork([] { return 0; });
  ASSERT_TRUE(forked);
  ASSERT_EQ(::waitpid(forked->id(), nullptr, 0), forked->id());
  auto waited = forked->wait();
  ASSERT_FALSE(waited);
  EXPECT_TRUE(waited.error() == std::errc::no_child_process);
}

// Then the kernel reaps, and how the child ended is told to nobody.
TEST(Process, is_seen_to_end_also_where_sigchld_is_ignored) {
  child parent{[] {
    ::signal(SIGCHLD, SIG_IGN);
    const rendezvous go;
    auto forked = process::fork([&] {
      go.wait();
      return 4;
    });
    ASSERT_TRUE(forked);
    go.arrive();
    EXPECT_TRUE(forked->wait_for_exit(deadline{patience}));
    auto status = forked->wait();
    ASSERT_FALSE(status);
    EXPECT_TRUE(status.error() == std::errc::no_child_process);
  }};
  parent.wait_success();
}

// F24: a storm of signals neither shortens nor lengthens a wait.
TEST(Process, is_waited_for_through_a_storm_of_signals) {
  const rendezvous go;
  auto forked = process::fork([&] {
    go.wait();
    return 6;
  });
  ASSERT_TRUE(forked);
  {
    const test::signal_storm storm;
    const deadline until{20ms};
    EXPECT_TRUE(forked->wait(until).error() == std::errc::timed_out);
    EXPECT_TRUE(until.has_passed());
    go.arrive();
    EXPECT_EQ(forked->wait(deadline{patience}).value().code, 6);
    EXPECT_GT(test::signal_storm::strikes(), 0);
  }
}

TEST(Process, is_neither_ended_nor_reaped_by_dropping_the_handle) {
  pid_t id = 0;
  { id = sleeper().id(); }
  auto again = process::open(id);
  ASSERT_TRUE(again);
  EXPECT_FALSE(is_readable(again->native_handle()));
  end(*again);
}

TEST(Process, handle_can_be_released) {
  process one = sleeper();
  const pid_t id = one.id();
  const unique_fd handle = std::move(one).release_handle();
  EXPECT_FALSE(is_readable(handle.get()));
  ASSERT_EQ(::kill(id, SIGKILL), 0);
  ASSERT_EQ(::waitpid(id, nullptr, 0), id);
  EXPECT_TRUE(is_readable(handle.get()));
}

}  // namespace
}  // namespace sluice
