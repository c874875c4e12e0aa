#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <map>
#include <optional>
#include <sluice/channel/signal_channel.hpp>
#include <sluice/primitive/scoped_signal_handler.hpp>
#include <sluice/primitive/scoped_signal_mask.hpp>
#include <sluice/primitive/signal_sender.hpp>
#include <string>
#include <vector>

#include "support/asleep.hpp"
#include "support/child.hpp"
#include "support/program_output.hpp"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::child;
using test::patience;
using test::rendezvous;

class SignalChannel : public ::testing::Test {
 protected:
  const signal_pair pair = signal_pair::nth(1);
  scoped_signal_mask mask = scoped_signal_mask::block(pair.signals()).value();
  const process self = process::open(::getpid()).value();

  [[nodiscard]] signal_channel_sender open_sender() const {
    return signal_channel_sender::open(self, pair, patience).value();
  }
  [[nodiscard]] signal_channel_receiver make_receiver() const {
    return signal_channel_receiver::create(pair).value();
  }
  // In a child that shall have a short queue in which nobody else's signals count.
  static void shorten_queue(rlim_t length) {
    const rlimit few{.rlim_cur = length, .rlim_max = length};
    ASSERT_EQ(::setrlimit(RLIMIT_SIGPENDING, &few), 0);
    ASSERT_EQ(::setuid(65534), 0);
  }
};

result<void> send_number(signal_channel_sender& sender, std::uint64_t number,
                         deadline until = deadline{patience}) {
  return sender.send(bytes_of(number), until);
}

result<std::uint64_t> receive_number(signal_channel_receiver& receiver,
                                     deadline until = deadline{patience}) {
  std::uint64_t number = 0;
  return receiver.receive(writable_bytes_of(number), until).transform([&](std::size_t size) {
    EXPECT_EQ(size, sizeof number);
    return number;
  });
}

result<std::uint64_t> try_receive_number(signal_channel_receiver& receiver) {
  std::uint64_t number = 0;
  return receiver.try_receive(writable_bytes_of(number)).transform([&](std::size_t) {
    return number;
  });
}

std::uint64_t fill(signal_channel_sender& sender) {
  for (std::uint64_t sent = 0; sent < 1000; ++sent) {
    auto outcome = sender.try_send(bytes_of(sent));
    if (outcome) continue;
    EXPECT_TRUE(would_block(outcome.error())) << outcome.error().message();
    return sent;
  }
  ADD_FAILURE() << "the queue is never full";
  return 0;
}

TEST_F(SignalChannel, carries_eight_bytes_in_order_and_ends_after_them) {
  auto receiver = make_receiver();
  EXPECT_TRUE(would_block(try_receive_number(receiver).error()));
  {
    auto sender = open_sender();
    for (std::uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(send_number(sender, ~i));
  }
  for (std::uint64_t i = 0; i < 100; ++i) EXPECT_EQ(receive_number(receiver).value(), ~i);
  for (int again = 0; again < 3; ++again) {
    EXPECT_TRUE(receiver.wait_readable(deadline::now()));
    EXPECT_EQ(try_receive_number(receiver).error(), errc::closed);
    EXPECT_EQ(receiver.next_size().error(), errc::closed);
  }
}

TEST_F(SignalChannel, takes_messages_of_eight_bytes_alone) {
  auto receiver = make_receiver();
  auto sender = open_sender();
  const std::array<std::byte, 16> bytes{};
  for (std::size_t size : {0U, 1U, 7U, 9U, 16U})
    EXPECT_EQ(sender.try_send(const_bytes{bytes}.first(size)).error(), std::errc::message_size);
  ASSERT_TRUE(send_number(sender, 5));
  std::array<std::byte, 16> buffer{};
  auto too_small = receiver.try_receive(mutable_bytes{buffer}.first(7));
  ASSERT_FALSE(too_small);
  EXPECT_EQ(too_small.error(), std::errc::no_buffer_space);
  EXPECT_EQ(receiver.next_size().value(), 8U);
  EXPECT_EQ(receiver.try_receive(buffer).value(), 8U);
}

TEST_F(SignalChannel, ends_when_the_last_of_several_senders_has_ended) {
  auto receiver = make_receiver();
  auto first = open_sender();
  std::optional<signal_channel_sender> second = open_sender();
  EXPECT_TRUE(would_block(try_receive_number(receiver).error()));
  EXPECT_EQ(receiver.senders(), 2U);
  ASSERT_TRUE(first.detach());
  EXPECT_TRUE(would_block(try_receive_number(receiver).error()));
  EXPECT_EQ(receiver.senders(), 1U);
  ASSERT_TRUE(send_number(*second, 7));
  second.reset();
  EXPECT_EQ(receive_number(receiver).value(), 7U);
  EXPECT_EQ(try_receive_number(receiver).error(), errc::closed);
}

TEST_F(SignalChannel, begins_again_when_another_sender_comes) {
  auto receiver = make_receiver();
  { auto sender = open_sender(); }
  EXPECT_EQ(try_receive_number(receiver).error(), errc::closed);
  auto sender = open_sender();
  EXPECT_TRUE(would_block(try_receive_number(receiver).error()));
  ASSERT_TRUE(send_number(sender, 1));
  EXPECT_EQ(receive_number(receiver).value(), 1U);
}

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
  test::wait_until_asleep(receiving.id());
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
    test::wait_until_asleep(::getppid());
    ::kill(victim, SIGKILL);
  }};
  EXPECT_EQ(receive_number(receiver, deadline::never()).error(), std::errc::connection_reset);
  EXPECT_EQ(receive_number(receiver).error(), errc::closed);
  killer.wait_success();
  EXPECT_EQ(dying.wait().signal, SIGKILL);
}

TEST_F(SignalChannel, can_be_polled_with_other_things) {
  auto receiver = make_receiver();
  pollfd watched{.fd = receiver.native_handle(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&watched, 1, 0), 0);
  auto sender = open_sender();
  ASSERT_TRUE(send_number(sender, 1));
  EXPECT_EQ(::poll(&watched, 1, 0), 1);
  EXPECT_EQ(try_receive_number(receiver).value(), 1U);
  EXPECT_TRUE(would_block(try_receive_number(receiver).error()));
  EXPECT_EQ(::poll(&watched, 1, 0), 0);
  EXPECT_EQ(receiver.wait_readable(10ms).error(), std::errc::timed_out);
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

TEST_F(SignalChannel, pairs_do_not_disturb_each_other) {
  const signal_pair other = signal_pair::nth(2);
  auto other_mask = scoped_signal_mask::block(other.signals()).value();
  auto receiver = make_receiver();
  auto other_receiver = signal_channel_receiver::create(other).value();
  auto sender = open_sender();
  { auto other_sender = signal_channel_sender::open(self, other, patience).value(); }
  EXPECT_EQ(try_receive_number(other_receiver).error(), errc::closed);
  ASSERT_TRUE(send_number(sender, 4));
  EXPECT_EQ(receive_number(receiver).value(), 4U);
}

TEST_F(SignalChannel, what_was_not_received_does_no_harm_when_the_receiver_goes) {
  child survivor{[&] {
    {
      auto inner = scoped_signal_mask::block(pair.signals()).value();
      auto receiver = make_receiver();
      const process ourselves = process::open(::getpid()).value();
      auto sender = signal_channel_sender::open(ourselves, pair, patience).value();
      for (std::uint64_t i = 0; i < 100; ++i) ASSERT_TRUE(send_number(sender, i));
      std::move(sender).detach().value();
    }
    auto unmasked = scoped_signal_mask::unblock(pair.signals());
  }};
  survivor.wait_success();
}

// The advice of the receiver's card for receivers that end before their senders.
TEST_F(SignalChannel, messages_to_a_receiver_that_has_gone_do_no_harm_where_they_are_ignored) {
  const rendezvous ready;
  const rendezvous gone;
  const rendezvous sent;
  child survivor{[&] {
    auto unmasked = scoped_signal_mask::unblock(pair.signals()).value();
    auto no_data = scoped_signal_handler::ignore(pair.data).value();
    auto no_end = scoped_signal_handler::ignore(pair.end).value();
    {
      auto inner = scoped_signal_mask::block(pair.signals()).value();
      auto receiver = make_receiver();
      ready.arrive();
      EXPECT_EQ(receive_number(receiver).value(), 1U) << "blocked signals are never ignored";
    }
    gone.arrive();
    sent.wait();
  }};
  ready.wait();
  {
    auto sender = signal_channel_sender::open(survivor.handle(), pair, patience).value();
    ASSERT_TRUE(send_number(sender, 1));
    gone.wait();
    ASSERT_TRUE(send_number(sender, 2));
  }
  sent.arrive();
  survivor.wait_success();
}

// Interoperability: kill(1) queues messages, and what it sends without queueing is none.
TEST_F(SignalChannel, receives_from_the_kill_program) {
  if (!test::has_program("kill")) GTEST_SKIP() << "no kill program (Debian package procps)";
  auto receiver = make_receiver();
  const std::string us = std::to_string(::getpid());
  const std::string data = signal_name(pair.data).substr(3);
  const std::string end = signal_name(pair.end).substr(3);
  for (int i = 1; i <= 3; ++i)
    static_cast<void>(test::output_of({"kill", "-s", data, "-q", std::to_string(i), us}));
  for (std::uint64_t i = 1; i <= 3; ++i)
    EXPECT_EQ(receive_number(receiver).value() & 0xffff'ffff, i);
  static_cast<void>(test::output_of({"kill", "-s", data, us}));
  static_cast<void>(test::output_of({"kill", "-s", end, us}));
  EXPECT_TRUE(would_block(try_receive_number(receiver).error()));
  EXPECT_EQ(receiver.strays(), 2U);
}

TEST_F(SignalChannel, refuses_what_is_no_pair) {
  const int low = SIGRTMIN;
  for (const signal_pair wrong :
       {signal_pair{}, signal_pair{low, low}, signal_pair{low + 1, low},
        signal_pair{SIGUSR1, SIGUSR2}, signal_pair{SIGUSR1, low}, signal_pair{32, 33},
        signal_pair{SIGRTMAX, SIGRTMAX + 1}, signal_pair{-1, low}, signal_pair::nth(-1),
        signal_pair::nth(15), signal_pair::nth(1'000'000'000)}) {
    auto receiver = signal_channel_receiver::create(wrong);
    ASSERT_FALSE(receiver) << wrong.data << ' ' << wrong.end;
    EXPECT_EQ(receiver.error(), std::errc::invalid_argument);
    EXPECT_STRNE(receiver.error().hint(), "");
    auto sender = signal_channel_sender::open(self, wrong, deadline::now());
    ASSERT_FALSE(sender);
    EXPECT_EQ(sender.error(), std::errc::invalid_argument);
  }
  EXPECT_TRUE(is_real_time(signal_pair::nth(14).end));
}

TEST_F(SignalChannel, refuses_a_receiver_whose_thread_does_not_block_the_pair) {
  auto receiver = signal_channel_receiver::create(signal_pair::nth(5));
  ASSERT_FALSE(receiver);
  EXPECT_EQ(receiver.error(), std::errc::invalid_argument);
  EXPECT_NE(receiver.error().message().find("scoped_signal_mask::block"), std::string::npos);
}

TEST_F(SignalChannel, may_not_send_to_other_users_processes) {
  child nobody{[&, ours = ::getpid()] {
    ASSERT_EQ(::setuid(65534), 0);
    auto sender = signal_channel_sender::open(process::open(ours).value(), pair, patience);
    ASSERT_FALSE(sender);
    EXPECT_EQ(sender.error(), std::errc::operation_not_permitted);
    auto receiver = signal_channel_receiver::create(pair);
    EXPECT_TRUE(receiver);
  }};
  nobody.wait_success();
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
  test::wait_until_asleep(receiving.id());  // its handler stands
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
}  // namespace sluice
