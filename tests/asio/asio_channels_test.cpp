// Every end that can be polled, in the event loop of Asio, by callbacks, futures and coroutines.

#include <signal.h>

#include <cstdint>
#include <optional>
#include <sluice/primitive/event.hpp>
#include <sluice/primitive/signal_receiver.hpp>
#include <sluice/primitive/signal_sender.hpp>
#include <sluice/primitive/stop_signal.hpp>

#include "asio/asio_channel_suite.hpp"
#include "asio/asio_stream_suite.hpp"
#include "conformance/hardened_links.hpp"
#include "conformance/queue_links.hpp"
#include "conformance/ring_links.hpp"
#include "conformance/signal_links.hpp"
#include "conformance/type_names.hpp"

namespace sluice::test {
namespace {

// Who states that it cannot be polled is refused by the compiler.
static_assert(!pollable_end<sender_of<hardened_ring_link>>);
static_assert(!pollable_end<receiver_of<hardened_ring_link>>);
static_assert(!pollable_end<receiver_of<system_v_queue_link>>);
static_assert(!pollable_end<receiver_of<mailbox_link>>);
static_assert(!pollable_end<receiver_of<local_link>>);

using links =
    testing::Types<framed_pipe_link, framed_fifo_link, framed_foreign_fifo_link, fifo_channel_link,
                   posix_queue_link, ring_channel_link, named_ring_channel_link, ring_queue_link,
                   named_ring_queue_link, ring_topic_link>;
INSTANTIATE_TYPED_TEST_SUITE_P(Of, AsioChannel, links, link_names);

using streams = testing::Types<pipe_link, fifo_link, foreign_pipe_link, foreign_fifo_link>;
INSTANTIATE_TYPED_TEST_SUITE_P(Of, AsioStream, streams, link_names);

// The sender of signals has nothing that could be polled.
class AsioSignalChannel : public testing::Test {
 protected:
  asio::io_context context;
  signal_channel_link link;
  asio_end<signal_channel_receiver> receiver = in_loop(context, std::move(*link.receiver));
};

TEST_F(AsioSignalChannel, carries_messages) {
  std::uint64_t sum = 0;
  start(context, [](auto& in, std::uint64_t& all) -> asio::awaitable<void> {
    for (int received = 0; received < 10; ++received) {
      std::uint64_t number = 0;
      const auto size = co_await in.async_receive(writable_bytes_of(number), asio::use_awaitable);
      EXPECT_TRUE(size) << size.error().message();
      all += number;
    }
  }(receiver, sum));
  poll(context);  // it waits before there is anything
  for (std::uint64_t number = 1; number <= 10; ++number)
    ASSERT_TRUE(link.sender->send(bytes_of(number), deadline{patience}));
  run(context);
  EXPECT_EQ(sum, 55U);
}

TEST(AsioEvent, takes_what_is_notified) {
  asio::io_context context;
  auto counting = in_loop(context, event::create({.initial = 1, .counting = true}).value());
  int taken = 0;
  start(context, [](auto& one, int& count) -> asio::awaitable<void> {
    for (; count < 3; ++count) EXPECT_TRUE(co_await one.async_wait(asio::use_awaitable));
  }(counting, taken));
  poll(context);
  EXPECT_EQ(taken, 1);
  ASSERT_TRUE(counting.end().notify(2));
  run(context);
  EXPECT_EQ(taken, 3);
  EXPECT_TRUE(would_block(counting.end().try_wait().error()));
}

TEST(AsioProcess, waits_for_its_end) {
  asio::io_context context;
  const rendezvous released;
  auto other = in_loop(context, process::fork([&] {
                                  released.wait();
                                  return 7;
                                }).value());
  std::optional<result<void>> ended;
  other.async_wait(into(ended));
  poll(context);
  EXPECT_FALSE(ended);
  released.arrive();
  run(context);
  ASSERT_TRUE(ended && *ended);
  EXPECT_EQ(other.end().wait(deadline::now()).value().code, 7);
}

TEST(AsioSignalReceiver, waits_for_a_signal) {
  asio::io_context context;
  auto mask = scoped_signal_mask::block({SIGUSR1}).value();
  auto signals = in_loop(context, signal_receiver::create({SIGUSR1}).value());
  std::optional<result<received_signal>> taken;
  signals.async_retry([](signal_receiver& one) { return one.try_take(); }, into(taken));
  poll(context);
  EXPECT_FALSE(taken);
  ASSERT_TRUE(signal_sender::to_self().send(SIGUSR1));
  run(context);
  ASSERT_TRUE(taken && *taken);
  EXPECT_EQ((*taken)->number, SIGUSR1);
}

TEST(AsioStopSignal, waits_for_a_stop) {
  asio::io_context context;
  auto stop = in_loop(context, stop_signal::create({SIGTERM}).value());
  std::optional<result<void>> came;
  stop.async_retry([](stop_signal& one) { return one.try_wait(); }, into(came));
  poll(context);
  EXPECT_FALSE(came);
  ASSERT_TRUE(signal_sender::to_self().send(SIGTERM));
  run(context);
  EXPECT_TRUE(came && *came);
  EXPECT_TRUE(stop.end().stop_requested());
}

}  // namespace
}  // namespace sluice::test
