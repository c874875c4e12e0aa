#pragma once
// What every message channel promises (base/concepts.hpp), with both ends in one thread. What needs
// a second thread or process is in message_channel_peers.hpp.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <sluice/channel/blocking.hpp>
#include <vector>

#include "conformance/byte_stream_conformance.hpp"
#include "conformance/message_ends.hpp"
#include "conformance/message_links.hpp"
#include "support/history.hpp"
#include "support/leftovers.hpp"
#include "support/signal_storm.hpp"

namespace sluice::test {

/// The nearest size to `size` that a channel with this end can carry.
template <class End>
[[nodiscard]] constexpr std::size_t fit(std::size_t size) noexcept {
  const auto& traits = channel_traits<End>;
  return std::clamp(size, traits.min_message_bytes, traits.max_message_bytes);
}

/// The largest message of a link, where that is not what was asked for.
template <class Link>
[[nodiscard]] constexpr std::size_t largest_message() noexcept {
  if constexpr (requires { Link::largest_message_bytes; }) {
    return Link::largest_message_bytes;
  } else {
    return fit<typename decltype(Link::sender)::value_type>(usual_max_message_bytes);
  }
}

/// Links may say that a receiver cannot be given away: `static constexpr bool receiver_is_process`.
template <class Link>
inline constexpr bool receiver_is_process = requires { requires Link::receiver_is_process; };
inline constexpr const char* bound_receiver =
    "the receiver is a process: it can neither be handed to another nor go before that ends";

template <class Link>
class MessageChannel : public ::testing::Test {
 protected:
  [[nodiscard]] static constexpr std::size_t fit(std::size_t size) noexcept {
    return test::fit<typename decltype(Link::sender)::value_type>(size);
  }
  /// Receives the next message, letting the sender pass on what it keeps of a message that did not
  /// fit at once.
  template <class Receiver, class Sender>
  std::vector<std::byte> next(Receiver& receiver, std::optional<Sender>& sender) {
    for (int turn = 0; turn < 100'000; ++turn) {
      if (auto size = receiver.next_size(); size) {
        std::vector<std::byte> message(*size);
        EXPECT_EQ(receiver.try_receive(message).value(), *size);
        return message;
      }
      if (sender) static_cast<void>(sender->wait_writable(deadline::now()));
    }
    ADD_FAILURE() << "no message comes";
    return {};
  }
  std::vector<std::byte> next() { return next(*link.receiver, link.sender); }

  /// Sends messages of sender 0 until not even the smallest fits; returns how many there are now.
  std::uint64_t fill(std::size_t smallest, std::size_t largest) {
    for (std::uint64_t count = 0; count < 10'000'000;) {
      auto sent = link.sender->try_send(
          make_message(0, count, size_of_message(0, count, fit(smallest), fit(largest))));
      if (!sent) sent = link.sender->try_send(make_message(0, count, fit(min_message_bytes)));
      if (!sent) {
        EXPECT_TRUE(would_block(sent.error())) << sent.error().message();
        return count;
      }
      ++count;
    }
    ADD_FAILURE() << "the channel never gets full";
    return 0;
  }

  Link link;
  std::array<std::byte, 200> buffer{};
};
TYPED_TEST_SUITE_P(MessageChannel);

TYPED_TEST_P(MessageChannel, messages_arrive_whole_and_in_order_whatever_their_size) {
  for (const std::size_t wanted : {0U, 1U, 2U, 31U, 32U, 33U, 4000U, 4063U, 4064U, 4065U, 4088U,
                                   4089U, 8128U, 65'528U, 65'536U, 65'537U, 300'000U}) {
    const std::size_t size = this->fit(wanted);
    ASSERT_TRUE(this->link.sender->try_send(stream_bytes(size, size))) << size;
    const auto got = this->next();
    ASSERT_EQ(got.size(), size);
    EXPECT_EQ(mismatch(got, size), size);
  }
  // As many at once as find room.
  std::size_t sent = 0;
  for (std::size_t size = 0; size < 50; ++size) {
    while (sent < 50 && this->link.sender->try_send(stream_bytes(0, this->fit(sent)))) ++sent;
    ASSERT_GT(sent, size);
    const auto got = this->next();
    ASSERT_EQ(got.size(), this->fit(size));
    EXPECT_EQ(mismatch(got, 0), got.size());
  }
}

TYPED_TEST_P(MessageChannel, the_largest_message_passes_and_a_larger_one_leaves_no_trace) {
  const std::size_t largest = this->link.sender->max_message_bytes();
  EXPECT_EQ(largest, largest_message<TypeParam>());
  const auto beyond = stream_bytes(0, largest + 1);
  for (const deadline until : {deadline::never(), deadline::now()})
    EXPECT_EQ(sluice::send(*this->link.sender, beyond, until).error(), std::errc::message_size);
  EXPECT_EQ(this->link.sender->try_send(beyond).error(), std::errc::message_size);
  EXPECT_TRUE(would_block(this->link.receiver->try_receive(this->buffer).error()));
  ASSERT_TRUE(this->link.sender->try_send(const_bytes{beyond}.first(largest)));
  const auto got = this->next();
  EXPECT_EQ(got.size(), largest);
  EXPECT_EQ(mismatch(got, 0), largest);
}

TYPED_TEST_P(MessageChannel, an_empty_channel_would_block_before_and_after_use) {
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(would_block(this->link.receiver->try_receive(this->buffer).error()));
    EXPECT_TRUE(would_block(this->link.receiver->next_size().error()));
    EXPECT_EQ(this->link.receiver->wait_readable(deadline::now()).error(), std::errc::timed_out);
    EXPECT_EQ(sluice::receive(*this->link.receiver, this->buffer, deadline::now()).error(),
              std::errc::timed_out);
    EXPECT_EQ(sluice::receive_message(*this->link.receiver, deadline::now()).error(),
              std::errc::timed_out);
    ASSERT_TRUE(this->link.sender->try_send(stream_bytes(0, this->fit(7))));
    EXPECT_TRUE(this->link.receiver->wait_readable(deadline::now()));
    EXPECT_EQ(this->link.receiver->try_receive(this->buffer).value(), this->fit(7));
  }
}

TYPED_TEST_P(MessageChannel, a_full_channel_would_block_and_what_it_accepted_arrives_once) {
  for (const std::size_t largest : {100U, 4000U, 20'000U, 200'000U}) {
    const std::uint64_t count = this->fill(min_message_bytes, largest);
    EXPECT_GT(count, 0U);
    EXPECT_EQ(this->link.sender->wait_writable(deadline::now()).error(), std::errc::timed_out);
    for (const std::size_t size : {40U, 5000U, 900'000U}) {
      const auto message = make_message(0, count, this->fit(size));
      EXPECT_TRUE(would_block(this->link.sender->try_send(message).error())) << size;
      // A time-out means that nothing of it was sent.
      EXPECT_EQ(sluice::send(*this->link.sender, message, deadline::now()).error(),
                std::errc::timed_out);
    }
    history_checker history;
    for (std::uint64_t got = 0; got < count; ++got) history.check(this->next());
    EXPECT_TRUE(history.verdict(1, count));
    EXPECT_TRUE(would_block(this->link.receiver->try_receive(this->buffer).error()));
  }
}

TYPED_TEST_P(MessageChannel, a_buffer_too_small_leaves_the_message_and_its_size_can_be_asked) {
  const std::size_t first = this->fit(100);
  const std::size_t second = this->fit(20);
  ASSERT_TRUE(this->link.sender->try_send(stream_bytes(0, first)));
  ASSERT_TRUE(this->link.sender->try_send(stream_bytes(0, second)));
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, first - 1}) {
    const mutable_bytes small = mutable_bytes{this->buffer}.first(size);
    EXPECT_EQ(this->link.receiver->try_receive(small).error(), std::errc::no_buffer_space);
    EXPECT_EQ(sluice::receive(*this->link.receiver, small).error(), std::errc::no_buffer_space);
    EXPECT_TRUE(this->link.receiver->wait_readable(deadline::now()));
    EXPECT_EQ(this->link.receiver->next_size().value(), first);
  }
  const mutable_bytes exact = mutable_bytes{this->buffer}.first(first);
  EXPECT_EQ(this->link.receiver->try_receive(exact).value(), first);
  EXPECT_EQ(mismatch(exact, 0), first);
  EXPECT_EQ(this->link.receiver->next_size().value(), second);
  EXPECT_EQ(this->link.receiver->try_receive(this->buffer).value(), second);
}

TYPED_TEST_P(MessageChannel, messages_without_bytes_are_messages) {
  if (this->fit(0) != 0) {
    EXPECT_EQ(this->link.sender->try_send({}).error(), std::errc::message_size);
    GTEST_SKIP() << "its messages have " << this->fit(0) << " bytes at least";
  }
  for (int count = 0; count < 3; ++count) ASSERT_TRUE(this->link.sender->try_send({}));
  for (int count = 0; count < 3; ++count) {
    EXPECT_EQ(this->link.receiver->next_size().value(), 0U);
    EXPECT_EQ(this->link.receiver->try_receive({}).value(), 0U);
  }
  EXPECT_TRUE(would_block(this->link.receiver->try_receive({}).error()));
  if (link_lasts<TypeParam>) return;
  ASSERT_TRUE(this->link.sender->try_send({}));
  this->link.sender.reset();
  EXPECT_EQ(this->link.receiver->try_receive(this->buffer).value(), 0U);
  EXPECT_EQ(this->link.receiver->try_receive(this->buffer).error(), errc::closed);
}

TYPED_TEST_P(MessageChannel, the_end_comes_after_everything_was_received_and_stays) {
  if (link_lasts<TypeParam>) GTEST_SKIP() << has_no_end;
  for (std::size_t size = 1; size < 4; ++size)
    ASSERT_TRUE(this->link.sender->try_send(stream_bytes(0, this->fit(size))));
  this->link.sender.reset();
  for (std::size_t size = 1; size < 4; ++size)
    EXPECT_EQ(this->link.receiver->try_receive(this->buffer).value(), this->fit(size));
  for (int again = 0; again < 3; ++again) {
    EXPECT_TRUE(this->link.receiver->wait_readable(deadline::now()));
    EXPECT_EQ(this->link.receiver->try_receive(this->buffer).error(), errc::closed);
    EXPECT_EQ(this->link.receiver->next_size().error(), errc::closed);
    EXPECT_EQ(sluice::receive(*this->link.receiver, this->buffer).error(), errc::closed);
    EXPECT_EQ(sluice::receive_message(*this->link.receiver).error(), errc::closed);
  }
}

TYPED_TEST_P(MessageChannel, a_broken_pipe_is_a_value_and_changes_no_signal_state) {
  // F34. SIGPIPE has its default here: raised once, it would kill this process.
  if (receiver_is_process<TypeParam>) GTEST_SKIP() << bound_receiver;
  if (link_lasts<TypeParam>) GTEST_SKIP() << has_no_end;
  this->link.receiver.reset();
  EXPECT_EQ(this->link.sender->try_send(stream_bytes(0, this->fit(0))).error(),
            std::errc::broken_pipe);
  const process_state before = process_state::now();
  for (const std::size_t size : {0U, 1U, 10'000U, 1U << 20}) {
    const auto message = stream_bytes(0, this->fit(size));
    EXPECT_EQ(this->link.sender->try_send(message).error(), std::errc::broken_pipe);
    for (const deadline until : {deadline::never(), deadline::now()})
      EXPECT_EQ(sluice::send(*this->link.sender, message, until).error(), std::errc::broken_pipe);
  }
  EXPECT_TRUE(this->link.sender->wait_writable(deadline::now()));
  EXPECT_TRUE(leftovers(before, process_state::now()).empty());
}

TYPED_TEST_P(MessageChannel, blocking_and_timed_forms_do_the_same) {
  using namespace std::chrono_literals;
  for (const deadline until : {deadline::never(), deadline::now(), deadline{10s}})
    for (const std::size_t wanted : {0U, 1U, 200U}) {
      const std::size_t size = this->fit(wanted);
      ASSERT_TRUE(sluice::send(*this->link.sender, stream_bytes(0, size), until));
      EXPECT_EQ(sluice::receive(*this->link.receiver, this->buffer, until).value(), size);
      EXPECT_EQ(mismatch(const_bytes{this->buffer}.first(size), 0), size);
      ASSERT_TRUE(this->link.sender->send(stream_bytes(0, size), until));
      EXPECT_EQ(sluice::receive_message(*this->link.receiver, until).value(),
                stream_bytes(0, size));
    }
}

TYPED_TEST_P(MessageChannel, interruptions_neither_end_nor_prolong_a_wait) {
  // F24
  using namespace std::chrono_literals;
  const std::uint64_t count = this->fill(min_message_bytes, 8000);
  const signal_storm storm;
  auto before = deadline::clock::now();
  EXPECT_EQ(sluice::send(*this->link.sender, make_message(0, count, this->fit(50)), deadline{50ms})
                .error(),
            std::errc::timed_out);
  EXPECT_GE(deadline::clock::now() - before, 50ms);
  history_checker history;
  for (std::uint64_t got = 0; got < count; ++got) history.check(this->next());
  EXPECT_TRUE(history.verdict(1, count));
  before = deadline::clock::now();
  EXPECT_EQ(sluice::receive(*this->link.receiver, this->buffer, deadline{50ms}).error(),
            std::errc::timed_out);
  EXPECT_GE(deadline::clock::now() - before, 50ms);
  EXPECT_GT(signal_storm::strikes(), 0);
}

TYPED_TEST_P(MessageChannel, moved_ends_keep_what_they_had) {
  const std::uint64_t count = this->fill(10'000, 20'000);
  history_checker history;
  history.check(this->next());
  auto sender = std::make_optional(std::move(*this->link.sender));
  auto receiver = std::move(*this->link.receiver);
  for (std::uint64_t got = 1; got < count; ++got) history.check(this->next(receiver, sender));
  EXPECT_TRUE(history.verdict(1, count));
  *this->link.sender = std::move(*sender);
  *this->link.receiver = std::move(receiver);
  ASSERT_TRUE(this->link.sender->try_send(stream_bytes(0, this->fit(9))));
  EXPECT_EQ(this->next().size(), this->fit(9));
}

REGISTER_TYPED_TEST_SUITE_P(MessageChannel, messages_arrive_whole_and_in_order_whatever_their_size,
                            the_largest_message_passes_and_a_larger_one_leaves_no_trace,
                            an_empty_channel_would_block_before_and_after_use,
                            a_full_channel_would_block_and_what_it_accepted_arrives_once,
                            a_buffer_too_small_leaves_the_message_and_its_size_can_be_asked,
                            messages_without_bytes_are_messages,
                            the_end_comes_after_everything_was_received_and_stays,
                            a_broken_pipe_is_a_value_and_changes_no_signal_state,
                            blocking_and_timed_forms_do_the_same,
                            interruptions_neither_end_nor_prolong_a_wait,
                            moved_ends_keep_what_they_had);

}  // namespace sluice::test
