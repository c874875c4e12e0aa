// Every end that can be polled, in the event loop of Asio, by callbacks, futures and coroutines.

#include <fcntl.h>
#include <signal.h>

#include <array>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <sluice/primitive/event.hpp>
#include <sluice/primitive/signal_receiver.hpp>
#include <sluice/primitive/signal_sender.hpp>
#include <sluice/primitive/stop_signal.hpp>
#include <string>
#include <type_traits>
#include <vector>

#include "asio/asio_support.hpp"
#include "conformance/hardened_links.hpp"
#include "conformance/message_ends.hpp"
#include "conformance/queue_links.hpp"
#include "conformance/ring_links.hpp"
#include "conformance/signal_links.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

template <class Link>
using sender_of = typename decltype(Link::sender)::value_type;
template <class Link>
using receiver_of = typename decltype(Link::receiver)::value_type;

// Who states that it cannot be polled is refused by the compiler.
static_assert(!pollable_end<sender_of<hardened_ring_link>>);
static_assert(!pollable_end<receiver_of<hardened_ring_link>>);
static_assert(!pollable_end<receiver_of<system_v_queue_link>>);
static_assert(!pollable_end<receiver_of<mailbox_link>>);
static_assert(!pollable_end<receiver_of<local_link>>);

template <class Link>
class AsioChannel : public testing::Test {
 protected:
  using sender_type = sender_of<Link>;
  using receiver_type = receiver_of<Link>;
  static constexpr std::uint64_t count = 300;  // more than any of them holds

  asio::io_context context;
  Link link{4096};
  asio_end<receiver_type> receiver = in_loop(context, std::move(*link.receiver));
  asio_end<sender_type> sender = in_loop(context, std::move(*link.sender));
};

// The sender of signals has nothing that could be polled.
template <>
class AsioChannel<signal_channel_link> : public testing::Test {
 protected:
  asio::io_context context;
  signal_channel_link link;
  asio_end<signal_channel_receiver> receiver = in_loop(context, std::move(*link.receiver));
};

struct names {
  template <class Link>
  static std::string GetName(int) {
    return Link::name;
  }
};
using links =
    testing::Types<framed_pipe_link, framed_fifo_link, framed_foreign_fifo_link, fifo_channel_link,
                   posix_queue_link, ring_channel_link, named_ring_channel_link, ring_queue_link,
                   named_ring_queue_link, ring_topic_link>;
TYPED_TEST_SUITE(AsioChannel, links, names);

TYPED_TEST(AsioChannel, carries_messages_by_callbacks) {
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::uint64_t buffer = 0;
  std::function<void(result<void>)> send_next = [&](result<void> before) {
    EXPECT_TRUE(before) << before.error().message();
    if (before && ++sent < this->count) this->sender.async_send(bytes_of(sent), send_next);
  };
  std::function<void(result<std::size_t>)> receive_next = [&](result<std::size_t> size) {
    ASSERT_TRUE(size) << size.error().message();
    EXPECT_EQ(*size, sizeof buffer);
    EXPECT_EQ(buffer, received++);
    if (received < this->count)
      this->receiver.async_receive(writable_bytes_of(buffer), receive_next);
  };
  this->sender.async_send(bytes_of(sent), send_next);
  this->receiver.async_receive(writable_bytes_of(buffer), receive_next);
  run(this->context);
  EXPECT_EQ(received, this->count);
}

TYPED_TEST(AsioChannel, carries_messages_by_futures) {
  std::uint64_t buffer = 0;
  for (std::uint64_t number = 0; number < 10; ++number) {
    auto size = this->receiver.async_receive(writable_bytes_of(buffer), asio::use_future);
    auto sent = this->sender.async_send(bytes_of(number), asio::use_future);
    run(this->context);
    EXPECT_TRUE(sent.get());
    EXPECT_EQ(size.get().value(), sizeof buffer);
    EXPECT_EQ(buffer, number);
  }
}

TYPED_TEST(AsioChannel, carries_messages_of_any_size_by_coroutines) {
  std::uint64_t received = 0;
  start(this->context, [](auto& out) -> asio::awaitable<void> {
    for (std::uint64_t number = 0; number < TestFixture::count; ++number) {
      const std::vector<std::byte> message(8 + number * 7 % 1000, static_cast<std::byte>(number));
      const result<void> sent = co_await out.async_send(message, asio::use_awaitable);
      EXPECT_TRUE(sent) << sent.error().message();
    }
  }(this->sender));
  start(this->context, [](auto& in, std::uint64_t& next) -> asio::awaitable<void> {
    for (; next < TestFixture::count; ++next) {
      const auto message = co_await in.async_receive_message(asio::use_awaitable);
      EXPECT_TRUE(message) << message.error().message();
      if (!message) co_return;
      const std::vector<std::byte> wanted(8 + next * 7 % 1000, static_cast<std::byte>(next));
      EXPECT_EQ(*message, wanted);
    }
  }(this->receiver, received));
  run(this->context);
  EXPECT_EQ(received, this->count);
}

TYPED_TEST(AsioChannel, waits_for_a_message_and_leaves_it_there) {
  std::optional<result<void>> waited;
  this->receiver.async_wait(into(waited));
  poll(this->context);
  EXPECT_FALSE(waited) << "there is nothing yet";
  const std::uint64_t number = 7;
  std::optional<result<void>> sent;
  this->sender.async_send(bytes_of(number), into(sent));
  run(this->context);
  EXPECT_TRUE(sent && *sent);
  ASSERT_TRUE(waited);
  EXPECT_TRUE(*waited);
  std::uint64_t buffer = 0;
  EXPECT_EQ(this->receiver.end().try_receive(writable_bytes_of(buffer)).value(), sizeof buffer);
  EXPECT_EQ(buffer, number);
}

TYPED_TEST(AsioChannel, tells_of_the_end_after_what_was_sent) {
  if constexpr (link_lasts<TypeParam>) {
    GTEST_SKIP() << has_no_end;
  } else {
    const std::uint64_t number = 7;
    std::optional<result<void>> sent;
    this->sender.async_send(bytes_of(number), into(sent));
    run(this->context);
    ASSERT_TRUE(sent && *sent);
    { auto gone = std::move(this->sender); }
    std::uint64_t buffer = 0;
    std::optional<result<std::size_t>> first;
    std::optional<result<std::size_t>> second;
    this->receiver.async_receive(writable_bytes_of(buffer), into(first));
    run(this->context);
    this->receiver.async_receive(writable_bytes_of(buffer), into(second));
    run(this->context);
    ASSERT_TRUE(first && second);
    EXPECT_TRUE(*first);
    EXPECT_EQ(second->error(), errc::closed);
  }
}

TYPED_TEST(AsioChannel, leaves_a_message_that_is_too_large_where_it_is) {
  const std::array<std::byte, 100> message{};
  std::array<std::byte, 99> small{};
  std::optional<result<void>> sent;
  std::optional<result<std::size_t>> refused;
  this->sender.async_send(message, into(sent));
  this->receiver.async_receive(small, into(refused));
  run(this->context);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->error(), std::errc::no_buffer_space);
  std::optional<result<std::vector<std::byte>>> whole;
  this->receiver.async_receive_message(into(whole));
  run(this->context);
  ASSERT_TRUE(whole && *whole);
  EXPECT_EQ((*whole)->size(), message.size());
}

using AsioSignalChannel = AsioChannel<signal_channel_link>;

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

template <class Link>
class AsioStream : public testing::Test {
 protected:
  using reader_type = typename decltype(Link::reader)::value_type;
  using writer_type = typename decltype(Link::writer)::value_type;
  asio::io_context context;
  Link link;
  asio_end<reader_type> reader = in_loop(context, std::move(*link.reader));
  asio_end<writer_type> writer = in_loop(context, std::move(*link.writer));
};
using streams = testing::Types<pipe_link, fifo_link, foreign_pipe_link, foreign_fifo_link>;
TYPED_TEST_SUITE(AsioStream, streams, names);

std::vector<std::byte> many_bytes() {
  std::vector<std::byte> bytes(1'000'000);  // more than a pipe holds
  for (std::size_t at = 0; at < bytes.size(); ++at)
    bytes[at] = static_cast<std::byte>(at * 2'654'435'761U >> 13);
  return bytes;
}

template <class End>
int flags_of(const asio_end<End>& looped) {
  return ::fcntl(looped.end().native_handle(), F_GETFL);
}

// Who else has the description open is not to find it changed: Asio makes what it waits for
// non-blocking, also by a wait alone.
TYPED_TEST(AsioStream, carries_bytes_and_leaves_the_open_description_as_it_was) {
  const int of_reader = flags_of(this->reader);
  const int of_writer = flags_of(this->writer);
  const std::vector<std::byte> bytes = many_bytes();
  std::vector<std::byte> received;
  start(this->context, [](auto& in, auto& all) -> asio::awaitable<void> {
    for (;;) {
      std::array<std::byte, 5000> buffer;
      const auto size = co_await in.async_read_some(buffer, asio::use_awaitable);
      if (!size) {
        EXPECT_EQ(size.error(), errc::closed);
        co_return;
      }
      all.insert(all.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*size));
    }
  }(this->reader, received));
  start(this->context, [](auto& out, const_bytes rest) -> asio::awaitable<void> {
    while (!rest.empty()) {
      const auto taken = co_await out.async_write_some(rest, asio::use_awaitable);
      EXPECT_TRUE(taken) << taken.error().message();
      if (!taken) co_return;
      rest = rest.subspan(*taken);
    }
    auto gone = std::move(out);
  }(this->writer, bytes));
  poll(this->context);
  if (TypeParam::shares_description) {
    EXPECT_EQ(flags_of(this->reader), of_reader);
  }
  run(this->context);
  EXPECT_TRUE(received == bytes);
  if (TypeParam::shares_description) {
    EXPECT_EQ(flags_of(this->reader), of_reader);
    EXPECT_EQ(of_reader & O_NONBLOCK, 0);
    EXPECT_EQ(of_writer & O_NONBLOCK, 0);
  }
}

TYPED_TEST(AsioStream, tells_who_writes_to_nobody) {
  std::optional<result<std::size_t>> all_taken;
  const std::vector<std::byte> bytes = many_bytes();
  int flags = 0;
  start(this->context, [](auto& out, auto& last, const_bytes some) -> asio::awaitable<void> {
    do {
      last.emplace(co_await out.async_write_some(some, asio::use_awaitable));
    } while (*last);
  }(this->writer, all_taken, bytes));
  poll(this->context);
  flags = flags_of(this->writer);
  ASSERT_TRUE(all_taken && *all_taken) << "it waits for room";
  { auto gone = std::move(this->reader); }
  run(this->context);
  EXPECT_EQ(all_taken->error(), std::errc::broken_pipe);
  if (TypeParam::shares_description) {
    EXPECT_EQ(flags & O_NONBLOCK, 0);
  }
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
