#include <gtest/gtest.h>
#include <linux/futex.h>

#include <chrono>
#include <new>
#include <sluice/os/memory_map.hpp>
#include <sluice/primitive/mutex.hpp>

#include "support/asleep.hpp"
#include "support/forbidden_system_calls.hpp"

namespace {

using namespace sluice;
using namespace std::chrono_literals;

TEST(MutexSystemCalls, are_none_while_nobody_contends) {
  auto memory = memory_map::create_anonymous(sizeof(mutex)).value();
  auto& lock = *new (memory.writable_bytes().data()) mutex;
  test::expect_no_system_calls([&] {
    return [&] {
      bool good = true;
      for (int round = 0; round < 1'000; ++round) {
        good &= lock.acquire().has_value();
        good &= lock.release().has_value();
        good &= lock.acquire(1s).has_value();
        lock.unlock();
        lock.lock();
        lock.unlock();
        good &= lock.try_lock();
        lock.unlock();
      }
      return good;
    };
  });
}

// Who waits would look again by itself, later; so it is the call that is looked at: a futex that is
// private to a process is woken by nobody outside of it.
void forbid_private_futexes() {
  std::array<sock_filter, 6> program{{
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, SYS_futex},
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, args[1])},
      {BPF_JMP | BPF_JSET | BPF_K, 0, 1, FUTEX_PRIVATE_FLAG},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
  }};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}

TEST(MutexSystemCalls, of_who_waits_are_those_that_another_process_can_wake) {
  auto memory = memory_map::create_anonymous(sizeof(mutex)).value();
  auto& lock = *new (memory.writable_bytes().data()) mutex;
  ASSERT_TRUE(lock.acquire());
  test::child waiter{[&] {
    forbid_private_futexes();
    EXPECT_TRUE(lock.acquire(deadline{test::patience}));
    lock.unlock();
  }};
  test::wait_until_asleep(waiter.id());
  lock.unlock();
  const auto end = waiter.wait();
  EXPECT_EQ(end.signal, 0);
  EXPECT_EQ(end.code, 0);
}

}  // namespace
