#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <new>
#include <sluice/os/memory_map.hpp>
#include <sluice/primitive/mutex.hpp>

#include "support/child.hpp"

namespace {

using namespace sluice;
using namespace std::chrono_literals;
using test::child;

// From now on any system call but the end of the thread kills this process by SIGSYS.
void forbid_system_calls() {
  std::array<sock_filter, 4> program{{
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(seccomp_data, nr)},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_exit},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
      {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS},
  }};
  const sock_fprog filter{.len = program.size(), .filter = program.data()};
  ASSERT_EQ(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}

TEST(MutexSystemCalls, are_none_while_nobody_contends) {
  auto memory = memory_map::create_anonymous(sizeof(mutex)).value();
  auto& lock = *new (memory.writable_bytes().data()) mutex;
  child strict{[&] {
    forbid_system_calls();
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
    ::syscall(SYS_exit, good ? 0 : 1);
  }};
  const exit_status end = strict.wait();
  EXPECT_EQ(end.signal, 0) << "it made a system call";
  EXPECT_EQ(end.code, 0);
}

}  // namespace
