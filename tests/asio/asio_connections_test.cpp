// Listeners in the event loop of Asio, and both ways of a connection: sockets, rings that were
// handed over, and UDP.

#include <algorithm>
#include <array>
#include <cctype>
#include <list>
#include <memory>
#include <optional>
#include <sluice/channel/hardened_ring.hpp>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/channel/tcp_listener.hpp>
#include <sluice/channel/udp_socket.hpp>
#include <sluice/channel/unix_listener.hpp>
#include <sluice/compose/framed.hpp>
#include <sluice/compose/ring_connection_ends.hpp>
#include <sluice/compose/ring_listener.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "asio/asio_channel_suite.hpp"
#include "conformance/type_names.hpp"
#include "support/isolation.hpp"

namespace sluice::test {
namespace {

constexpr std::string_view question = "question";
constexpr std::string_view reply = "QUESTION";

std::string in_capitals(const_bytes bytes) {
  std::string text{text_of(bytes)};
  std::ranges::transform(text, text.begin(),
                         [](unsigned char one) { return static_cast<char>(std::toupper(one)); });
  return text;
}

// --- What a server does in its loop, and a client in its process ---

template <class Receiver, class Sender>
asio::awaitable<void> answer_message(Receiver from, Sender to) {
  const auto asked = co_await from.async_receive_message(asio::use_awaitable);
  EXPECT_TRUE(asked) << asked.error().message();
  if (!asked) co_return;
  const std::string text = in_capitals(*asked);
  const auto sent = co_await to.async_send(bytes_of(text), asio::use_awaitable);
  EXPECT_TRUE(sent) << sent.error().message();
  // It stays until the other side has gone.
  const auto last = co_await from.async_receive_message(asio::use_awaitable);
  EXPECT_EQ(last.error(), errc::closed);
}

template <class Stream>
asio::awaitable<void> answer(asio::io_context& context, Stream connection)
  requires byte_reader<Stream>
{
  auto peer = in_loop(context, std::move(connection));
  std::array<std::byte, question.size()> bytes{};
  const auto got = co_await peer.async_read_exactly(bytes, asio::use_awaitable);
  EXPECT_EQ(got.value_or(0), bytes.size());
  const std::string text = in_capitals(bytes);
  const auto written = co_await peer.async_write_all(bytes_of(text), asio::use_awaitable);
  EXPECT_TRUE(written) << written.error().message();
}
asio::awaitable<void> answer(asio::io_context& context, unix_seqpacket connection) {
  auto back = in_loop(context, connection.duplicate().value());
  return answer_message(in_loop(context, std::move(connection)), std::move(back));
}
asio::awaitable<void> answer(asio::io_context& context, ring_connection connection) {
  auto to = in_loop(context, std::move(connection.sender()));
  auto from = in_loop(context, std::move(connection.receiver()));
  co_await answer_message(std::move(from), std::move(to));
}

template <class Sender, class Receiver>
void ask_by_message(Sender& to, Receiver& from) {
  ASSERT_TRUE(to.send(bytes_of(question), deadline{patience}));
  EXPECT_EQ(text_of(receive_message(from, deadline{patience}).value()), reply);
}
template <class Stream>
void ask_by_stream(Stream server) {
  ASSERT_TRUE(server.write_all(bytes_of(question), deadline{patience}));
  std::array<std::byte, reply.size()> bytes{};
  ASSERT_TRUE(server.read_exactly(bytes, deadline{patience}));
  EXPECT_EQ(text_of(bytes), reply);
}

struct unix_streams {
  static constexpr const char* name = "unix_stream";
  const std::string address = unique_name();
  unix_stream_listener listener = unix_stream_listener::create(address).value();
  void ask() const { ask_by_stream(unix_stream::connect(address, deadline{patience}).value()); }
};
struct packets {
  static constexpr const char* name = "unix_seqpacket";
  const std::string address = unique_name();
  unix_seqpacket_listener listener = unix_seqpacket_listener::create(address).value();
  void ask() const {
    auto server = unix_seqpacket::connect(address, deadline{patience}).value();
    ask_by_message(server, server);
  }
};
struct tcp_streams {
  static constexpr const char* name = "tcp";
  tcp_listener listener = tcp_listener::create().value();
  const inet_address address = listener.address();
  void ask() const { ask_by_stream(tcp_stream::connect(address, deadline{patience}).value()); }
};
struct rings {
  static constexpr const char* name = "ring";
  const std::string address = unique_name();
  ring_listener listener = ring_listener::create(address).value();
  void ask() const {
    auto server = ring_connection::connect(address, deadline{patience}).value();
    EXPECT_EQ(server.carrier(), ring_carrier::shared);
    ask_by_message(server.sender(), server.receiver());
  }
};

template <class Kind>
class AsioListener : public testing::Test {
 protected:
  using listener_type = decltype(Kind::listener);
  using accepted = decltype(std::declval<listener_type&>().try_accept());

  asio::io_context context;
  Kind kind;
  asio_end<listener_type> listener = in_loop(context, std::move(kind.listener));
};
using kinds = testing::Types<unix_streams, packets, tcp_streams, rings>;
TYPED_TEST_SUITE(AsioListener, kinds, link_names);

TYPED_TEST(AsioListener, accepts_clients_of_other_processes_and_serves_them_at_once) {
  constexpr int clients = 3;
  start(this->context, [](auto& in, auto& door) -> asio::awaitable<void> {
    for (int client = 0; client < clients; ++client) {
      auto connection = co_await door.async_accept(asio::use_awaitable);
      EXPECT_TRUE(connection) << connection.error().message();
      if (!connection) co_return;
      start(in, answer(in, std::move(connection).value()));
    }
  }(this->context, this->listener));
  std::list<child> others;
  for (int client = 0; client < clients; ++client)
    others.emplace_back([this] { this->kind.ask(); });
  run(this->context);
  for (child& other : others) other.wait_success();
}

TYPED_TEST(AsioListener, given_up_leaves_the_connection_to_the_next_one) {
  std::optional<typename TestFixture::accepted> first;
  std::optional<typename TestFixture::accepted> second;
  this->listener.async_accept(into(first));
  poll(this->context);
  EXPECT_FALSE(first) << "nobody has come";
  this->listener.cancel();
  run(this->context);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->error(), std::errc::operation_canceled);
  child client{[this] { this->kind.ask(); }};
  this->listener.async_accept(into(second));
  run(this->context);
  ASSERT_TRUE(second && *second);
  start(this->context, answer(this->context, std::move(*second).value()));
  run(this->context);
  client.wait_success();
}

// --- The ends of a ring connection, whatever carries it ---

struct over_a_shared_ring {
  static constexpr const char* name = "shared_ring_connection";
  explicit over_a_shared_ring(std::size_t bytes)
      : ring(ring_channel::create_anonymous({.capacity_bytes = bytes}).value()) {}
  ring_channel ring;
  std::optional<ring_connection_sender> sender{ring_sender::attach(ring).value()};
  std::optional<ring_connection_receiver> receiver{ring_receiver::attach(ring).value()};
};
struct over_a_socket {
  static constexpr const char* name = "socket_ring_connection";
  explicit over_a_socket(std::size_t) {
    auto both = unix_seqpacket::create_pair().value();
    packet_byte_writer writer{std::make_shared<unix_seqpacket>(std::move(both.first))};
    packet_byte_reader reader{std::make_shared<unix_seqpacket>(std::move(both.second))};
    sender.emplace(framed_sender<packet_byte_writer>::create(std::move(writer)).value());
    receiver.emplace(framed_receiver<packet_byte_reader>::create(std::move(reader)).value());
  }
  std::optional<ring_connection_sender> sender;
  std::optional<ring_connection_receiver> receiver;
};
using carriers = testing::Types<over_a_shared_ring, over_a_socket>;
INSTANTIATE_TYPED_TEST_SUITE_P(OfConnections, AsioChannel, carriers, link_names);

TEST(AsioConnection, over_hardened_rings_has_no_descriptor_and_is_refused) {
  asio::io_context context;
  ring_connection_sender sender{hardened_sender::create().value()};
  ring_connection_receiver receiver{hardened_receiver::create().value()};
  EXPECT_EQ(asio_end<ring_connection_sender>::over(context, std::move(sender)).error(),
            std::errc::operation_not_supported);
  EXPECT_EQ(asio_end<ring_connection_receiver>::over(context, std::move(receiver)).error(),
            std::errc::operation_not_supported);
}

// --- UDP: one socket, both ways ---

TEST(AsioUdp, asks_and_is_answered_by_another_process) {
  asio::io_context context;
  auto bound = udp_socket::create().value();
  const inet_address address = bound.address();
  auto server = in_loop(context, std::move(bound));
  child client{[&] {
    auto mine = udp_socket::create().value();
    ASSERT_TRUE(mine.connect(address));
    ask_by_message(mine, mine);
  }};
  start(context, [](auto& socket) -> asio::awaitable<void> {
    const auto asked = co_await socket.async_receive_message(asio::use_awaitable);
    EXPECT_TRUE(asked) << asked.error().message();
    if (!asked) co_return;
    EXPECT_TRUE(socket.end().connect(socket.end().last_sender().value()));
    const std::string text = in_capitals(*asked);
    const auto sent = co_await socket.async_send(bytes_of(text), asio::use_awaitable);
    EXPECT_TRUE(sent) << sent.error().message();
  }(server));
  run(context);
  client.wait_success();
}

TEST(AsioUdp, waits_for_a_datagram_while_it_sends_one) {
  asio::io_context context;
  auto here = in_loop(context, udp_socket::create().value());
  auto there = in_loop(context, udp_socket::create().value());
  ASSERT_TRUE(here.end().connect(there.end().address()));
  ASSERT_TRUE(there.end().connect(here.end().address()));
  std::optional<result<std::vector<std::byte>>> at_here;
  std::optional<result<std::vector<std::byte>>> at_there;
  std::optional<result<void>> sent;
  std::optional<result<void>> sent_back;
  here.async_receive_message(into(at_here));
  there.async_receive_message(into(at_there));
  poll(context);
  EXPECT_FALSE(at_here || at_there);
  here.async_send(bytes_of(question), into(sent));
  there.async_send(bytes_of(reply), into(sent_back));
  run(context);
  ASSERT_TRUE(at_here && at_there && sent && sent_back);
  EXPECT_TRUE(*sent && *sent_back);
  EXPECT_EQ(text_of(at_there->value()), question);
  EXPECT_EQ(text_of(at_here->value()), reply);
}

}  // namespace
}  // namespace sluice::test
