#pragma once
// Proof that code makes no system call: with any other than exit(2) the kernel kills the process.

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstddef>

#include "support/child.hpp"

namespace sluice::test {

/// From now on any system call but the end of the thread kills this process by SIGSYS.
inline void forbid_system_calls() {
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

/// Runs `prepare()`, and then what it returns, a bool(), without system calls, in a child.
template <class Prepare>
void expect_no_system_calls(Prepare prepare) {
  child strict{[&] {
    auto body = prepare();
    forbid_system_calls();
    const bool good = body();
    ::syscall(SYS_exit, good ? 0 : 1);
  }};
  const exit_status end = strict.wait();
  EXPECT_EQ(end.signal, 0) << "it made a system call";
  EXPECT_EQ(end.code, 0);
}

}  // namespace sluice::test
