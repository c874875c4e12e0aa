// Ends whose kind is known when the program runs, in the event loop of Asio.

#include <array>
#include <boost/asio/post.hpp>
#include <chrono>
#include <cstdint>
#include <sluice/channel/mailbox.hpp>
#include <string>
#include <vector>

#include "asio/asio_support.hpp"
#include "compose/any_socket_ends.hpp"
#include "support/isolation.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

class AsioAny : public testing::TestWithParam<const char*> {
 protected:
  AsioAny() {
    if (const auto at = address.find("NAME"); at != address.npos)
      address.replace(at, 4, unique_name());
  }
  std::string address = GetParam();
  asio::io_context context;
};

TEST_P(AsioAny, messages_come_while_both_ends_wait_in_one_loop) {
  constexpr std::uint64_t count = 300;
  auto from = receiver_at(address);
  const std::string target = reached_at(from, address);
  auto receiver = in_loop(context, std::move(from));  // before anybody came
  auto sender = in_loop(context, sender_at(target));
  std::uint64_t received = 0;
  start(context, [](auto& in, std::uint64_t& next) -> asio::awaitable<void> {
    for (; next < count; ++next) {
      std::uint64_t number = 0;
      auto got = co_await in.async_receive(writable_bytes_of(number), asio::use_awaitable);
      EXPECT_TRUE(got) << got.error().message();
      EXPECT_EQ(number, next);
      if (!got) co_return;
    }
  }(receiver, received));
  start(context, [](auto& out, const std::uint64_t& next, auto& loop) -> asio::awaitable<void> {
    for (std::uint64_t number = 0; number < count; ++number) {
      // One at a time is under way: UDP loses what has no room.
      while (number != next) co_await asio::post(loop, asio::use_awaitable);
      auto sent = co_await out.async_send(bytes_of(number), asio::use_awaitable);
      EXPECT_TRUE(sent) << sent.error().message();
      if (!sent) co_return;
    }
  }(sender, received, context));
  run(context);
  EXPECT_EQ(received, count);
}

TEST_P(AsioAny, a_wait_for_nobody_ends_when_it_is_given_up) {
  auto receiver = in_loop(context, receiver_at(address));
  std::array<std::byte, 8> buffer;
  std::optional<result<std::size_t>> got;
  receiver.async_receive(buffer, into(got));
  poll(context);
  EXPECT_FALSE(got.has_value());
  receiver.cancel();
  run(context);
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->error(), std::errc::operation_canceled);
}

INSTANTIATE_TEST_SUITE_P(Kinds, AsioAny,
                         testing::Values("ring:NAME", "fifo:NAME", "mq:NAME", "unix:NAME",
                                         "unix:@NAME?socket=seqpacket", "unix:NAME?socket=datagram",
                                         "tcp:127.0.0.1:0", "udp:127.0.0.1:0"),
                         [](const auto& one) {
                           std::string name{one.param};
                           return name.substr(0, name.find(':')) + std::to_string(one.index);
                         });

TEST(AsioAnyEnd, without_a_descriptor_is_refused_when_it_is_put_in) {
  asio::io_context context;
  const std::string address = "mailbox:" + unique_name();
  EXPECT_EQ(asio_end<any_receiver>::over(context, receiver_at(address)).error(),
            std::errc::operation_not_supported);
  EXPECT_EQ(asio_end<any_sender>::over(context, sender_at(address)).error(),
            std::errc::operation_not_supported);
}

}  // namespace
}  // namespace sluice::test
