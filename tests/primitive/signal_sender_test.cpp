#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <limits>
#include <optional>
#include <set>
#include <sluice/primitive/scoped_signal_mask.hpp>
#include <sluice/primitive/signal_receiver.hpp>
#include <sluice/primitive/signal_sender.hpp>
#include <string>
#include <string_view>
#include <thread>

#include "support/another_user.hpp"
#include "support/child.hpp"
#include "support/program_output.hpp"

namespace sluice {
namespace {

using test::child;
using test::patience;
using test::rendezvous;

class SignalSender : public ::testing::Test {
 protected:
  const int real_time = SIGRTMIN + 1;
  const signal_set set{SIGUSR1, real_time};
  scoped_signal_mask mask = scoped_signal_mask::block(set).value();
  const signal_sender self = signal_sender::to_self();
};

bool refused(const result<void>& sent, std::errc code) {
  return !sent && sent.error() == code && *sent.error().hint() != '\0';
}

TEST_F(SignalSender, reaches_the_process_behind_the_handle) {
  child receiving{[&] {
    auto receiver = signal_receiver::create(set).value();
    for (std::uint64_t i = 0; i < 10; ++i) EXPECT_EQ(receiver.take(patience).value().payload, i);
    EXPECT_EQ(receiver.take(patience).value().payload, std::numeric_limits<std::uint64_t>::max());
  }};
  auto sender = signal_sender::to_process(receiving.handle());
  ASSERT_TRUE(sender) << sender.error().message();
  for (std::uint64_t i = 0; i < 10; ++i) ASSERT_TRUE(sender->send(real_time, i));
  ASSERT_TRUE(sender->send(real_time, std::numeric_limits<std::uint64_t>::max()));
  receiving.wait_success();
}

TEST_F(SignalSender, says_that_the_process_is_gone_before_and_after_it_was_reaped) {
  // F14: the kernel takes signals for the dead as long as nobody reaped them.
  child leaving{[] {}};
  auto sender = signal_sender::to_process(leaving.handle()).value();
  ASSERT_TRUE(leaving.handle().wait_for_exit(patience));
  EXPECT_EQ(sender.send(real_time, 1).error(), std::errc::no_such_process);
  EXPECT_EQ(sender.send(SIGUSR1).error(), std::errc::no_such_process);
  leaving.wait_success();
  EXPECT_EQ(sender.send(real_time, 1).error(), std::errc::no_such_process);
  EXPECT_EQ(sender.send(SIGUSR1).error(), std::errc::no_such_process);
}

TEST_F(SignalSender, outlives_the_handle_that_it_was_made_from) {
  std::optional<child> receiving{std::in_place, [&] {
                                   auto receiver = signal_receiver::create(set).value();
                                   EXPECT_EQ(receiver.take(patience).value().payload, 1U);
                                 }};
  auto sender = [&] {
    const auto handle = process::open(receiving->id()).value();
    return signal_sender::to_process(handle).value();
  }();
  ASSERT_TRUE(sender.send(real_time, 1));
  receiving->wait_success();
}

// F33: what was accepted arrives, what was not is reported; nothing is lost in silence.
TEST_F(SignalSender, a_full_queue_is_reported_and_loses_nothing) {
  child victim{[&] {
    const rlimit few{.rlim_cur = 10, .rlim_max = 10};
    ASSERT_EQ(::setrlimit(RLIMIT_SIGPENDING, &few), 0);
    // Where the pending signals of other processes do not count.
    if (test::may_change_user()) {
      ASSERT_EQ(::setuid(test::user_of_its_own()), 0);
    }
    auto receiver = signal_receiver::create(set).value();
    std::uint64_t accepted = 0;
    for (;;) {
      auto sent = self.send(real_time, accepted);
      if (!sent) {
        EXPECT_TRUE(would_block(sent.error())) << sent.error().message();
        EXPECT_NE(sent.error().message().find("RLIMIT_SIGPENDING"), std::string::npos);
        break;
      }
      ASSERT_LT(++accepted, 100U) << "the queue is never full";
    }
    EXPECT_TRUE(self.send(SIGUSR1)) << "a standard signal needs no room";
    EXPECT_EQ(receiver.try_take().value().number, SIGUSR1);
    for (std::uint64_t i = 0; i < accepted; ++i) {
      const received_signal got = receiver.try_take().value();
      EXPECT_EQ(got.number, real_time);
      EXPECT_EQ(got.payload, i);
    }
    EXPECT_TRUE(would_block(receiver.try_take().error()));
    EXPECT_TRUE(self.send(real_time, 99)) << "there is room again";
    EXPECT_EQ(receiver.try_take().value().payload, 99U);
  }};
  victim.wait_success();
}

TEST_F(SignalSender, to_a_thread_reaches_that_thread_alone) {
  std::optional<pid_t> id;
  const rendezvous started;
  const rendezvous sent;
  std::thread other{[&] {
    id = current_thread_id();
    auto receiver = signal_receiver::create(set).value();
    started.arrive();
    sent.wait();
    const received_signal got = receiver.try_take().value();
    EXPECT_EQ(got.payload, 6U);
    EXPECT_EQ(got.sender, ::getpid());
  }};
  started.wait();
  auto sender = signal_sender::to_thread(*id);
  ASSERT_TRUE(sender);
  ASSERT_TRUE(sender->send(real_time, 6));
  auto receiver = signal_receiver::create(set).value();
  EXPECT_TRUE(would_block(receiver.try_take().error()));
  sent.arrive();
  other.join();
  // Joined is not yet gone: the kernel wakes who joins before the thread's last breath.
  const deadline gone{patience};
  result<void> late = sender->send(SIGUSR1);
  while (late && !gone.has_passed()) late = sender->send(SIGUSR1);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error(), std::errc::no_such_process);
}

TEST_F(SignalSender, to_a_group_reaches_every_member_and_nobody_else) {
  const rendezvous ready;
  const rendezvous checked;
  child leader{[&] {
    ASSERT_EQ(::setpgid(0, 0), 0);
    ready.arrive();
    auto receiver = signal_receiver::create(set).value();
    EXPECT_EQ(receiver.take(patience).value().number, SIGUSR1);
    checked.wait();
  }};
  ready.wait();
  child member{[&] {
    ASSERT_EQ(::setpgid(0, leader.id()), 0);
    ready.arrive();
    auto receiver = signal_receiver::create(set).value();
    EXPECT_EQ(receiver.take(patience).value().number, SIGUSR1);
    checked.arrive(2);
  }};
  ready.wait();
  auto group = signal_sender::to_group(leader.handle());
  ASSERT_TRUE(group);
  ASSERT_TRUE(group->send(SIGUSR1));
  member.wait_success();
  leader.wait_success();
  auto ours = signal_receiver::create(set).value();
  EXPECT_TRUE(would_block(ours.try_take().error()));
  EXPECT_EQ(group->send(SIGUSR1).error(), std::errc::no_such_process);
}

TEST_F(SignalSender, refuses_to_lose_a_real_time_signal_to_a_group) {
  const auto us = process::open(::getpid()).value();
  auto group = signal_sender::to_group(us).value();
  EXPECT_TRUE(refused(group.send(real_time), std::errc::not_supported));
  EXPECT_TRUE(refused(group.send(SIGUSR1, 1), std::errc::not_supported));
}

void expect_that_bad_input_is_refused() {
  const auto us = process::open(::getpid()).value();
  const auto to_self = signal_sender::to_self();
  const auto to_us = signal_sender::to_process(us).value();
  const auto to_group = signal_sender::to_group(us).value();
  const auto to_thread = signal_sender::to_thread(current_thread_id()).value();
  for (const signal_sender* sender : {&to_self, &to_us, &to_group, &to_thread}) {
    for (int number : {0, -1, 32, 33, 65, 1000})
      EXPECT_TRUE(refused(sender->send(number), std::errc::invalid_argument)) << number;
  }
  for (pid_t thread : {0, -1}) {
    auto made = signal_sender::to_thread(thread);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error(), std::errc::invalid_argument);
  }
}

TEST_F(SignalSender, refuses_what_is_no_signal) { expect_that_bad_input_is_refused(); }

TEST_F(SignalSender, may_not_signal_other_users_processes) {
  if (!test::may_change_user()) GTEST_SKIP() << "becoming another user needs root";
  test::as_nobody([&, ours = ::getpid()] {
    const auto target = process::open(ours).value();
    EXPECT_EQ(signal_sender::to_process(target).value().send(real_time).error(),
              std::errc::operation_not_permitted);
    EXPECT_TRUE(self.send(real_time));
    expect_that_bad_input_is_refused();
  });
}

// Interoperability: kill(1) in both directions.
TEST_F(SignalSender, and_the_kill_program_understand_each_other) {
  if (!test::has_program("kill")) GTEST_SKIP() << "no kill program (Debian package procps)";
  auto receiver = signal_receiver::create(set).value();
  const std::string us = std::to_string(::getpid());
  static_cast<void>(test::output_of({"kill", "-s", "USR1", us}));
  received_signal got = receiver.take(patience).value();
  EXPECT_EQ(got.number, SIGUSR1);
  EXPECT_EQ(got.origin, signal_origin::process);
  static_cast<void>(
      test::output_of({"kill", "-s", signal_name(real_time).substr(3), "-q", "4711", us}));
  got = receiver.take(patience).value();
  EXPECT_EQ(got.number, real_time);
  EXPECT_EQ(got.origin, signal_origin::queue);
  EXPECT_EQ(got.payload & 0xffff'ffff, 4711U);  // kill queues an int

  auto sleeper = process::spawn({.arguments = {"sleep", "1000"}}).value();
  ASSERT_TRUE(signal_sender::to_process(sleeper).value().send(SIGTERM));
  EXPECT_EQ(sleeper.wait(patience).value(), (exit_status{.code = 0, .signal = SIGTERM}));
}

}  // namespace
}  // namespace sluice
