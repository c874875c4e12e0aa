// System calls of liveness: how many there are, and what is said where one is missing.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cerrno>
#include <sluice/os/liveness.hpp>
#include <string_view>
#include <thread>

#include "fault/failing_syscall.hpp"
#include "os/syscall_futex.hpp"
#include "os/syscall_liveness.hpp"
#include "support/asleep.hpp"

namespace sluice::test {
namespace {

unique_fd memory() { return unique_fd{::memfd_create("slots", MFD_CLOEXEC)}; }

bool contains(const char* text, std::string_view part) {
  return std::string_view{text}.find(part) != std::string_view::npos;
}

TEST(LivenessCalls, whether_it_is_inherited_costs_none) {
  const unique_fd file = memory();
  const liveness mine = liveness::open(file.get()).value();
  const fault_plan plan;
  for (int again = 0; again < 100; ++again) EXPECT_FALSE(mine.is_inherited());
  EXPECT_EQ(plan.calls(), 0u);
}

TEST(LivenessCalls, asking_for_another_is_one) {
  const unique_fd file = memory();
  const liveness mine = liveness::open(file.get()).value();
  const fault_plan plan;
  EXPECT_FALSE(mine.is_held_by_others(1).value());
  EXPECT_EQ(plan.calls(), 1u);
}

// F48: no /proc.
TEST(LivenessCalls, opening_without_proc_says_what_is_needed) {
  const unique_fd file = memory();
  const fault_plan plan{{.calls = {SYS_openat}, .error_number = ENOENT}};
  auto made = liveness::open(file.get());
  ASSERT_FALSE(made);
  EXPECT_TRUE(made.error() == std::errc::no_such_file_or_directory);
  EXPECT_TRUE(contains(made.error().hint(), "/proc")) << made.error().message();
}

TEST(LivenessCalls, where_no_locks_are_kept_it_is_said) {
  const unique_fd file = memory();
  liveness mine = liveness::open(file.get()).value();
  const fault_plan plan{{.calls = {SYS_fcntl}, .error_number = ENOLCK}};
  auto held = mine.try_hold(1);
  ASSERT_FALSE(held);
  EXPECT_TRUE(contains(held.error().hint(), "locks")) << held.error().message();
}

// F48: who asks for barriers is told that there are none, and fences instead.
TEST(LivenessCalls, barriers_that_a_sandbox_refuses_are_refused) {
  for (const int number : {ENOSYS, EPERM, EINVAL}) {
    const fault_plan plan{{.calls = {SYS_membarrier}, .error_number = number}};
    for (const auto& refused : {syscall::register_for_barriers(), syscall::barrier_for_all()}) {
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error().code().value(), number);
    }
  }
}

TEST(LivenessCalls, waking_one_wakes_one) {
  std::atomic<std::uint32_t> word{0};
  std::atomic<int> woken{0};
  std::atomic<pid_t> sleepers[2]{};
  const auto sleep = [&](std::atomic<pid_t>& self) {
    self = this_thread_id();
    EXPECT_TRUE(syscall::futex_wait(word, 0, deadline::never()));
    ++woken;
  };
  std::thread first{sleep, std::ref(sleepers[0])};
  std::thread second{sleep, std::ref(sleepers[1])};
  for (const auto& one : sleepers) {
    while (one == 0) std::this_thread::yield();
    wait_until_asleep(one);
  }
  EXPECT_TRUE(syscall::futex_wake_one(word));
  while (woken == 0) std::this_thread::yield();
  EXPECT_TRUE(syscall::futex_wake_one(word)) << "the second one slept on";
  first.join();
  second.join();
  EXPECT_FALSE(syscall::futex_wake_one(word)) << "nobody sleeps";
}

}  // namespace
}  // namespace sluice::test
