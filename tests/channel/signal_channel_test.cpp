#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <optional>
#include <sluice/primitive/scoped_signal_handler.hpp>
#include <string>

#include "channel/signal_channel_fixture.hpp"
#include "support/program_output.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

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
  if (!has_program("kill")) GTEST_SKIP() << "no kill program (Debian package procps)";
  auto receiver = make_receiver();
  const std::string us = std::to_string(::getpid());
  const std::string data = signal_name(pair.data).substr(3);
  const std::string end = signal_name(pair.end).substr(3);
  for (int i = 1; i <= 3; ++i)
    static_cast<void>(output_of({"kill", "-s", data, "-q", std::to_string(i), us}));
  for (std::uint64_t i = 1; i <= 3; ++i)
    EXPECT_EQ(receive_number(receiver).value() & 0xffff'ffff, i);
  static_cast<void>(output_of({"kill", "-s", data, us}));
  static_cast<void>(output_of({"kill", "-s", end, us}));
  EXPECT_TRUE(would_block(try_receive_number(receiver).error()));
  EXPECT_EQ(receiver.strays(), 2U);
}

void expect_that_bad_input_is_refused() {
  const process self = process::open(::getpid()).value();
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

TEST_F(SignalChannel, refuses_what_is_no_pair) { expect_that_bad_input_is_refused(); }

TEST_F(SignalChannel, refuses_a_receiver_whose_thread_does_not_block_the_pair) {
  auto receiver = signal_channel_receiver::create(signal_pair::nth(5));
  ASSERT_FALSE(receiver);
  EXPECT_EQ(receiver.error(), std::errc::invalid_argument);
  EXPECT_NE(receiver.error().message().find("scoped_signal_mask::block"), std::string::npos);
}

TEST_F(SignalChannel, may_not_send_to_other_users_processes) {
  if (!may_change_user()) GTEST_SKIP() << "becoming another user needs root";
  as_nobody([&, ours = ::getpid()] {
    auto sender = signal_channel_sender::open(process::open(ours).value(), pair, patience);
    ASSERT_FALSE(sender);
    EXPECT_EQ(sender.error(), std::errc::operation_not_permitted);
    auto receiver = signal_channel_receiver::create(pair);
    EXPECT_TRUE(receiver);
    expect_that_bad_input_is_refused();
  });
}

}  // namespace
}  // namespace sluice::test
