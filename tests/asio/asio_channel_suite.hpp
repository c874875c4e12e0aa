#pragma once
// What every channel of messages does in the event loop of Asio: a new one is a word in one of the
// lists of asio_channels_test.cpp and asio_sockets_test.cpp.

#include <array>
#include <boost/asio/use_future.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "asio/asio_support.hpp"
#include "conformance/message_ends.hpp"

namespace sluice::test {

template <class Link>
using sender_of = typename decltype(Link::sender)::value_type;
template <class Link>
using receiver_of = typename decltype(Link::receiver)::value_type;

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

TYPED_TEST_SUITE_P(AsioChannel);

TYPED_TEST_P(AsioChannel, carries_messages_by_callbacks) {
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

TYPED_TEST_P(AsioChannel, carries_messages_by_futures) {
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

TYPED_TEST_P(AsioChannel, carries_messages_of_any_size_by_coroutines) {
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

TYPED_TEST_P(AsioChannel, waits_for_a_message_and_leaves_it_there) {
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

TYPED_TEST_P(AsioChannel, tells_of_the_end_after_what_was_sent) {
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

TYPED_TEST_P(AsioChannel, leaves_a_message_that_is_too_large_where_it_is) {
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

REGISTER_TYPED_TEST_SUITE_P(AsioChannel, carries_messages_by_callbacks, carries_messages_by_futures,
                            carries_messages_of_any_size_by_coroutines,
                            waits_for_a_message_and_leaves_it_there,
                            tells_of_the_end_after_what_was_sent,
                            leaves_a_message_that_is_too_large_where_it_is);

}  // namespace sluice::test
