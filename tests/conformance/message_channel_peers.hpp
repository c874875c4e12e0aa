#pragma once
// What every message channel promises when its other end is in another thread or process.

#include <gtest/gtest.h>

#include <chrono>
#include <sluice/channel/blocking.hpp>
#include <vector>

#include "conformance/message_channel_conformance.hpp"
#include "support/asleep.hpp"
#include "support/between.hpp"
#include "support/history.hpp"
#include "support/shared_array.hpp"
#include "support/signal_storm.hpp"

namespace sluice::test {

/// Waits until the channel has everything that the sender accepted.
template <class Sender>
void flush(Sender& sender) {
  if constexpr (requires { sender.flush(); }) {
    auto flushed = sender.flush(deadline{patience});
    EXPECT_TRUE(flushed) << flushed.error().message();
  }
}

/// Ends a sender that can wait for room to say so. Of several that just go while the channel is
/// full, some may end unnoticed as long as their process lives.
template <class Sender>
void end_in_order(Sender& sender) {
  if constexpr (requires { sender.detach(deadline{patience}); }) {
    EXPECT_TRUE(sender.detach(deadline{patience}));
  }
}

/// Sends `count` messages of sender `id` and says goodbye; waits until the channel has them all.
template <class Sender>
void send_messages(Sender& sender, std::uint32_t id, std::uint64_t count, std::size_t largest,
                   manner how) {
  for (std::uint64_t sequence = 0; sequence < count; ++sequence) {
    const auto message = make_message(
        id, sequence,
        size_of_message(id, sequence, fit<Sender>(min_message_bytes), fit<Sender>(largest)));
    if (how != manner::trying) {
      const deadline until = how == manner::timed ? deadline{patience} : deadline::never();
      auto sent = sluice::send(sender, message, until);
      ASSERT_TRUE(sent) << sent.error().message();
      continue;
    }
    for (;;) {
      auto sent = sender.try_send(message);
      if (sent) break;
      ASSERT_TRUE(would_block(sent.error())) << sent.error().message();
      ASSERT_TRUE(sender.wait_writable(deadline{patience}));
    }
  }
  say_goodbye(sender);
  flush(sender);
}

/// Receives until the end of all senders, or until something is wrong.
template <class Receiver>
history_checker receive_all(Receiver& receiver, manner how, int senders = 1) {
  history_checker history;
  std::vector<std::byte> buffer(usual_max_message_bytes);
  for (;;) {
    const deadline until = how == manner::timed ? deadline{patience} : deadline::never();
    auto got = how == manner::trying ? receiver.try_receive(buffer)
                                     : sluice::receive(receiver, buffer, until);
    if (!got && how == manner::trying && would_block(got.error())) {
      EXPECT_TRUE(receiver.wait_readable(deadline{patience}));
      continue;
    }
    if (!got) {
      EXPECT_EQ(got.error(), errc::closed) << got.error().message();
      return history;
    }
    if (lasts<Receiver> && *got == 0) {
      if (--senders == 0) return history;
      continue;
    }
    if (history.check(const_bytes{buffer}.first(*got)) == damage::torn) return history;
  }
}

template <class Between>
class MessageChannelPeers : public ::testing::Test {
 protected:
  [[nodiscard]] static constexpr std::size_t fit(std::size_t size) noexcept {
    return test::fit<typename decltype(Between::link::sender)::value_type>(size);
  }
  typename Between::link link;
  std::array<std::byte, 200> buffer{};
};
TYPED_TEST_SUITE_P(MessageChannelPeers);

TYPED_TEST_P(MessageChannelPeers, a_receiver_wakes_when_a_message_comes) {
  const rendezvous again;
  typename TypeParam::peer peer{
      this->link.sender,
      [&again, receiver = this_thread_id()](auto& sender) {
        for (std::size_t size = 1; size < 4; ++size) {
          again.wait();
          wait_until_asleep(receiver);
          EXPECT_TRUE(sender.try_send(stream_bytes(0, TestFixture::fit(size))));
        }
        again.wait();
      },
      this->link.receiver};
  auto& receiver = *this->link.receiver;
  again.arrive();
  EXPECT_EQ(sluice::receive(receiver, this->buffer).value(), this->fit(1));
  again.arrive();
  EXPECT_EQ(sluice::receive(receiver, this->buffer, deadline{patience}).value(), this->fit(2));
  again.arrive();
  EXPECT_EQ(sluice::receive_message(receiver).value().size(), this->fit(3));
  again.arrive();
  peer.wait_success();
}

TYPED_TEST_P(MessageChannelPeers, a_receiver_wakes_when_the_sender_leaves) {
  if (link_lasts<typename TypeParam::link>) GTEST_SKIP() << has_no_end;
  typename TypeParam::peer peer{
      this->link.sender, [receiver = this_thread_id()](auto&) { wait_until_asleep(receiver); },
      this->link.receiver};
  EXPECT_EQ(sluice::receive(*this->link.receiver, this->buffer).error(), errc::closed);
  peer.wait_success();
}

TYPED_TEST_P(MessageChannelPeers, a_sender_wakes_when_room_appears) {
  if (receiver_is_process<typename TypeParam::link> && TypeParam::peer::is_process)
    GTEST_SKIP() << bound_receiver;
  for (const deadline until : {deadline::never(), deadline{patience}}) {
    typename TypeParam::link fresh;
    std::uint64_t count = 0;
    while (fresh.sender->try_send(make_message(0, count, this->fit(6000)))) ++count;
    typename TypeParam::peer peer{fresh.receiver,
                                  [count, sender = this_thread_id()](auto& receiver) {
                                    wait_until_asleep(sender);
                                    const auto history = receive_all(receiver, manner::waiting);
                                    EXPECT_TRUE(history.verdict(1, count + 1));
                                  },
                                  fresh.sender};
    EXPECT_TRUE(fresh.sender->send(make_message(0, count, this->fit(50'000)), until));
    say_goodbye(*fresh.sender);
    fresh.sender.reset();
    peer.wait_success();
  }
}

TYPED_TEST_P(MessageChannelPeers, a_sender_wakes_when_the_receiver_leaves) {
  if (link_lasts<typename TypeParam::link>) GTEST_SKIP() << has_no_end;
  if (receiver_is_process<typename TypeParam::link>) GTEST_SKIP() << bound_receiver;
  const auto message = stream_bytes(0, this->fit(6000));
  while (this->link.sender->try_send(message)) {
  }
  typename TypeParam::peer peer{this->link.receiver,
                                [sender = this_thread_id()](auto&) { wait_until_asleep(sender); },
                                this->link.sender};
  // TCP may find a little more room, late.
  result<void> sent;
  while (sent) sent = sluice::send(*this->link.sender, message);
  EXPECT_EQ(sent.error(), std::errc::broken_pipe);
  peer.wait_success();
}

TYPED_TEST_P(MessageChannelPeers, the_largest_message_passes) {
  for (const manner how : {manner::waiting, manner::timed, manner::trying}) {
    typename TypeParam::link fresh;
    typename TypeParam::peer peer{
        fresh.sender,
        [how](auto& sender) {
          const auto message = stream_bytes(0, sender.max_message_bytes());
          if (how == manner::trying) {
            EXPECT_TRUE(sender.try_send(message));
            flush(sender);
          } else {
            const bool timed = how == manner::timed;
            EXPECT_TRUE(sender.send(message, timed ? deadline{patience} : deadline::never()));
          }
          say_goodbye(sender);
        },
        fresh.receiver};
    auto got = sluice::receive_message(*fresh.receiver);
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(got->size(), largest_message<typename TypeParam::link>());
    EXPECT_EQ(mismatch(*got, 0), got->size());
    expect_end(*fresh.receiver);
    peer.wait_success();
  }
}

TYPED_TEST_P(MessageChannelPeers, nothing_is_lost_torn_or_reordered_in_any_manner) {
  for (const manner sending : {manner::waiting, manner::timed, manner::trying})
    for (const manner receiving : {manner::waiting, manner::timed, manner::trying})
      for (const std::size_t largest : {200U, 30'000U}) {
        typename TypeParam::link fresh;
        constexpr std::uint64_t count = 300;
        typename TypeParam::peer peer{
            fresh.sender, [&](auto& s) { send_messages(s, 0, count, largest, sending); },
            fresh.receiver};
        EXPECT_TRUE(receive_all(*fresh.receiver, receiving).verdict(1, count));
        peer.wait_success();
      }
}

TYPED_TEST_P(MessageChannelPeers, interruptions_change_nothing) {
  // F24: at every call of both sides, in all manners.
  for (const manner how : {manner::waiting, manner::timed, manner::trying}) {
    typename TypeParam::link fresh;
    typename TypeParam::peer peer{fresh.sender,
                                  [how](auto& sender) {
                                    const signal_storm storm;  // a child inherits no timer
                                    send_messages(sender, 0, 300, 20'000, how);
                                  },
                                  fresh.receiver};
    EXPECT_TRUE(receive_all(*fresh.receiver, how).verdict(1, 300));
    peer.wait_success();
  }
}

REGISTER_TYPED_TEST_SUITE_P(MessageChannelPeers, a_receiver_wakes_when_a_message_comes,
                            a_receiver_wakes_when_the_sender_leaves,
                            a_sender_wakes_when_room_appears,
                            a_sender_wakes_when_the_receiver_leaves, the_largest_message_passes,
                            nothing_is_lost_torn_or_reordered_in_any_manner,
                            interruptions_change_nothing);

/// Where the traits say many senders.
template <class Between>
class ManySenders : public ::testing::Test {};
TYPED_TEST_SUITE_P(ManySenders);

TYPED_TEST_P(ManySenders, do_not_mix_whatever_the_size_of_their_messages) {
  // F37: also above PIPE_BUF.
  for (const std::size_t largest : {300U, 40'000U}) {
    typename TypeParam::link link;
    const rendezvous all_there;  // none fills the channel before somebody receives
    std::vector<typename TypeParam::peer> peers;
    for (std::uint32_t id = 0; id < 4; ++id) {
      auto sender = std::make_optional(link.another_sender());
      const manner how = id % 2 == 0 ? manner::waiting : manner::trying;
      peers.emplace_back(
          sender,
          [=, &all_there](auto& mine) {
            all_there.wait();
            send_messages(mine, id, 200, largest, how);
            end_in_order(mine);
          },
          link.receiver, link.sender);
    }
    link.sender.reset();
    all_there.arrive(4);
    EXPECT_TRUE(receive_all(*link.receiver, manner::waiting, 4).verdict(4, 200));
    for (auto& peer : peers) peer.wait_success();
  }
}

REGISTER_TYPED_TEST_SUITE_P(ManySenders, do_not_mix_whatever_the_size_of_their_messages);

/// Where the traits say many receivers.
template <class Between>
class ManyReceivers : public ::testing::Test {};
TYPED_TEST_SUITE_P(ManyReceivers);

TYPED_TEST_P(ManyReceivers, share_the_messages_each_to_one) {
  typename TypeParam::link link;
  constexpr std::uint64_t count = 1000;
  const shared_array seen{count};
  std::vector<typename TypeParam::peer> peers;
  for (int id = 0; id < 3; ++id) {
    auto receiver = std::make_optional(link.another_receiver());
    peers.emplace_back(
        receiver,
        [&seen](auto& mine) {
          history_checker history;
          std::vector<std::byte> buffer(usual_max_message_bytes);
          while (auto got = sluice::receive(mine, buffer)) {
            if (lasts<std::remove_reference_t<decltype(mine)>> && *got == 0) break;
            EXPECT_EQ(history.check(const_bytes{buffer}.first(*got)), damage::none);
            message_label label;
            copy_bytes(buffer, writable_bytes_of(label));
            seen[label.sequence % count].fetch_add(1);
          }
        },
        link.sender, link.receiver);
  }
  link.receiver.reset();
  send_messages(*link.sender, 0, count, 5000, manner::waiting);
  for (std::size_t more = 1; more < peers.size(); ++more) say_goodbye(*link.sender);
  link.sender.reset();
  for (auto& peer : peers) peer.wait_success();
  for (std::size_t at = 0; at < count; ++at) EXPECT_EQ(seen[at], 1U) << "message " << at;
}

REGISTER_TYPED_TEST_SUITE_P(ManyReceivers, share_the_messages_each_to_one);

}  // namespace sluice::test
