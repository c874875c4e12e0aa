// Every system call of every scenario fails once, with every errno that it might report, and
// nothing may be left of it: F24, F41, F48.

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <cerrno>
#include <map>
#include <string>
#include <string_view>

#include "fault/scenario.hpp"
#include "support/leftovers.hpp"

namespace sluice::test {
namespace {

// What error::operation() begins with when the call with this number failed.
const std::map<long, std::string_view> operation_names{
    {SYS_openat, "openat"},
    {SYS_fcntl, "fcntl("},
    {SYS_flock, "flock"},
    {SYS_read, "read"},
    {SYS_preadv2, "read"},
    {SYS_write, "write"},
    {SYS_write, "write"},
    {SYS_writev, "write"},
    {SYS_pwritev2, "write"},
    {SYS_ppoll, "poll"},
    {SYS_pipe2, "pipe2"},
    {SYS_fstat, "fstat"},
    {SYS_lseek, "lseek"},
    {SYS_membarrier, "membarrier"},
    {SYS_newfstatat, "fstatat"},
    {SYS_mknodat, "mkfifoat"},
    {SYS_mkdirat, "mkdirat"},
    {452, "fchmodat"},  // fchmodat2, newer than the headers
    {SYS_fchmodat, "fchmodat"},
    {SYS_unlinkat, "unlinkat"},
    {SYS_renameat2, "renameat2"},
    {SYS_linkat, "renameat2"},
    {SYS_readlinkat, "readlinkat"},
    {SYS_memfd_create, "memfd_create"},
    {SYS_fallocate, "fallocate"},
    {SYS_mmap, "mmap"},
    {SYS_eventfd2, "eventfd"},
    {SYS_pidfd_open, "pidfd_open"},
    {SYS_pidfd_send_signal, "pidfd_send_signal"},
    {SYS_rt_sigqueueinfo, "rt_sigqueueinfo"},
    {SYS_rt_tgsigqueueinfo, "rt_tgsigqueueinfo"},
    {SYS_kill, "kill"},
    {SYS_signalfd4, "signalfd"},
    {SYS_epoll_create1, "epoll_create1"},
    {SYS_epoll_ctl, "epoll_ctl"},
    {SYS_epoll_pwait, "epoll_pwait"},
    {SYS_epoll_pwait2, "epoll_pwait"},
    {SYS_socket, "socket"},
    {SYS_bind, "bind"},
    {SYS_sendto, "sendto"},
    {SYS_recvfrom, "recvfrom"},
    {SYS_sendmsg, "sendmsg"},
    {SYS_recvmsg, "recvmsg"},
    {SYS_socketpair, "socketpair"},
    {SYS_listen, "listen"},
    {SYS_accept4, "accept4"},
    {SYS_connect, "connect"},
    {SYS_shutdown, "shutdown"},
    {SYS_getsockname, "getsockname"},
    {SYS_getpeername, "getpeername"},
    {SYS_getsockopt, "getsockopt"},
    {SYS_setsockopt, "setsockopt"},
    {SYS_timerfd_create, "timerfd_create"},
    {SYS_timerfd_settime, "timerfd_settime"},
    {SYS_waitid, "waitid"},
    {SYS_getrandom, "getrandom"},
    {SYS_msgctl, "msgctl"},
    {SYS_shmctl, "shmctl"},
    {SYS_semctl, "semctl"},
    {SYS_fstatfs, "fstatfs"},
    {SYS_madvise, "madvise"},
    {SYS_shmget, "shmget"},
    {SYS_shmat, "shmat"},
    {SYS_msgget, "msgget"},
    {SYS_msgsnd, "msgsnd"},
    {SYS_msgrcv, "msgrcv"},
    {SYS_mq_open, "mq_open"},
    {SYS_mq_unlink, "mq_unlink"},
    {SYS_mq_getsetattr, "mq_getattr"},
    {SYS_mq_timedsend, "mq_timedsend"},
    {SYS_mq_timedreceive, "mq_timedreceive"},
    {SYS_prlimit64, "getrlimit"},
    {SYS_futex, "futex"},
    {SYS_semget, "semget"},
    {SYS_semtimedop, "semop"},
};

std::string_view operation_of(long number) {
  const auto found = operation_names.find(number);
  return found == operation_names.end() ? std::string_view{"unknown call"} : found->second;
}

class Sweep : public testing::TestWithParam<scenario> {
 protected:
  struct outcome {
    bool struck;
    bool failed;
  };

  // Runs the scenario once and compares before and after.
  outcome run(std::vector<fault> faults, int error_number) {
    const process_state before = process_state::now();
    struck_step step{std::move(faults)};
    GetParam().run(step);
    EXPECT_TRUE(step.has_run());
    for (const std::string& difference : leftovers(before, process_state::now()))
      ADD_FAILURE() << difference;
    if (step.failed()) {
      EXPECT_EQ(step.failed()->code().value(), error_number) << step.failed()->message();
      const std::string_view operation = step.failed()->operation();
      // A hard link replaces a rename, or gives the first name.
      const bool is_link = step.first_struck() == SYS_linkat && operation == "linkat";
      EXPECT_TRUE(operation.starts_with(operation_of(step.first_struck())) || is_link)
          << step.failed()->message() << ", after system call " << step.first_struck();
    }
    return {.struck = step.struck() != 0, .failed = step.failed().has_value()};
  }

  // Fails the first call, then the second, until a run makes no further call.
  void sweep(int error_number, const std::vector<long>& calls = {}) {
    bool struck = true;
    for (std::uint64_t k = 1; struck; ++k) {
      SCOPED_TRACE(std::string{GetParam().name} + ", call " + std::to_string(k) + " fails with " +
                   std::generic_category().message(error_number));
      struck = run({{.calls = calls, .first = k, .times = 1, .error_number = error_number}},
                   error_number)
                   .struck;
      if (HasFailure()) return;  // one is enough to look at
    }
  }
};

std::string name_of(const testing::TestParamInfo<scenario>& one) {
  return std::string{one.param.name};
}
INSTANTIATE_TEST_SUITE_P(Channels, Sweep, testing::ValuesIn(channel_scenarios()), name_of);
INSTANTIATE_TEST_SUITE_P(Endpoints, Sweep, testing::ValuesIn(endpoint_scenarios()), name_of);
INSTANTIATE_TEST_SUITE_P(Signals, Sweep, testing::ValuesIn(signal_scenarios()), name_of);
INSTANTIATE_TEST_SUITE_P(Liveness, Sweep, testing::ValuesIn(liveness_scenarios()), name_of);
INSTANTIATE_TEST_SUITE_P(Memory, Sweep, testing::ValuesIn(memory_scenarios()), name_of);
INSTANTIATE_TEST_SUITE_P(Queues, Sweep, testing::ValuesIn(queue_scenarios()), name_of);
INSTANTIATE_TEST_SUITE_P(Rings, Sweep, testing::ValuesIn(ring_scenarios()), name_of);
INSTANTIATE_TEST_SUITE_P(SharedRings, Sweep, testing::ValuesIn(shared_ring_scenarios()), name_of);
INSTANTIATE_TEST_SUITE_P(HardenedRings, Sweep, testing::ValuesIn(hardened_ring_scenarios()),
                         name_of);
INSTANTIATE_TEST_SUITE_P(Selectors, Sweep, testing::ValuesIn(selector_scenarios()), name_of);
INSTANTIATE_TEST_SUITE_P(Semaphores, Sweep, testing::ValuesIn(semaphore_scenarios()), name_of);
INSTANTIATE_TEST_SUITE_P(Sockets, Sweep, testing::ValuesIn(socket_scenarios()), name_of);
INSTANTIATE_TEST_SUITE_P(System, Sweep, testing::ValuesIn(system_scenarios()), name_of);

TEST_P(Sweep, without_a_fault_succeeds) { EXPECT_FALSE(run({}, 0).failed); }

// F24: EINTR at every call, once and every other time, is invisible.
TEST_P(Sweep, interrupted_at_any_call_notices_nothing) {
  bool struck = true;
  for (std::uint64_t k = 1; struck; ++k) {
    SCOPED_TRACE("call " + std::to_string(k));
    const outcome once = run({{.first = k, .times = 1, .error_number = EINTR}}, EINTR);
    EXPECT_FALSE(once.failed);
    struck = once.struck;
  }
  EXPECT_FALSE(run({{.first = 1, .every = 2, .error_number = EINTR}}, EINTR).failed);
  EXPECT_FALSE(run({{.first = 2, .every = 2, .error_number = EINTR}}, EINTR).failed);
}

// F41: whatever is short, nothing is leaked, and the error is the kernel's own.
TEST_P(Sweep, refused_any_resource_rolls_back) {
  for (const int number : {ENOMEM, EMFILE, ENFILE, ENOSPC, EIO}) sweep(number);
}

TEST_P(Sweep, refused_any_permission_rolls_back) {
  for (const int number : {EPERM, EACCES}) sweep(number);
}

// F48: a sandbox or an old kernel does not know the call.
TEST_P(Sweep, without_any_one_system_call_falls_back_or_rolls_back) { sweep(ENOSYS); }

// Where the call may say so, "try again" is waited out or reported, never taken for success.
TEST_P(Sweep, told_to_try_again_does_or_reports) {
  sweep(EAGAIN, {SYS_read, SYS_preadv2, SYS_write, SYS_writev, SYS_pwritev2, SYS_flock});
}

// File systems without the exclusive rename: the hard link that replaces it is rolled back, too.
TEST_P(Sweep, without_the_exclusive_rename_rolls_back) {
  constexpr std::uint64_t more_than_all_calls = 40;
  for (std::uint64_t k = 1; k < more_than_all_calls; ++k) {
    SCOPED_TRACE("call " + std::to_string(k));
    const process_state before = process_state::now();
    struck_step step{{{.calls = {SYS_renameat2}, .error_number = EINVAL},
                      {.first = k, .times = 1, .error_number = EIO}}};
    GetParam().run(step);
    for (const std::string& difference : leftovers(before, process_state::now()))
      ADD_FAILURE() << difference;
    if (step.failed()) {
      EXPECT_EQ(step.failed()->code().value(), EIO) << step.failed()->message();
    }
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace sluice::test
