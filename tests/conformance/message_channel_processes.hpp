#pragma once
// What processes can do to each other over a message channel: stop and be killed.

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <thread>
#include <vector>

#include "conformance/message_channel_peers.hpp"

namespace sluice::test {

template <class Link>
class MessageChannelProcesses : public ::testing::Test {
 protected:
  Link link;
};
TYPED_TEST_SUITE_P(MessageChannelProcesses);

TYPED_TEST_P(MessageChannelProcesses, stopping_and_continuing_neither_ends_nor_prolongs_a_wait) {
  // F24
  if (receiver_is_process<TypeParam>) GTEST_SKIP() << bound_receiver;
  process_peer peer{this->link.receiver, [](auto& receiver) {
                      std::array<std::byte, 10> buffer;
                      const auto before = deadline::clock::now();
                      auto got = sluice::receive(receiver, buffer, std::chrono::seconds{1});
                      EXPECT_GE(deadline::clock::now() - before, std::chrono::seconds{1});
                      ASSERT_FALSE(got);
                      EXPECT_EQ(got.error(), std::errc::timed_out) << got.error().message();
                    }};
  // Long before the wait can end: who has ended cannot be stopped any more, nor falls asleep.
  const deadline later{std::chrono::milliseconds{90}};
  while (!later.has_passed()) {
    peer.process().send_signal(SIGSTOP);
    peer.process().wait_stopped();
    peer.process().send_signal(SIGCONT);
    wait_until_asleep(peer.process().id());
  }
  peer.wait_success();
}

TYPED_TEST_P(MessageChannelProcesses, stopping_the_sender_anywhere_changes_nothing) {
  process_peer peer{this->link.sender,
                    [](auto& sender) { send_messages(sender, 0, 500, 30'000, manner::waiting); },
                    this->link.receiver};
  history_checker history;
  std::vector<std::byte> buffer(usual_max_message_bytes);
  for (std::uint64_t count = 0; count < 500; ++count) {
    if (count % 10 == 0) {
      peer.process().send_signal(SIGSTOP);
      // What came before it was stopped is received; then there is nothing, and no end either.
      for (auto got = this->link.receiver->try_receive(buffer); got && count < 500; ++count) {
        history.check(const_bytes{buffer}.first(*got));
        got = this->link.receiver->try_receive(buffer);
      }
      peer.process().send_signal(SIGCONT);
      if (count >= 500) break;
    }
    auto got = sluice::receive(*this->link.receiver, buffer);
    ASSERT_TRUE(got) << got.error().message();
    history.check(const_bytes{buffer}.first(*got));
  }
  peer.wait_success();
  EXPECT_TRUE(history.verdict(1, 500));
}

TYPED_TEST_P(MessageChannelProcesses, a_killed_sender_leaves_whole_messages_and_then_the_end) {
  // F38: killed anywhere, also inside a message; what is torn is told and never handed out.
  for (std::uint64_t wanted = 1; wanted < 40; wanted += 3) {
    TypeParam fresh;
    process_peer peer{
        fresh.sender,
        [](auto& sender) { send_messages(sender, 0, 1'000'000, 50'000, manner::waiting); },
        fresh.receiver};
    history_checker history;
    std::vector<std::byte> buffer(usual_max_message_bytes);
    for (std::uint64_t count = 0; count < wanted; ++count) {
      auto got = sluice::receive(*fresh.receiver, buffer);
      ASSERT_TRUE(got) << got.error().message();
      history.check(const_bytes{buffer}.first(*got));
    }
    peer.process().kill();
    for (;;) {
      auto got = fresh.receiver->try_receive(buffer);
      const bool told =
          !got && (got.error() == errc::corrupt || got.error() == std::errc::connection_reset);
      if (told) got = fresh.receiver->try_receive(buffer);
      // That it died may be noticed by a wait alone.
      if (!got && !link_lasts<TypeParam> && would_block(got.error())) {
        EXPECT_TRUE(fresh.receiver->wait_readable(deadline{patience}));
        continue;
      }
      if (!got) {
        const bool ended =
            link_lasts<TypeParam> ? would_block(got.error()) : got.error() == errc::closed;
        EXPECT_TRUE(ended) << got.error().message();
        break;
      }
      history.check(const_bytes{buffer}.first(*got));
    }
    EXPECT_TRUE(history.verdict(1, history.received()));
  }
}

TYPED_TEST_P(MessageChannelProcesses, a_killed_receiver_is_a_broken_pipe) {
  if (receiver_is_process<TypeParam>) GTEST_SKIP() << bound_receiver;
  if (link_lasts<TypeParam>) GTEST_SKIP() << has_no_end;
  process_peer peer{this->link.receiver,
                    [](auto& receiver) {
                      EXPECT_TRUE(sluice::receive_message(receiver));
                      for (;;) ::pause();
                    },
                    this->link.sender};
  ASSERT_TRUE(sluice::send(*this->link.sender, stream_bytes(0, 100)));
  using sender_type = typename decltype(TypeParam::sender)::value_type;
  std::vector<std::byte> large(fit<sender_type>(usual_max_message_bytes));
  while (this->link.sender->try_send(large)) {
  }
  peer.process().kill();
  // TCP may find a little more room, late.
  result<void> sent;
  while (sent) sent = sluice::send(*this->link.sender, large);
  EXPECT_EQ(sent.error(), std::errc::broken_pipe);
}

REGISTER_TYPED_TEST_SUITE_P(MessageChannelProcesses,
                            stopping_and_continuing_neither_ends_nor_prolongs_a_wait,
                            stopping_the_sender_anywhere_changes_nothing,
                            a_killed_sender_leaves_whole_messages_and_then_the_end,
                            a_killed_receiver_is_a_broken_pipe);

/// Where the traits say that content survives the processes.
template <class Link>
class LastingChannel : public ::testing::Test {
 protected:
  Link link;
};
TYPED_TEST_SUITE_P(LastingChannel);

TYPED_TEST_P(LastingChannel, keeps_its_messages_while_nobody_has_it_open) {
  child only_sender{[this] {
    auto mine = this->link.another_sender();
    for (std::uint64_t count = 0; count < 5; ++count)
      EXPECT_TRUE(mine.try_send(make_message(0, count, 100)));
  }};
  this->link.sender.reset();
  this->link.receiver.reset();
  only_sender.wait_success();
  child only_receiver{[this] {
    auto mine = this->link.another_receiver();
    history_checker history;
    for (int count = 0; count < 5; ++count)
      history.check(sluice::receive_message(mine, deadline::now()).value());
    EXPECT_TRUE(history.verdict(1, 5));
    EXPECT_TRUE(would_block(mine.next_size().error()));
  }};
  only_receiver.wait_success();
}

TYPED_TEST_P(LastingChannel, waits_for_the_successor_of_a_killed_receiver_and_sender) {
  const shared_array received{1};
  process_peer first{this->link.receiver, [&received](auto& receiver) {
                       std::vector<std::byte> buffer(usual_max_message_bytes);
                       while (sluice::receive(receiver, buffer)) received[0].fetch_add(1);
                     }};
  process_peer killed{this->link.sender, [](auto& sender) {
                        send_messages(sender, 0, 1'000'000, 300, manner::waiting);
                      }};
  while (received[0] < 100) std::this_thread::sleep_for(std::chrono::milliseconds{1});
  first.process().kill();
  killed.process().kill();
  // What the successors find follows upon what the first had; one message may have gone with it.
  auto receiver = this->link.another_receiver();
  std::vector<std::byte> buffer(usual_max_message_bytes);
  std::uint64_t next = 0;
  history_checker rest;
  while (auto got = receiver.try_receive(buffer)) {
    EXPECT_EQ(rest.check(const_bytes{buffer}.first(*got)), damage::none);
    message_label label;
    copy_bytes(buffer, writable_bytes_of(label));
    if (next != 0) {
      EXPECT_EQ(label.sequence, next);
    }
    EXPECT_GE(label.sequence, received[0].load());
    EXPECT_LE(label.sequence, next == 0 ? received[0].load() + 1 : next);
    next = label.sequence + 1;
  }
  auto sender = this->link.another_sender();
  EXPECT_TRUE(sender.try_send(stream_bytes(0, 9)));
  EXPECT_EQ(sluice::receive(receiver, buffer).value(), 9U);
}

REGISTER_TYPED_TEST_SUITE_P(LastingChannel, keeps_its_messages_while_nobody_has_it_open,
                            waits_for_the_successor_of_a_killed_receiver_and_sender);

}  // namespace sluice::test
