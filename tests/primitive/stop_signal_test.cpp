#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <sluice/primitive/scoped_signal_mask.hpp>
#include <sluice/primitive/signal_sender.hpp>
#include <sluice/primitive/stop_signal.hpp>
#include <string>
#include <thread>

#include "support/another_user.hpp"
#include "support/child.hpp"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::child;
using test::patience;
using test::rendezvous;

const signal_sender self = signal_sender::to_self();

TEST(StopSignal, requests_a_stop_when_somebody_looks) {
  auto stop = stop_signal::create().value();
  const std::stop_token token = stop.token();
  EXPECT_TRUE(would_block(stop.try_wait().error()));
  EXPECT_EQ(stop.wait(10ms).error(), std::errc::timed_out);
  ASSERT_TRUE(self.send(SIGTERM));
  EXPECT_FALSE(token.stop_requested()) << "nobody has looked";
  EXPECT_EQ(stop.number(), 0);
  ASSERT_TRUE(stop.try_wait());
  EXPECT_TRUE(token.stop_requested() && stop.stop_requested());
  EXPECT_EQ(stop.number(), SIGTERM);
  EXPECT_TRUE(stop.try_wait() && stop.wait(deadline::now())) << "for good";
}

TEST(StopSignal, restores_the_mask) {
  const signal_set before = scoped_signal_mask::current().value();
  {
    auto stop = stop_signal::create({SIGHUP}).value();
    EXPECT_TRUE(scoped_signal_mask::current().value().contains(SIGHUP));
    EXPECT_FALSE(scoped_signal_mask::current().value().contains(SIGINT));
  }
  EXPECT_EQ(scoped_signal_mask::current().value(), before);
}

TEST(StopSignal, wakes_who_waits) {
  auto stop = stop_signal::create().value();
  const auto parent = process::open(::getpid()).value();
  child sender{[&] { ASSERT_TRUE(signal_sender::to_process(parent).value().send(SIGINT)); }};
  EXPECT_TRUE(stop.wait());
  EXPECT_EQ(stop.number(), SIGINT);
  sender.wait_success();
}

TEST(StopSignal, can_be_polled_with_other_things) {
  auto stop = stop_signal::create().value();
  pollfd watched{.fd = stop.native_handle(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&watched, 1, 0), 0);
  ASSERT_TRUE(self.send(SIGINT));
  EXPECT_EQ(::poll(&watched, 1, 0), 1);
  EXPECT_TRUE(stop.try_wait());
}

TEST(StopSignal, the_watching_thread_requests_the_stop_and_runs_the_callbacks) {
  auto stop = stop_signal::create().value();
  std::atomic<pid_t> ran_on{0};
  const rendezvous ran;
  const std::stop_callback callback{stop.token(), [&] {
                                      ran_on = current_thread_id();
                                      ran.arrive();
                                    }};
  ASSERT_TRUE(stop.watch());
  ASSERT_TRUE(stop.watch()) << "again it does nothing";
  ASSERT_TRUE(self.send(SIGTERM));
  ran.wait();
  EXPECT_NE(ran_on, current_thread_id());
  EXPECT_TRUE(stop.wait(patience)) << "whoever looked";
  EXPECT_EQ(stop.number(), SIGTERM);
}

TEST(StopSignal, several_may_wait_while_it_is_watched) {
  auto stop = stop_signal::create().value();
  ASSERT_TRUE(stop.watch());
  std::thread first{[&] { EXPECT_TRUE(stop.wait()); }};
  std::thread second{[&] { EXPECT_TRUE(stop.wait()); }};
  ASSERT_TRUE(self.send(SIGTERM));
  first.join();
  second.join();
}

TEST(StopSignal, ends_its_thread_without_any_signal) {
  for (int i = 0; i < 20; ++i) {
    auto stop = stop_signal::create().value();
    ASSERT_TRUE(stop.watch());
  }
}

TEST(StopSignal, is_moved_while_it_is_watched) {
  std::optional<stop_signal> kept;
  {
    auto made = stop_signal::create().value();
    ASSERT_TRUE(made.watch());
    kept.emplace(std::move(made));
  }
  ASSERT_TRUE(self.send(SIGTERM));
  EXPECT_TRUE(kept->wait(patience));
}

// F16
TEST(StopSignal, ends_in_a_forked_child_that_has_no_watching_thread) {
  auto stop = stop_signal::create().value();
  ASSERT_TRUE(stop.watch());
  child copy{[&] {
    stop_signal copied = std::move(stop);
    ASSERT_TRUE(self.send(SIGTERM));
    for (const auto& refused : {copied.try_wait(), copied.wait(), copied.watch()}) {
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error(), std::errc::operation_not_permitted);
    }
    EXPECT_FALSE(copied.stop_requested());
    auto own = stop_signal::create().value();
    EXPECT_TRUE(own.wait(patience));
  }};
  copy.wait_success();
  EXPECT_EQ(stop.wait(10ms).error(), std::errc::timed_out);
  ASSERT_TRUE(self.send(SIGTERM));
  EXPECT_TRUE(stop.wait(patience)) << "the parent's goes on";
}

TEST(StopSignal, its_thread_takes_no_other_signals) {
  auto stop = stop_signal::create().value();
  ASSERT_TRUE(stop.watch());
  int watching = 0;
  for (const auto& thread : std::filesystem::directory_iterator{"/proc/self/task"}) {
    if (thread.path().filename() == std::to_string(::getpid())) continue;
    std::ifstream status{thread.path() / "status"};
    for (std::string line; std::getline(status, line);) {
      if (!line.starts_with("SigBlk:")) continue;
      const signal_set blocked = signal_set::from_bits(std::stoull(line.substr(7), nullptr, 16));
      for (int number : all_signals()) {
        if (number == SIGKILL || number == SIGSTOP) continue;
        EXPECT_TRUE(blocked.contains(number)) << signal_name(number);
      }
      ++watching;
    }
  }
  EXPECT_GE(watching, 1);
}

TEST(StopSignal, signals_after_the_first_are_the_same_request) {
  child impatient{[] {
    {
      auto stop = stop_signal::create().value();
      ASSERT_TRUE(self.send(SIGINT));
      ASSERT_TRUE(stop.wait(patience));
      ASSERT_TRUE(self.send(SIGINT));
      ASSERT_TRUE(self.send(SIGTERM));
    }
    // Not killed here: the end of the scope took both away.
  }};
  impatient.wait_success();
}

TEST(StopSignal, a_signal_that_nobody_looked_at_has_its_usual_effect) {
  child victim{[] {
    {
      auto stop = stop_signal::create().value();
      ASSERT_TRUE(self.send(SIGTERM));
    }
    ADD_FAILURE() << "the signal was lost";
  }};
  EXPECT_EQ(victim.wait().signal, SIGTERM);
}

void expect_that_bad_input_is_refused() {
  const signal_set before = scoped_signal_mask::current().value();
  for (const signal_set signals : {signal_set{}, signal_set{SIGKILL}, signal_set{SIGSTOP},
                                   signal_set{SIGTERM, SIGSEGV}, signal_set{33}}) {
    auto refused = stop_signal::create(signals);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), std::errc::invalid_argument);
    EXPECT_STRNE(refused.error().hint(), "");
  }
  EXPECT_EQ(scoped_signal_mask::current().value(), before);
}

TEST(StopSignal, refuses_what_cannot_be_received) { expect_that_bad_input_is_refused(); }

TEST(StopSignal, needs_no_privilege) {
  if (!test::may_change_user()) GTEST_SKIP() << "becoming another user needs root";
  test::as_nobody([] {
    auto stop = stop_signal::create().value();
    ASSERT_TRUE(stop.watch());
    ASSERT_TRUE(self.send(SIGTERM));
    EXPECT_TRUE(stop.wait(patience));
    expect_that_bad_input_is_refused();
  });
}

TEST(StopSignal, says_which_limit_refuses_the_watching_thread) {
  if (!test::may_change_user()) GTEST_SKIP() << "becoming another user needs root";
  test::as_nobody([] {
    auto stop = stop_signal::create().value();
    const rlimit none{.rlim_cur = 0, .rlim_max = 0};
    ASSERT_EQ(::setrlimit(RLIMIT_NPROC, &none), 0);
    auto refused = stop.watch();
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message().find("RLIMIT_NPROC"), std::string::npos);
    ASSERT_TRUE(self.send(SIGTERM));
    EXPECT_TRUE(stop.wait(patience)) << "whoever waits looks himself";
  });
}

// F24
TEST(StopSignal, interruptions_neither_end_nor_prolong_a_wait) {
  auto stop = stop_signal::create().value();
  struct sigaction strike {};
  strike.sa_handler = [](int) {};  // without SA_RESTART
  struct sigaction before {};
  ::sigaction(SIGPROF, &strike, &before);
  child striker{[parent = ::getpid()] {
    for (;;) {
      ::kill(parent, SIGPROF);
      ::usleep(100);
    }
  }};
  const auto start = deadline::clock::now();
  EXPECT_EQ(stop.wait(50ms).error(), std::errc::timed_out);
  EXPECT_GE(deadline::clock::now() - start, 50ms);
  striker.kill();
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPROF, &ignore, nullptr);
  ::sigaction(SIGPROF, &before, nullptr);
}

}  // namespace
}  // namespace sluice
