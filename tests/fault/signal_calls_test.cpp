// Which system calls the classes of signals make, and what they do where one is missing.

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <sluice/sluice.hpp>

#include "fault/failing_syscall.hpp"
#include "support/child.hpp"

namespace sluice::test {
namespace {

class SignalCalls : public ::testing::Test {
 protected:
  const int number = SIGRTMIN + 4;
  const signal_pair pair = signal_pair::nth(3);
  scoped_signal_mask mask =
      scoped_signal_mask::block(signal_set{SIGUSR1, number} | pair.signals()).value();
  const process self = process::open(::getpid()).value();
};

// F48: before Linux 6.9 a group is signalled by its number.
TEST_F(SignalCalls, a_group_is_reached_on_kernels_that_do_not_know_how_by_descriptor) {
  const auto leader = process::open(::getpgrp()).value();
  auto receiver = signal_receiver::create({SIGUSR1}).value();
  auto group = signal_sender::to_group(leader).value();
  {
    const fault_plan old_kernel{{.calls = {SYS_pidfd_send_signal}, .error_number = EINVAL}};
    ASSERT_TRUE(group.send(SIGUSR1));
    EXPECT_EQ(old_kernel.calls_of(SYS_kill), 1U);
  }
  EXPECT_EQ(receiver.try_take().value().number, SIGUSR1);
}

// F15: once the leader was reaped, its number may be given to another group.
TEST_F(SignalCalls, a_group_without_its_leader_is_not_signalled_by_number) {
  child leader{[] { ASSERT_EQ(::setpgid(0, 0), 0); }};
  auto group = signal_sender::to_group(leader.handle()).value();
  leader.wait_success();
  const fault_plan old_kernel{
      {.calls = {SYS_pidfd_send_signal}, .times = 1, .error_number = EINVAL}};
  auto sent = group.send(SIGUSR1);
  ASSERT_FALSE(sent);
  EXPECT_EQ(sent.error(), std::errc::no_such_process);
  EXPECT_EQ(old_kernel.calls_of(SYS_kill), 0U);
}

TEST_F(SignalCalls, a_batch_is_one_read) {
  auto receiver = signal_receiver::create({number}).value();
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(signal_sender::to_self().send(number));
  std::array<received_signal, 32> batch;
  const fault_plan counting;
  EXPECT_EQ(receiver.try_take(batch).value(), 20U);
  EXPECT_EQ(counting.calls(), 1U);
}

TEST_F(SignalCalls, receiving_many_messages_takes_few_reads) {
  auto receiver = signal_channel_receiver::create(pair).value();
  auto sender = signal_channel_sender::open(self, pair).value();
  std::uint64_t number_sent = 0;
  for (; number_sent < 31; ++number_sent) ASSERT_TRUE(sender.try_send(bytes_of(number_sent)));
  const fault_plan counting;
  for (std::uint64_t i = 0; i < number_sent; ++i) {
    std::uint64_t got = 0;
    ASSERT_TRUE(receiver.try_receive(writable_bytes_of(got)));
    EXPECT_EQ(got, i);
  }
  EXPECT_EQ(counting.calls_of(SYS_read), 1U);
}

}  // namespace
}  // namespace sluice::test
