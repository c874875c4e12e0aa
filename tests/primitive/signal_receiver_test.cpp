#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <sluice/channel/pipe.hpp>
#include <sluice/primitive/scoped_signal_mask.hpp>
#include <sluice/primitive/signal_receiver.hpp>
#include <sluice/primitive/signal_sender.hpp>
#include <string_view>
#include <thread>
#include <vector>

#include "support/another_user.hpp"
#include "support/child.hpp"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::child;
using test::patience;

bool is_readable(int fd) {
  pollfd watched{.fd = fd, .events = POLLIN, .revents = 0};
  return ::poll(&watched, 1, 0) == 1;
}

class SignalReceiver : public ::testing::Test {
 protected:
  const int low = SIGRTMIN;
  const int high = SIGRTMIN + 3;
  const signal_set set{SIGUSR1, SIGUSR2, SIGALRM, SIGTERM, low, high};
  scoped_signal_mask mask = scoped_signal_mask::block(set).value();
  signal_receiver receiver = signal_receiver::create(set).value();
  const signal_sender self = signal_sender::to_self();
};

TEST_F(SignalReceiver, tells_who_sent_what) {
  const auto parent = process::open(::getpid()).value();
  child sender{[&] {
    ASSERT_TRUE(signal_sender::to_process(parent).value().send(high, 0xfedc'ba98'7654'3210));
  }};
  const received_signal got = receiver.take(patience).value();
  EXPECT_EQ(got.number, high);
  EXPECT_EQ(got.origin, signal_origin::queue);
  EXPECT_EQ(got.sender, sender.id());
  EXPECT_EQ(got.user, ::getuid());
  EXPECT_EQ(got.payload, 0xfedc'ba98'7654'3210U);
  sender.wait_success();
}

TEST_F(SignalReceiver, tells_a_plain_kill_from_a_queued_signal) {
  ::kill(::getpid(), SIGUSR1);
  const received_signal got = receiver.try_take().value();
  EXPECT_EQ(got.origin, signal_origin::process);
  EXPECT_EQ(got.sender, ::getpid());
  EXPECT_EQ(got.payload, 0U);
}

TEST_F(SignalReceiver, tells_how_a_child_ended) {
  auto also_children = scoped_signal_mask::block({SIGCHLD}).value();
  auto of_children = signal_receiver::create({SIGCHLD}).value();
  child leaving{[] { ::_exit(7); }};
  const received_signal got = of_children.take(patience).value();
  EXPECT_EQ(got.number, SIGCHLD);
  EXPECT_EQ(got.origin, signal_origin::child);
  EXPECT_EQ(got.sender, leaving.id());
  EXPECT_EQ(got.status, 7);
  leaving.wait();
}

TEST_F(SignalReceiver, tells_a_timer_and_the_kernel_apart) {
  timer_t timer{};
  sigevent event{};
  event.sigev_notify = SIGEV_SIGNAL;
  event.sigev_signo = high;
  event.sigev_value.sival_int = 5;
  ASSERT_EQ(::timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
  const itimerspec soon{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_nsec = 1}};
  ::timer_settime(timer, 0, &soon, nullptr);
  const received_signal ticked = receiver.take(patience).value();
  ::timer_delete(timer);
  EXPECT_EQ(ticked.origin, signal_origin::timer);
  EXPECT_EQ(ticked.payload & 0xffff'ffff, 5U);

  const itimerval alarm{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_usec = 1}};
  ::setitimer(ITIMER_REAL, &alarm, nullptr);
  const received_signal rang = receiver.take(patience).value();
  EXPECT_EQ(rang.number, SIGALRM);
  EXPECT_EQ(rang.origin, signal_origin::kernel);
}

TEST_F(SignalReceiver, real_time_signals_queue_in_order_lower_numbers_first) {
  for (std::uint64_t i = 0; i < 100; ++i) {
    ASSERT_TRUE(self.send(high, i));
    ASSERT_TRUE(self.send(low, 1000 + i));
  }
  for (std::uint64_t i = 0; i < 200; ++i) {
    const received_signal got = receiver.try_take().value();
    EXPECT_EQ(got.number, i < 100 ? low : high);
    EXPECT_EQ(got.payload, i < 100 ? 1000 + i : i - 100);
  }
  EXPECT_TRUE(would_block(receiver.try_take().error()));
}

// F33: the first of several is what comes.
TEST_F(SignalReceiver, standard_signals_merge_until_they_are_received) {
  for (std::uint64_t i = 1; i <= 5; ++i) ASSERT_TRUE(self.send(SIGUSR1, i));
  EXPECT_EQ(receiver.try_take().value().payload, 1U);
  EXPECT_TRUE(would_block(receiver.try_take().error()));
  ASSERT_TRUE(self.send(SIGUSR1, 6));
  EXPECT_EQ(receiver.try_take().value().payload, 6U);
}

TEST_F(SignalReceiver, takes_many_with_one_call) {
  for (std::uint64_t i = 0; i < 40; ++i) ASSERT_TRUE(self.send(low, i));
  std::vector<received_signal> batch(50);
  EXPECT_EQ(receiver.try_take(batch).value(), signal_receiver::max_batch);
  for (std::uint64_t i = 0; i < signal_receiver::max_batch; ++i) EXPECT_EQ(batch[i].payload, i);
  EXPECT_EQ(receiver.try_take(std::span{batch}.first(3)).value(), 3U);
  EXPECT_EQ(batch[2].payload, signal_receiver::max_batch + 2);
  EXPECT_EQ(receiver.try_take(std::span<received_signal>{}).value(), 0U);
  EXPECT_EQ(receiver.try_take(batch).value(), 40 - signal_receiver::max_batch - 3);
  EXPECT_TRUE(would_block(receiver.try_take(batch).error()));
}

TEST_F(SignalReceiver, is_readable_as_long_as_a_signal_is_pending) {
  EXPECT_FALSE(is_readable(receiver.native_handle()));
  ASSERT_TRUE(self.send(low));
  ASSERT_TRUE(self.send(low));
  EXPECT_TRUE(receiver.wait_readable(deadline::now()));
  ASSERT_TRUE(receiver.try_take());
  EXPECT_TRUE(is_readable(receiver.native_handle()));
  ASSERT_TRUE(receiver.try_take());
  EXPECT_FALSE(is_readable(receiver.native_handle()));
  EXPECT_EQ(receiver.wait_readable(deadline::now()).error(), std::errc::timed_out);
}

TEST_F(SignalReceiver, waits_until_its_deadline_and_no_longer_than_needed) {
  const auto before = deadline::clock::now();
  EXPECT_EQ(receiver.take(20ms).error(), std::errc::timed_out);
  EXPECT_GE(deadline::clock::now() - before, 20ms);
  const auto parent = process::open(::getpid()).value();
  child sender{[&] {
    ::usleep(10'000);
    ASSERT_TRUE(signal_sender::to_process(parent).value().send(low, 1));
  }};
  EXPECT_EQ(receiver.take().value().payload, 1U);
  sender.wait_success();
}

TEST_F(SignalReceiver, hands_each_signal_to_one_of_several_threads) {
  constexpr int count = 2000;
  std::atomic<int> taken{0};
  const auto take_all = [&] {
    while (taken < count) {
      if (receiver.take(1ms)) ++taken;
    }
  };
  std::thread first{take_all};
  std::thread second{take_all};
  for (int i = 0; i < count; ++i) ASSERT_TRUE(self.send(low));
  first.join();
  second.join();
  EXPECT_EQ(taken, count);
  EXPECT_TRUE(would_block(receiver.try_take().error()));
}

TEST_F(SignalReceiver, leaves_what_it_did_not_take_to_the_next) {
  ASSERT_TRUE(self.send(low, 3));
  { auto other = signal_receiver::create({low}).value(); }
  auto next = signal_receiver::create({low}).value();
  EXPECT_EQ(next.signals(), signal_set{low});
  EXPECT_EQ(next.try_take().value().payload, 3U);
}

TEST_F(SignalReceiver, sees_nothing_of_signals_outside_its_set) {
  auto other = signal_receiver::create({SIGUSR2}).value();
  ASSERT_TRUE(self.send(low));
  EXPECT_TRUE(would_block(other.try_take().error()));
  EXPECT_EQ(receiver.try_take().value().number, low);
}

// F33: a standard signal comes through a full queue, without what belonged to it.
TEST_F(SignalReceiver, a_standard_signal_through_a_full_queue_comes_without_its_sender) {
  child victim{[&] {
    const rlimit none{.rlim_cur = 0, .rlim_max = 0};
    ASSERT_EQ(::setrlimit(RLIMIT_SIGPENDING, &none), 0);
    ASSERT_TRUE(self.send(SIGUSR1, 7));
    const received_signal got = receiver.try_take().value();
    EXPECT_EQ(got.number, SIGUSR1);
    EXPECT_EQ(got.sender, 0);
    EXPECT_EQ(got.payload, 0U);
  }};
  victim.wait_success();
}

void expect_that_bad_input_is_refused() {
  const auto reason = [](signal_set signals) -> std::string_view {
    auto refused = signal_receiver::create(signals);
    if (refused) return "accepted";
    EXPECT_EQ(refused.error(), std::errc::invalid_argument);
    return refused.error().hint();
  };
  auto everything = scoped_signal_mask::block(signal_set::all());
  EXPECT_NE(reason({}).find("empty"), std::string_view::npos);
  for (int number : {SIGKILL, SIGSTOP})
    EXPECT_NE(reason({number, SIGUSR1}).find("nobody receives"), std::string_view::npos);
  for (int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS})
    EXPECT_NE(reason({number, SIGUSR1}).find("would run again"), std::string_view::npos);
  for (int number = 32; number < SIGRTMIN; ++number)
    EXPECT_NE(reason({number}).find("C library"), std::string_view::npos);
  EXPECT_FALSE(signal_receiver::from_native(unique_fd{}));
  auto ends = pipe::create().value();
  auto refused = signal_receiver::from_native(std::move(ends.reader).release_handle());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), std::errc::invalid_argument);
}

TEST_F(SignalReceiver, refuses_what_nobody_can_receive) { expect_that_bad_input_is_refused(); }

TEST_F(SignalReceiver, refuses_signals_that_are_not_blocked) {
  auto refused = signal_receiver::create({SIGUSR1, SIGHUP});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), std::errc::invalid_argument);
  EXPECT_NE(refused.error().message().find("scoped_signal_mask::block"), std::string::npos);
  EXPECT_FALSE(scoped_signal_mask::current().value().contains(SIGHUP));
}

TEST_F(SignalReceiver, takes_over_a_signalfd_whose_signals_are_blocked) {
  sigset_t one;
  ::sigemptyset(&one);
  ::sigaddset(&one, SIGUSR2);
  auto taken = signal_receiver::from_native(unique_fd{::signalfd(-1, &one, SFD_CLOEXEC)});
  ASSERT_TRUE(taken) << taken.error().message();
  EXPECT_EQ(taken->signals(), signal_set{SIGUSR2});
  EXPECT_TRUE(would_block(taken->try_take().error()));
  ASSERT_TRUE(self.send(SIGUSR2, 4));
  EXPECT_EQ(taken->try_take().value().payload, 4U);
  const unique_fd released = std::move(*taken).release_handle();
  EXPECT_NE(::fcntl(released.get(), F_GETFD) & FD_CLOEXEC, 0);

  ::sigaddset(&one, SIGHUP);
  auto refused = signal_receiver::from_native(unique_fd{::signalfd(-1, &one, 0)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), std::errc::invalid_argument);
}

TEST_F(SignalReceiver, needs_no_privilege) {
  if (!test::may_change_user()) GTEST_SKIP() << "becoming another user needs root";
  test::as_nobody([&] {
    auto mine = signal_receiver::create({low});
    ASSERT_TRUE(mine) << mine.error().message();
    ASSERT_TRUE(self.send(low, 5));
    const received_signal got = mine->try_take().value();
    EXPECT_EQ(got.payload, 5U);
    EXPECT_EQ(got.user, test::nobody);
    expect_that_bad_input_is_refused();
  });
}

// F24: signals that are handled meanwhile neither end nor prolong the wait for others.
TEST_F(SignalReceiver, interruptions_neither_end_nor_prolong_a_wait) {
  static std::atomic<int> strikes{0};
  strikes = 0;
  struct sigaction strike {};
  strike.sa_handler = [](int) { ++strikes; };  // without SA_RESTART
  struct sigaction before {};
  ::sigaction(SIGPROF, &strike, &before);
  child striker{[parent = ::getpid()] {
    for (;;) {
      ::kill(parent, SIGPROF);
      ::usleep(100);
    }
  }};
  const auto start = deadline::clock::now();
  EXPECT_EQ(receiver.take(50ms).error(), std::errc::timed_out);
  EXPECT_GE(deadline::clock::now() - start, 50ms);
  EXPECT_GT(strikes, 0);
  striker.kill();
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPROF, &ignore, nullptr);
  ::sigaction(SIGPROF, &before, nullptr);
}

// F24
TEST_F(SignalReceiver, stopping_and_continuing_neither_ends_nor_prolongs_a_wait) {
  child waiting{[&] {
    const auto start = deadline::clock::now();
    EXPECT_EQ(receiver.take(1s).error(), std::errc::timed_out);
    EXPECT_GE(deadline::clock::now() - start, 1s);
  }};
  // Long before the wait can end: who has ended cannot be stopped any more.
  const deadline later{90ms};
  while (!later.has_passed()) {
    waiting.send_signal(SIGSTOP);
    waiting.wait_stopped();
    waiting.send_signal(SIGCONT);
    ::usleep(1000);
  }
  waiting.wait_success();
}

}  // namespace
}  // namespace sluice
