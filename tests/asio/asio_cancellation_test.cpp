// What becomes of an operation in the event loop of Asio that is given up, or whose end or context
// goes: nothing is lost.

#include <array>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <sluice/channel/pipe.hpp>
#include <sluice/compose/framed.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "asio/asio_operation_fixture.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using asio::experimental::awaitable_operators::operator||;

class AsioCancellation : public AsioOperation,
                         public testing::WithParamInterface<asio::cancellation_type> {};
INSTANTIATE_TEST_SUITE_P(Each, AsioCancellation,
                         testing::Values(asio::cancellation_type::terminal,
                                         asio::cancellation_type::partial,
                                         asio::cancellation_type::total));

TEST_P(AsioCancellation, while_it_waits_takes_no_message) {
  asio::cancellation_signal signal;
  std::optional<size_result> given_up;
  std::optional<size_result> other;
  inbox.async_receive(buffer, asio::bind_cancellation_slot(signal.slot(), into(given_up)));
  poll(context);
  signal.emit(GetParam());
  put("for the next one");
  poll(context);
  ASSERT_TRUE(given_up);
  EXPECT_EQ(given_up->error(), std::errc::operation_canceled);
  inbox.async_receive(buffer, into(other));
  run(context);
  EXPECT_TRUE(other && *other);
}

TEST_P(AsioCancellation, before_its_turn_takes_no_message) {
  put("it is there");
  asio::cancellation_signal signal;
  std::optional<size_result> given_up;
  inbox.async_receive(buffer, asio::bind_cancellation_slot(signal.slot(), into(given_up)));
  signal.emit(GetParam());
  run(context);
  ASSERT_TRUE(given_up);
  EXPECT_EQ(given_up->error(), std::errc::operation_canceled);
  EXPECT_EQ(next(), "it is there");
}

TEST_P(AsioCancellation, in_the_round_takes_no_message) {
  put("one");
  put("two");
  asio::cancellation_signal signal;
  std::optional<size_result> given_up;
  inbox.async_receive(buffer, [&](size_result) {
    inbox.async_receive(buffer, asio::bind_cancellation_slot(signal.slot(), into(given_up)));
    signal.emit(GetParam());
  });
  run(context);
  ASSERT_TRUE(given_up);
  EXPECT_EQ(given_up->error(), std::errc::operation_canceled);
  EXPECT_EQ(next(), "two");
}

// The message came, and the loop knows of it, before it was given up.
TEST_P(AsioCancellation, after_the_wait_takes_no_message) {
  asio::cancellation_signal signal;
  std::optional<size_result> given_up;
  inbox.async_receive(buffer, asio::bind_cancellation_slot(signal.slot(), into(given_up)));
  poll(context);
  put("it came");
  context.restart();
  asio::post(context, [&] { signal.emit(GetParam()); });
  run(context);
  ASSERT_TRUE(given_up);
  if (*given_up) {
    EXPECT_EQ(text_of(const_bytes{buffer}.first(**given_up)), "it came");
  } else {
    EXPECT_EQ(next(), "it came");
  }
}

TEST_P(AsioCancellation, of_a_send_has_sent_nothing) {
  auto out = in_loop(context, std::move(*sender));
  const std::vector<std::byte> large(1500);
  int sent = 0;
  while (out.end().try_send(large)) ++sent;
  asio::cancellation_signal signal;
  std::optional<result<void>> given_up;
  out.async_send(bytes_of("never"), asio::bind_cancellation_slot(signal.slot(), into(given_up)));
  // It may still fit behind the large ones: fill what is left.
  while (out.end().try_send(bytes_of("x"))) ++sent;
  poll(context);
  EXPECT_FALSE(given_up);
  signal.emit(GetParam());
  run(context);
  ASSERT_TRUE(given_up);
  EXPECT_EQ(given_up->error(), std::errc::operation_canceled);
  std::vector<std::byte> all(2000);
  int received = 0;
  for (; auto size = inbox.end().try_receive(all); ++received) EXPECT_NE(*size, 5U);
  EXPECT_EQ(received, sent);
}

// A frame that has begun is accepted, and says so.
TEST_P(AsioCancellation, of_a_send_that_has_begun_says_that_it_is_sent) {
  auto both = pipe::create().value();
  auto in = framed_receiver<pipe_reader>::create(std::move(both.reader)).value();
  auto out = in_loop(context, framed_sender<pipe_writer>::create(std::move(both.writer)).value());
  const std::vector<std::byte> large(200'000, std::byte{7});  // more than the pipe holds
  asio::cancellation_signal signal;
  std::optional<result<void>> given_up;
  out.async_send(large, asio::bind_cancellation_slot(signal.slot(), into(given_up)));
  poll(context);
  EXPECT_FALSE(given_up) << "it waits until all of it is on its way";
  signal.emit(GetParam());
  poll(context);
  ASSERT_TRUE(given_up);
  EXPECT_TRUE(*given_up);
  std::optional<result<void>> another;
  out.async_send(bytes_of("next"), into(another));
  std::vector<std::byte> got(large.size());
  for (int look = 0; look < 100 && !another; ++look) {
    poll(context);
    static_cast<void>(in.next_size());  // reads on
  }
  EXPECT_EQ(in.try_receive(got).value(), large.size());
  EXPECT_EQ(got, large);
  run(context);
  EXPECT_TRUE(another && *another);
  EXPECT_EQ(in.try_receive(got).value(), 4U);
}

TEST_F(AsioOperation, of_which_all_are_given_up_at_once_takes_nothing) {
  std::optional<size_result> waiting;
  std::optional<size_result> starting;
  inbox.async_receive(buffer, into(waiting));
  poll(context);
  inbox.async_receive(buffer, into(starting));
  inbox.cancel();
  put("for the next one");
  run(context);
  ASSERT_TRUE(waiting && starting);
  EXPECT_EQ(waiting->error(), std::errc::operation_canceled);
  EXPECT_EQ(starting->error(), std::errc::operation_canceled);
  std::optional<size_result> after;
  inbox.async_receive(buffer, into(after));
  run(context);
  EXPECT_TRUE(after && *after) << "what comes later is not given up";
}

TEST_F(AsioOperation, has_a_deadline_by_a_timer_of_asio) {
  std::vector<std::string> seen;
  start(context, [](auto& self, std::vector<std::string>& texts) -> asio::awaitable<void> {
    for (int turn = 0; turn < 3; ++turn) {
      if (turn == 1) self.put("in time");
      asio::steady_timer timer{self.context, turn == 1 ? deadline::clock::duration{1h} : 5ms};
      auto first = co_await (self.inbox.async_receive(self.buffer, asio::use_awaitable) ||
                             timer.async_wait(asio::use_awaitable));
      texts.emplace_back(first.index() == 0 ? "message" : "timer");
      if (first.index() == 0) {
        EXPECT_TRUE(std::get<0>(first));
      }
    }
  }(*this, seen));
  run(context);
  EXPECT_EQ(seen, (std::vector<std::string>{"timer", "message", "timer"}));
  put("nobody is left");
  EXPECT_EQ(next(), "nobody is left");
}

// --- Lifetimes ---

TEST_F(AsioOperation, that_pends_when_the_context_ends_takes_nothing_and_frees_its_completion) {
  const auto alive = std::make_shared<int>();
  ring_channel other = ring_channel::create_anonymous().value();
  ring_sender source = ring_sender::attach(other).value();
  {
    asio::io_context short_lived;
    auto in = in_loop(short_lived, ring_receiver::attach(other).value());
    in.async_receive(buffer, [alive](size_result) { ADD_FAILURE() << "completed"; });
    poll(short_lived);  // this one waits for a message, the others have had no turn
    ASSERT_TRUE(source.try_send(bytes_of("stays")));
    in.async_receive(buffer, [alive](size_result) { ADD_FAILURE() << "completed"; });
    start(short_lived, [](auto& end, auto& room, auto held) -> asio::awaitable<void> {
      static_cast<void>(co_await end.async_receive(room, asio::use_awaitable));
      EXPECT_FALSE(held) << "resumed";
    }(in, buffer, alive));
    EXPECT_EQ(alive.use_count(), 4);
  }
  EXPECT_EQ(alive.use_count(), 1);
  auto successor = ring_receiver::attach(other).value();
  EXPECT_EQ(successor.try_receive(buffer).value(), 5U);
}

// As in a program that is left by an exception: the coroutine owns its end.
TEST_F(AsioOperation, whose_coroutine_owns_the_end_goes_with_the_context) {
  const auto other = ring_channel::create_anonymous().value();
  const auto third = ring_channel::create_anonymous().value();
  ring_sender source = ring_sender::attach(other).value();
  {
    asio::io_context short_lived;
    const auto receive_from = [&](const ring_channel& from) {
      start(short_lived, [](asio_end<ring_receiver> in) -> asio::awaitable<void> {
        std::array<std::byte, 16> room{};
        static_cast<void>(co_await in.async_receive(room, asio::use_awaitable));
        ADD_FAILURE() << "resumed";
      }(in_loop(short_lived, ring_receiver::attach(from).value())));
    };
    receive_from(other);
    poll(short_lived);
    receive_from(third);  // this one has had no turn
    ASSERT_TRUE(source.try_send(bytes_of("stays")));
  }
  EXPECT_TRUE(ring_receiver::attach(third));
  auto successor = ring_receiver::attach(other).value();
  EXPECT_EQ(successor.try_receive(buffer).value(), 5U);
}

TEST_F(AsioOperation, is_given_up_when_its_end_goes_and_keeps_what_it_needs) {
  std::optional<size_result> waiting;
  std::optional<size_result> starting;
  {
    auto going = std::move(inbox);
    going.async_receive(buffer, into(waiting));
    poll(context);
    going.async_receive(buffer, into(starting));
  }
  put("for a successor");
  run(context);
  ASSERT_TRUE(waiting && starting);
  EXPECT_EQ(waiting->error(), std::errc::operation_canceled);
  EXPECT_EQ(starting->error(), std::errc::operation_canceled);
  // Now the role is free.
  auto successor = ring_receiver::attach(ring).value();
  EXPECT_TRUE(successor.try_receive(buffer));
}

TEST_F(AsioOperation, follows_the_end_that_is_moved) {
  std::optional<size_result> received;
  inbox.async_receive(buffer, into(received));
  poll(context);
  asio_end<ring_receiver> elsewhere = std::move(inbox);
  put("found");
  run(context);
  EXPECT_TRUE(received && *received);
  // And an end that is replaced gives its own up.
  ring_channel another = ring_channel::create_anonymous().value();
  std::optional<size_result> replaced;
  elsewhere.async_receive(buffer, into(replaced));
  elsewhere = in_loop(context, ring_receiver::attach(another).value());
  run(context);
  ASSERT_TRUE(replaced);
  EXPECT_EQ(replaced->error(), std::errc::operation_canceled);
}

TEST_F(AsioOperation, that_follows_a_completion_that_throws_is_not_lost) {
  put("one");
  put("two");
  std::optional<size_result> second;
  inbox.async_receive(buffer, [&](size_result) {
    inbox.async_receive(buffer, into(second));
    throw std::runtime_error{"of the user"};
  });
  EXPECT_THROW(context.run(), std::runtime_error);
  EXPECT_FALSE(second);
  run(context);
  EXPECT_TRUE(second && *second);
}

}  // namespace
}  // namespace sluice::test
