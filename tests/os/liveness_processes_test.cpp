// What others see of a holder: that it lives, stops, forks, becomes another program, or is dead.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <sluice/os/liveness.hpp>
#include <sluice/os/process.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "os/slot_file.hpp"
#include "support/child.hpp"
#include "support/shared_array.hpp"

namespace sluice {
namespace {

using test::attach;
using test::child;
using test::failed_with;
using test::patience;
using test::rendezvous;
using test::slot_file;

[[noreturn]] void pause_for_ever() {
  for (;;) ::pause();
}

// Holds a slot in a process of its own, which then runs `then`.
child holder(const unique_fd& file, std::uint32_t slot, const rendezvous& holds,
             const std::function<void()>& then = pause_for_ever) {
  child one{[&] {
    liveness mine = attach(file);
    ASSERT_TRUE(mine.try_hold(slot).value());
    holds.arrive();
    then();
  }};
  holds.wait();
  return one;
}

// Waits for what the kernel will do, and not for a time.
template <class Condition>
void wait_until(Condition&& holds) {
  for (const deadline until{patience}; !holds();) {
    ASSERT_FALSE(until.has_passed());
    ::sched_yield();
  }
}

// How many descriptors of this process lead to the file. No allocation: also for forked children.
int descriptors_of(int file) {
  constexpr int more_than_we_have = 200;
  struct stat wanted {};
  if (::fstat(file, &wanted) != 0) return -1;
  int count = 0;
  for (int fd = 0; fd < more_than_we_have; ++fd) {
    struct stat found {};
    if (::fstat(fd, &found) == 0 && found.st_ino == wanted.st_ino && found.st_dev == wanted.st_dev)
      ++count;
  }
  return count;
}

TEST(Liveness, killed_holder_is_dead_before_it_is_reaped) {
  const unique_fd file = slot_file();
  liveness watcher = attach(file);
  const rendezvous holds;
  child one = holder(file, 1, holds);
  EXPECT_FALSE(watcher.try_hold(1).value());
  one.send_signal(SIGKILL);
  ASSERT_TRUE(one.handle().wait_for_exit(deadline{patience}));  // dead, and not reaped
  EXPECT_FALSE(watcher.is_held_by_others(1).value());
  EXPECT_TRUE(watcher.try_hold(1).value());
  EXPECT_EQ(one.wait().signal, SIGKILL);
}

TEST(Liveness, stopped_holder_lives) {
  const unique_fd file = slot_file();
  liveness watcher = attach(file);
  const rendezvous holds;
  child one = holder(file, 1, holds);
  one.send_signal(SIGSTOP);
  one.wait_stopped();
  EXPECT_TRUE(watcher.is_held_by_others(1).value());
  EXPECT_FALSE(watcher.try_hold(1).value());
  one.send_signal(SIGCONT);
  one.wait_stopped(false);
  EXPECT_FALSE(watcher.try_hold(1).value());
}

TEST(Liveness, holder_in_another_pid_namespace_is_seen_to_live_and_to_die) {
  auto asked = process::fork([] { return ::unshare(CLONE_NEWPID) == 0 ? 0 : 1; });
  ASSERT_TRUE(asked);
  if (!asked->wait(deadline{patience}).value().success())
    GTEST_SKIP() << "a PID namespace may not be made here";
  const unique_fd file = slot_file();
  liveness watcher = attach(file);
  const rendezvous holds;
  child outer{[&] {
    ASSERT_EQ(::unshare(CLONE_NEWPID), 0);
    if (::fork() != 0) pause_for_ever();
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ASSERT_EQ(::getpid(), 1);
    liveness mine = attach(file);
    ASSERT_TRUE(mine.try_hold(1).value());
    holds.arrive();
    pause_for_ever();
  }};
  holds.wait();
  EXPECT_TRUE(watcher.is_held_by_others(1).value());
  outer.kill();  // and its child with it
  wait_until([&] { return watcher.try_hold(1).value(); });
}

TEST(Liveness, death_is_seen_although_a_forked_child_keeps_everything) {
  const unique_fd file = slot_file();
  liveness watcher = attach(file);
  const test::shared_array grandchild{1};
  const rendezvous holds;
  child one{[&] {
    liveness mine = attach(file);
    liveness more = attach(file);
    liveness moved{std::move(mine)};
    ASSERT_TRUE(moved.try_hold(1).value());
    ASSERT_TRUE(more.try_hold(2).value());
    const pid_t id = ::fork();
    if (id == 0) {
      holds.arrive();  // its at-fork handler has run
      pause_for_ever();
    }
    grandchild[0] = static_cast<std::uint64_t>(id);
    holds.arrive();
    pause_for_ever();
  }};
  holds.wait();
  holds.wait();
  auto keeper = process::open(static_cast<pid_t>(grandchild[0].load()));
  ASSERT_TRUE(keeper);
  EXPECT_FALSE(watcher.try_hold(1).value());
  one.kill();
  EXPECT_TRUE(watcher.try_hold(1).value());
  EXPECT_TRUE(watcher.try_hold(2).value());
  EXPECT_TRUE(failed_with(keeper->wait_for_exit(deadline::now()), std::errc::timed_out))
      << "the child that kept everything must live for this to prove anything";
  ASSERT_TRUE(keeper->send_signal(SIGKILL));
  ASSERT_TRUE(keeper->wait_for_exit(deadline{patience}));
}

TEST(Liveness, inherited_handle_refuses_and_a_new_one_works) {
  const unique_fd file = slot_file();
  liveness mine = attach(file);
  ASSERT_TRUE(mine.try_hold(1).value());
  EXPECT_FALSE(mine.is_inherited());
  child one{[&] {
    EXPECT_TRUE(mine.is_inherited());
    EXPECT_EQ(mine.native_handle(), -1);
    EXPECT_EQ(descriptors_of(file.get()), 1);
    const auto not_permitted = std::errc::operation_not_permitted;
    EXPECT_TRUE(failed_with(mine.try_hold(2), not_permitted));
    EXPECT_TRUE(failed_with(mine.let_go(1), not_permitted));
    EXPECT_TRUE(failed_with(mine.is_held_by_others(1), not_permitted));
    EXPECT_TRUE(failed_with(mine.check(), not_permitted));
    const auto refused = mine.check();
    ASSERT_FALSE(refused);
    EXPECT_STRNE(refused.error().hint(), "");
    liveness own = attach(file);
    EXPECT_FALSE(own.is_inherited());
    EXPECT_FALSE(own.try_hold(1).value()) << "the parent's";
    EXPECT_TRUE(own.try_hold(2).value());
    mine = std::move(own);
    EXPECT_TRUE(mine.check());
    child grandchild{[&] { EXPECT_TRUE(mine.is_inherited()); }};
    grandchild.wait_success();
    EXPECT_FALSE(mine.is_inherited());
  }};
  one.wait_success();
  EXPECT_FALSE(mine.is_inherited());
  EXPECT_TRUE(mine.check());
  EXPECT_FALSE(attach(file).try_hold(1).value()) << "the child gave nothing of ours away";
}

TEST(Liveness, child_made_by_clone_itself_takes_no_slot_away) {
  const unique_fd file = slot_file();
  liveness watcher = attach(file);
  auto mine = liveness::open(file.get());
  ASSERT_TRUE(mine);
  ASSERT_TRUE(mine->try_hold(1).value());
  const long id = ::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  ASSERT_GE(id, 0);
  if (id == 0) {
    const bool refused = failed_with(mine->let_go(1), std::errc::operation_not_permitted);
    mine = failure{std::errc::invalid_argument, "test"};
    ::_exit(refused ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(static_cast<pid_t>(id), &status, 0), id);
  EXPECT_EQ(status, 0) << "it was not refused";
  EXPECT_TRUE(watcher.is_held_by_others(1).value());
  EXPECT_TRUE(mine->check());
}

TEST(Liveness, slot_outlives_the_thread_that_took_it) {
  const unique_fd file = slot_file();
  liveness watcher = attach(file);
  liveness mine = attach(file);
  std::thread{[&] { EXPECT_TRUE(mine.try_hold(1).value()); }}.join();
  EXPECT_FALSE(watcher.try_hold(1).value());
}

TEST(Liveness, holder_that_calls_exec_is_gone_and_leaks_nothing) {
  const unique_fd file = slot_file();
  liveness watcher = attach(file);
  const rendezvous holds;
  child one = holder(file, 1, holds, [] { ::execlp("sleep", "sleep", "1000", nullptr); });
  wait_until([&] { return watcher.try_hold(1).value(); });
  EXPECT_TRUE(failed_with(one.handle().wait_for_exit(deadline::now()), std::errc::timed_out))
      << "it must live, as another program";
  const auto folder = "/proc/" + std::to_string(one.id()) + "/fd";
  for (const auto& entry : std::filesystem::directory_iterator{folder})
    EXPECT_THAT(std::filesystem::read_symlink(entry).string(),
                testing::Not(testing::HasSubstr("slots")));
}

TEST(Liveness, threads_that_open_and_drop_handles_leave_nothing_to_forked_children) {
  constexpr int forks = 60;
  const unique_fd file = slot_file();
  const liveness early = attach(file);  // the at-fork handler is there from the first one on
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;
  for (std::uint32_t slot = 0; slot < 3; ++slot)
    threads.emplace_back([&, slot] {
      while (!stop) {
        liveness one = attach(file);
        EXPECT_TRUE(one.try_hold(slot).value());
        liveness other{std::move(one)};
        EXPECT_FALSE(other.is_inherited());
      }
    });
  for (int round = 0; round < forks; ++round) {
    auto forked = process::fork(
        [&] { return early.is_inherited() && descriptors_of(file.get()) == 1 ? 0 : 1; });
    ASSERT_TRUE(forked);
    EXPECT_TRUE(forked->wait(deadline{patience}).value().success()) << "round " << round;
  }
  stop = true;
  for (std::thread& one : threads) one.join();
}

}  // namespace
}  // namespace sluice
