// The signal channel when processes die, stop, fork, or send more than fits.

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <map>
#include <optional>
#include <vector>

#include "channel/signal_channel_fixture.hpp"
#include "support/asleep.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

// The kernel hands out lower numbers first: whatever the order of sending, no end overtakes data.
TEST_F(SignalChannel, all_messages_of_many_processes_come_before_their_ends) {
  constexpr std::uint64_t senders = 4;
  constexpr std::uint64_t each = 2000;
  for (int round = 0; round < 3; ++round) {
    auto receiver = make_receiver();
    std::vector<child> children;
    for (std::uint64_t which = 0; which < senders; ++which)
      children.emplace_back([&, which] {
        auto sender = open_sender();
        for (std::uint64_t i = 0; i < each; ++i)
          ASSERT_TRUE(send_number(sender, (which << 32) | i));
      });
    std::map<std::uint64_t, std::uint64_t> next;
    for (std::uint64_t i = 0; i < senders * each; ++i) {
      auto number = receive_number(receiver);
      // Between the end of one sender and the start of the next there may be none at all.
      if (!number && number.error() == errc::closed) {
        --i;
        continue;
      }
      ASSERT_TRUE(number) << number.error().message();
      EXPECT_EQ(*number & 0xffff'ffff, next[*number >> 32]++);
    }
    for (child& one : children) one.wait_success();
    EXPECT_EQ(try_receive_number(receiver).error(), errc::closed);
    EXPECT_EQ(receiver.strays(), 0U);
  }
}

TEST_F(SignalChannel, a_sender_opens_before_there_is_a_receiver) {
  const rendezvous tried;
  const rendezvous close;
  child receiving{[&] {
    // The mask is inherited: without it the process stands for one that is no receiver yet.
    auto unmasked = std::optional{scoped_signal_mask::unblock(pair.signals()).value()};
    tried.wait();
    unmasked.reset();
    auto receiver = make_receiver();
    EXPECT_EQ(receive_number(receiver).value(), 3U);
    close.wait();
  }};
  wait_until_asleep(receiving.id());
  auto too_early = signal_channel_sender::open(receiving.handle(), pair, 20ms);
  ASSERT_FALSE(too_early) << "its first message would have killed the process";
  EXPECT_EQ(too_early.error(), std::errc::timed_out);
  tried.arrive();
  auto sender = signal_channel_sender::open(receiving.handle(), pair, patience);
  ASSERT_TRUE(sender) << sender.error().message();
  ASSERT_TRUE(send_number(*sender, 3));
  close.arrive();
  receiving.wait_success();
}

TEST_F(SignalChannel, a_dead_receiver_is_a_broken_pipe_reaped_or_not) {
  child receiving{[] {
    for (;;) ::pause();
  }};
  auto sender = signal_channel_sender::open(receiving.handle(), pair, patience).value();
  ASSERT_TRUE(send_number(sender, 1));
  receiving.send_signal(SIGKILL);
  ASSERT_TRUE(receiving.handle().wait_for_exit(patience));
  EXPECT_EQ(send_number(sender, 2).error(), std::errc::broken_pipe);
  receiving.wait();
  EXPECT_EQ(send_number(sender, 3).error(), std::errc::broken_pipe);
  EXPECT_EQ(sender.detach().error(), std::errc::broken_pipe);
  auto late = signal_channel_sender::open(receiving.handle(), pair, patience);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error(), std::errc::broken_pipe);
}

TEST_F(SignalChannel, a_killed_sender_is_told_once_after_all_that_it_sent) {
  auto receiver = make_receiver();
  auto living = open_sender();
  child dying{[&] {
    auto sender = open_sender();
    for (std::uint64_t i = 0; i < 50; ++i) ASSERT_TRUE(send_number(sender, i));
    ::kill(::getpid(), SIGKILL);
  }};
  EXPECT_EQ(dying.wait().signal, SIGKILL);
  for (std::uint64_t i = 0; i < 50; ++i) EXPECT_EQ(receive_number(receiver).value(), i);
  EXPECT_EQ(receive_number(receiver).error(), std::errc::connection_reset);
  EXPECT_TRUE(would_block(try_receive_number(receiver).error())) << "the other sender lives";
  ASSERT_TRUE(living.detach());
  EXPECT_EQ(receive_number(receiver).error(), errc::closed);
}

TEST_F(SignalChannel, a_waiting_receiver_wakes_when_the_sender_is_killed) {
  auto receiver = make_receiver();
  const rendezvous joined;
  child dying{[&] {
    auto sender = open_sender();
    joined.arrive();
    for (;;) ::pause();
  }};
  joined.wait();
  EXPECT_TRUE(would_block(try_receive_number(receiver).error()));
  child killer{[&, victim = process::open(dying.id()).value().id()] {
    wait_until_asleep(::getppid());
    ::kill(victim, SIGKILL);
  }};
  EXPECT_EQ(receive_number(receiver, deadline::never()).error(), std::errc::connection_reset);
  EXPECT_EQ(receive_number(receiver).error(), errc::closed);
  killer.wait_success();
  EXPECT_EQ(dying.wait().signal, SIGKILL);
}

// F33: every message is accepted and arrives, or is reported as not sent.
TEST_F(SignalChannel, a_full_queue_blocks_the_sender_and_loses_nothing) {
  child victim{[&] {
    shorten_queue(16);
    auto receiver = make_receiver();
    const process ourselves = process::open(::getpid()).value();
    auto sender = signal_channel_sender::open(ourselves, pair, patience).value();
    const std::uint64_t sent = fill(sender);
    EXPECT_GE(sent, 10U);
    EXPECT_EQ(sender.wait_writable(deadline::now()).error(), std::errc::timed_out);
    const auto before = deadline::clock::now();
    EXPECT_EQ(send_number(sender, 99, 20ms).error(), std::errc::timed_out);
    EXPECT_GE(deadline::clock::now() - before, 20ms);
    for (std::uint64_t i = 0; i < sent; ++i) EXPECT_EQ(receive_number(receiver).value(), i);
    EXPECT_TRUE(sender.wait_writable(deadline::now()));
    ASSERT_TRUE(send_number(sender, 99, deadline::now()));
    EXPECT_EQ(receive_number(receiver).value(), 99U);
  }};
  victim.wait_success();
}

TEST_F(SignalChannel, a_sender_that_waits_for_room_goes_on_when_there_is_some) {
  child receiving{[&] {
    shorten_queue(16);
    auto receiver = make_receiver();
    for (std::uint64_t i = 0; i < 5000; ++i) ASSERT_EQ(receive_number(receiver).value(), i);
    EXPECT_EQ(receive_number(receiver).error(), errc::closed);
  }};
  {
    auto sender = signal_channel_sender::open(receiving.handle(), pair, patience).value();
    for (std::uint64_t i = 0; i < 5000; ++i) ASSERT_TRUE(send_number(sender, i));
    ASSERT_TRUE(sender.detach(patience));
    EXPECT_EQ(send_number(sender, 1).error(), std::errc::broken_pipe);
    EXPECT_TRUE(sender.detach()) << "again it does nothing";
  }
  receiving.wait_success();
}

TEST_F(SignalChannel, a_sender_announces_its_end_into_a_full_queue) {
  child victim{[&] {
    shorten_queue(16);
    auto receiver = make_receiver();
    const process ourselves = process::open(::getpid()).value();
    std::optional<signal_channel_sender> sender =
        signal_channel_sender::open(ourselves, pair, patience).value();
    const std::uint64_t sent = fill(*sender);
    auto no_room = sender->detach(10ms);
    ASSERT_FALSE(no_room);
    EXPECT_EQ(no_room.error(), std::errc::timed_out);
    sender.reset();
    for (std::uint64_t i = 0; i < sent; ++i) EXPECT_EQ(receive_number(receiver).value(), i);
    EXPECT_EQ(receive_number(receiver, 1s).error(), errc::closed);
  }};
  victim.wait_success();
}

TEST_F(SignalChannel, a_forked_copy_of_a_sender_is_a_sender_of_its_own) {
  auto receiver = make_receiver();
  auto sender = open_sender();
  const rendezvous sent;
  const rendezvous go;
  child silent{[&] { static_cast<void>(std::move(sender)); }};
  silent.wait_success();
  EXPECT_TRUE(would_block(try_receive_number(receiver).error())) << "the end is the parent's";
  child talking{[&] {
    {
      auto copy = std::move(sender);
      ASSERT_TRUE(send_number(copy, 1));
      sent.arrive();
      go.wait();
    }
  }};
  sent.wait();
  EXPECT_EQ(receive_number(receiver).value(), 1U);
  EXPECT_EQ(receiver.senders(), 2U);
  ASSERT_TRUE(sender.detach());
  go.arrive();
  talking.wait_success();
  EXPECT_EQ(receive_number(receiver).error(), errc::closed);
}

// F16: the signals go to the parent, whoever has the descriptor.
TEST_F(SignalChannel, a_forked_copy_of_a_receiver_refuses) {
  auto receiver = make_receiver();
  auto sender = open_sender();
  ASSERT_TRUE(send_number(sender, 1));
  child copy{[&] {
    auto copied = std::move(receiver);
    EXPECT_EQ(try_receive_number(copied).error(), std::errc::operation_not_permitted);
    EXPECT_EQ(copied.wait_readable(deadline::never()).error(), std::errc::operation_not_permitted);
  }};
  copy.wait_success();
  EXPECT_EQ(receive_number(receiver).value(), 1U);
}

// F24
TEST_F(SignalChannel, interruptions_and_stops_change_nothing) {
  constexpr std::uint64_t count = 20'000;
  child receiving{[&] {
    struct sigaction strike {};
    strike.sa_handler = [](int) {};  // without SA_RESTART
    ::sigaction(SIGPROF, &strike, nullptr);
    auto receiver = make_receiver();
    for (std::uint64_t i = 0; i < count; ++i) ASSERT_EQ(receive_number(receiver).value(), i);
    EXPECT_EQ(receive_number(receiver).error(), errc::closed);
  }};
  auto sender = signal_channel_sender::open(receiving.handle(), pair, patience).value();
  ASSERT_TRUE(send_number(sender, 0));
  wait_until_asleep(receiving.id());  // its handler stands
  for (std::uint64_t i = 1; i < count; ++i) {
    ASSERT_TRUE(send_number(sender, i));
    if (i % 16 == 0) receiving.send_signal(SIGPROF);
    if (i % 4096 == 0) {
      receiving.send_signal(SIGSTOP);
      receiving.wait_stopped();
      ASSERT_TRUE(send_number(sender, ++i));
      receiving.send_signal(SIGCONT);
    }
  }
  ASSERT_TRUE(sender.detach(patience));
  receiving.wait_success();
}

}  // namespace
}  // namespace sluice::test
