// Relays into and out of sockets.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "compose/numbered_messages.hpp"
#include "compose/relay_conformance.hpp"
#include "conformance/socket_links.hpp"
#include "conformance/type_names.hpp"
#include "support/child.hpp"
#include "support/shared_array.hpp"

namespace sluice::test {
namespace {

using links = ::testing::Types<framed_unix_stream_link, unix_seqpacket_link, unix_datagram_link,
                               framed_tcp_link, udp_link>;
INSTANTIATE_TYPED_TEST_SUITE_P(Socket, RelayOver, links, link_names);

using ending_links =
    ::testing::Types<framed_unix_stream_link, unix_seqpacket_link, framed_tcp_link>;
INSTANTIATE_TYPED_TEST_SUITE_P(Socket, RelayOfEnds, ending_links, link_names);

// Receives at an address until it is killed, and is started again.
class RelayIntoSocket : public ::testing::Test {
 protected:
  // The messages are numbered: whoever receives goes on where the one before ended.
  template <class Receiver>
  void receive_for_ever(Receiver receiver) const {
    for (;;) {
      std::uint64_t number = 0;
      ASSERT_TRUE(receiver.receive(writable_bytes_of(number)));
      EXPECT_EQ(number, received[0]);
      received[0].fetch_add(1);
    }
  }

  // A receiver is killed when it has taken what the kernel had for it, which goes with its socket;
  // messages come while nobody is there.
  template <class Sender, class Serve, class GoOn>
  void expect_nothing_lost(Sender first, Serve serve, std::optional<child>& server, GoOn go_on) {
    auto source = local_channel::create().value();
    auto pump = make_relay(std::move(source.receiver), std::move(first)).value();
    std::uint64_t sent = 0;
    const auto send_some = [&] {
      for (int count = 0; count < 20; ++count) ASSERT_TRUE(source.sender.send(numbered(sent++)));
    };
    const auto pass_all_on = [&] {
      const deadline late{patience};
      while (received[0] < sent && !late.has_passed())
        ASSERT_EQ(pump.run({}, deadline{std::chrono::milliseconds{5}}).end, relay_end::timed_out);
      EXPECT_EQ(received[0], sent);
    };
    for (int restarts = 0; restarts < 5; ++restarts) {
      send_some();
      pass_all_on();
      server->kill();
      send_some();
      const auto outcome = pump.run({}, deadline{patience});
      ASSERT_EQ(outcome.end, relay_end::sender_failed);
      EXPECT_EQ(outcome.reason.value(), std::errc::broken_pipe);
      server.emplace(serve);
      go_on(pump);
      pass_all_on();
    }
    server->kill();
  }

  const std::string name = unique_name();
  const shared_array received{1};
};

TEST_F(RelayIntoSocket, loses_nothing_when_the_receiver_of_datagrams_is_killed_and_started_again) {
  const auto serve = [&] { receive_for_ever(unix_datagram_receiver::create(name).value()); };
  std::optional<child> server{serve};
  auto sender = unix_datagram_sender::connect(name, deadline{patience}, {.wait_for_peer = true});
  expect_nothing_lost(std::move(sender).value(), serve, server, [](auto& pump) {
    ASSERT_TRUE(pump.sender()->wait_for_peer(deadline{patience}));
  });
  EXPECT_TRUE(unix_datagram_receiver::create(name)) << "whoever comes next clears the name away";
}

TEST_F(RelayIntoSocket, loses_nothing_when_a_server_is_killed_and_started_again) {
  const auto serve = [&] {
    auto listener = unix_seqpacket_listener::create(name).value();
    receive_for_ever(listener.accept(deadline{patience}).value());
  };
  const auto connect = [&] {
    return unix_seqpacket::connect(name, deadline{patience}, {.wait_for_peer = true}).value();
  };
  std::optional<child> server{serve};
  expect_nothing_lost(connect(), serve, server,
                      [&](auto& pump) { pump.replace_sender(connect()); });
  EXPECT_TRUE(unix_seqpacket_listener::create(name)) << "whoever comes next clears the name away";
}

}  // namespace
}  // namespace sluice::test
