#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <sluice/sluice.hpp>
#include <string>

#include "fault/scenario.hpp"
#include "support/child.hpp"
#include "support/isolation.hpp"
#include "support/runtime_directory.hpp"

namespace sluice::test {

namespace {

using namespace std::chrono_literals;

void expect_carries(auto& writer, auto& reader) {
  std::array<std::byte, 3> buffer;
  ASSERT_TRUE(writer.write_all(bytes_of("abc")));
  ASSERT_TRUE(reader.read_exactly(buffer, 10s));
  EXPECT_EQ(text_of(buffer), "abc");
}

void expect_messages(auto& sender, auto& receiver) {
  std::array<std::byte, 10> buffer;
  ASSERT_TRUE(sender.send(bytes_of("abc")));
  EXPECT_EQ(receiver.receive(buffer, 10s).value(), 3u);
}

// --- Unix --------------------------------------------------------------------------------------

void pair_unix_streams(struck_step& step) {
  auto made = step([] { return unix_stream::create_pair(); });
  if (made) expect_carries(made->first, made->second);
}

void pair_unix_seqpackets(struck_step& step) {
  auto made = step([] { return unix_seqpacket::create_pair(300'000); });
  if (made) expect_messages(made->first, made->second);
}

void pair_unix_datagrams(struck_step& step) {
  auto made = step([] { return unix_datagram_receiver::create_pair(); });
  if (made) expect_messages(made->sender, made->receiver);
}

void listen_under_a_name(struck_step& step) {
  auto made = step([] { return unix_stream_listener::create("chat"); });
  if (!made) return;
  auto mine = unix_stream::connect("chat").value();
  auto theirs = made->accept(10s).value();
  expect_carries(mine, theirs);
}

void listen_under_a_path(struck_step& step) {
  const std::string path = private_runtime_directory::current() + "/chat.path";
  auto made = step([&] { return unix_seqpacket_listener::create(path, {.mode = 0660}); });
  if (!made) return;
  auto mine = unix_seqpacket::connect(path).value();
  auto theirs = made->accept(10s).value();
  expect_messages(mine, theirs);
}

void listen_under_an_abstract_name(struck_step& step) {
  const std::string name = "@" + unique_name();
  auto made = step([&] { return unix_stream_listener::create(name); });
  if (made) {
    EXPECT_TRUE(unix_stream::connect(name));
  }
}

void listen_where_a_dead_server_was(struck_step& step) {
  unix_stream_listener::create("chat").value().persist();
  auto made = step([] { return unix_stream_listener::create("chat"); });
  if (made) {
    EXPECT_TRUE(unix_stream::connect("chat"));
  } else if (auto rest = unix_stream_listener::create("chat"); !rest) {
    ADD_FAILURE() << "what was left is in the way: " << rest.error().message();
  }
}

void connect_unix_stream(struck_step& step) {
  auto server = unix_stream_listener::create("chat").value();
  auto mine = step([] { return unix_stream::connect("chat"); });
  if (!mine) return;
  auto theirs = server.accept(10s).value();
  expect_carries(*mine, theirs);
}

void connect_unix_seqpacket_by_abstract_name(struck_step& step) {
  const std::string name = "@" + unique_name();
  auto server = unix_seqpacket_listener::create(name).value();
  auto mine = step([&] { return unix_seqpacket::connect(name); });
  if (!mine) return;
  auto theirs = server.accept(10s).value();
  expect_messages(*mine, theirs);
}

void wait_for_a_unix_server(struck_step& step) {
  auto waited = step([]() -> result<void> {
    auto mine = unix_stream::connect("nobody", 2ms, {.wait_for_peer = true});
    if (mine || mine.error() == std::errc::timed_out) return {};
    return failure{mine.error()};
  });
  static_cast<void>(waited);
}

void accept_a_unix_stream(struck_step& step) {
  auto server = unix_stream_listener::create("chat", {.filter = {.users = {::geteuid()}}}).value();
  auto mine = unix_stream::connect("chat").value();
  auto theirs = step([&] { return server.accept(10s); });
  if (theirs) expect_carries(mine, *theirs);
  auto next = unix_stream::connect("chat").value();
  EXPECT_TRUE(server.accept(10s)) << "the listener goes on";
}

void ask_who_the_peer_is(struck_step& step) {
  auto both = unix_stream::create_pair().value();
  auto told = step([&] {
    return both.first.peer_credentials().and_then(
        [&](const socket_credentials&) { return both.second.peer_process(); });
  });
  if (told) {
    EXPECT_EQ(told->id(), ::getpid());
  }
}

void move_bytes_both_ways(struck_step& step) {
  auto both = unix_stream::create_pair().value();
  std::array<std::byte, 3> buffer;
  auto moved = step([&] {
    const std::array<const_bytes, 2> parts{bytes_of("a"), bytes_of("bc")};
    return both.first.try_write(parts)
        .and_then([&](std::size_t) { return both.first.wait_writable(10s); })
        .and_then([&] { return both.second.wait_readable(10s); })
        .and_then([&] { return both.second.read_exactly(buffer); })
        .and_then([&] { return both.second.write_all(bytes_of("abc")); })
        .and_then([&] { return both.second.finish(); });
  });
  if (moved) {
    EXPECT_EQ(text_of(buffer), "abc");
  }
}

void duplicate_an_end(struck_step& step) {
  auto both = unix_stream::create_pair().value();
  auto copy = step([&] { return both.first.duplicate(); });
  if (copy) expect_carries(*copy, both.second);
}

void send_a_descriptor(struck_step& step) {
  auto both = unix_seqpacket::create_pair().value();
  const std::array<int, 2> passed{0, 1};
  auto sent = step([&] { return both.first.send(bytes_of("two"), passed); });
  std::array<std::byte, 10> buffer;
  received_handles handles;
  if (sent) {
    EXPECT_EQ(both.second.receive(buffer, handles, 10s).value(), 3u);
    EXPECT_EQ(handles.size(), 2u);
  }
}

void receive_a_descriptor(struck_step& step) {
  auto both = unix_seqpacket::create_pair().value();
  const std::array<int, 2> passed{0, 1};
  ASSERT_TRUE(both.first.send(bytes_of("two"), passed));
  std::array<std::byte, 10> buffer;
  received_handles handles;
  auto got = step([&] { return both.second.receive(buffer, handles, 10s); });
  EXPECT_EQ(handles.size(), got ? 2u : 0u);
}

void receive_into_a_small_buffer(struck_step& step) {
  auto both = unix_seqpacket::create_pair().value();
  ASSERT_TRUE(both.first.send(bytes_of("abc")));
  std::array<std::byte, 10> buffer;
  auto got = step([&] {
    return both.second.next_size().and_then(
        [&](std::size_t) { return both.second.receive(buffer); });
  });
  if (!got) got = both.second.receive(buffer);
  EXPECT_EQ(*got, 3u) << "a failure leaves the message";
}

void see_the_end_of_a_connection(struck_step& step) {
  auto both = std::make_optional(unix_seqpacket::create_pair().value());
  unix_seqpacket mine = std::move(both->first);
  both.reset();
  std::array<std::byte, 10> buffer;
  auto ended = step([&]() -> result<void> {
    auto got = mine.receive(buffer, 10s);
    if (!got && got.error() == errc::closed) return {};
    if (!got) return failure{got.error()};
    return {};
  });
  static_cast<void>(ended);
}

void receive_datagrams_at_a_name(struck_step& step) {
  auto made = step([] { return unix_datagram_receiver::create("box"); });
  if (!made) return;
  auto sender = unix_datagram_sender::connect("box").value();
  expect_messages(sender, *made);
}

void send_datagrams_to_a_name(struck_step& step) {
  auto receiver = unix_datagram_receiver::create("box").value();
  auto sender = step([]() -> result<unix_datagram_sender> {
    auto made = unix_datagram_sender::connect("box");
    if (!made) return made;
    if (auto met = made->wait_for_peer(10s); !met) return failure{met.error()};
    return made;
  });
  if (sender) expect_messages(*sender, receiver);
}

// Whatever was short: a client that was accepted gets its messages, by whatever carries them.
void accept_who_wants_rings(struck_step& step) {
  auto server = ring_listener::create("rings").value();
  child client{[] {
    auto mine = ring_connection::connect("rings", deadline{patience});
    if (!mine) return;
    std::array<std::byte, 100> buffer;
    auto size = mine->receiver().receive(buffer, deadline{patience});
    EXPECT_EQ(size ? text_of(const_bytes{buffer}.first(*size)) : "message", "message");
  }};
  auto theirs = step([&] { return server.accept(10s); });
  if (theirs) {
    EXPECT_TRUE(theirs->sender().send(bytes_of("message"), 10s));
    client.wait_success();
  } else {
    client.kill();
  }
}

void take_rings_that_are_handed_over(struck_step& step) {
  const rendezvous listening;
  child handing_over{[&] {
    auto server = ring_listener::create("rings").value();
    listening.arrive();
    // Until somebody came who could.
    for (std::size_t size = 0; size == 0;) {
      auto theirs = server.accept(deadline{patience});
      ASSERT_TRUE(theirs) << theirs.error().message();
      std::array<std::byte, 100> buffer;
      size = theirs->receiver().receive(buffer, deadline{patience}).value_or(0);
    }
  }};
  listening.wait();
  auto mine = step([] { return ring_connection::connect("rings", 10s); });
  if (!mine) mine = ring_connection::connect("rings", 10s);
  EXPECT_TRUE(mine.value().sender().send(bytes_of("message"), 10s));
  handing_over.wait_success();
}

// --- Internet ----------------------------------------------------------------------------------

void listen_for_tcp(struck_step& step) {
  auto made = step([] { return tcp_listener::create({.address = inet_address::loopback_v6()}); });
  if (made) {
    EXPECT_TRUE(tcp_stream::connect(made->address(), 10s));
  }
}

void connect_tcp(struck_step& step) {
  auto server = tcp_listener::create().value();
  auto mine = step([&] { return tcp_stream::connect(server.address(), 10s); });
  if (!mine) return;
  auto theirs = server.accept(10s).value();
  expect_carries(*mine, theirs);
}

void accept_tcp(struck_step& step) {
  auto server = tcp_listener::create().value();
  auto mine = tcp_stream::connect(server.address(), 10s).value();
  auto theirs = step([&] { return server.accept(10s); });
  if (theirs) expect_carries(mine, *theirs);
}

void ask_for_tcp_addresses(struck_step& step) {
  auto server = tcp_listener::create().value();
  auto mine = tcp_stream::connect(server.address(), 10s).value();
  auto told = step([&] {
    return mine.local_address().and_then([&](const inet_address&) { return mine.peer_address(); });
  });
  if (told) {
    EXPECT_EQ(*told, server.address());
  }
}

void receive_over_udp(struck_step& step) {
  auto sender = udp_socket::create().value();
  std::array<std::byte, 10> buffer;
  auto got = step([&]() -> result<std::size_t> {
    auto made = udp_socket::create({.share_address = true, .receive_buffer_bytes = 100'000});
    if (!made) return failure{made.error()};
    if (auto sent = sender.send_to(bytes_of("abc"), made->address(), 10s); !sent)
      return failure{sent.error()};
    if (auto known = made->connect(sender.address()); !known) return failure{known.error()};
    return made->receive(buffer, 10s);
  });
  if (got) {
    EXPECT_EQ(*got, 3u);
  }
}

void join_a_group(struck_step& step) {
  auto made = udp_socket::create().value();
  const auto group = inet_address::v4({239, 255, 77, 1}, 0);
  auto joined = step([&] {
    return made.join(group, 1)
        .and_then([&] { return made.set_group_sending({.interface = 1}); })
        .and_then([&] { return made.leave(group, 1); });
  });
  static_cast<void>(joined);
}

}  // namespace

const std::vector<scenario>& socket_scenarios() {
  static const std::vector<scenario> table{
      {"pair_unix_streams", pair_unix_streams},
      {"pair_unix_seqpackets", pair_unix_seqpackets},
      {"pair_unix_datagrams", pair_unix_datagrams},
      {"listen_under_a_name", listen_under_a_name},
      {"listen_under_a_path", listen_under_a_path},
      {"listen_under_an_abstract_name", listen_under_an_abstract_name},
      {"listen_where_a_dead_server_was", listen_where_a_dead_server_was},
      {"connect_unix_stream", connect_unix_stream},
      {"connect_unix_seqpacket_by_abstract_name", connect_unix_seqpacket_by_abstract_name},
      {"wait_for_a_unix_server", wait_for_a_unix_server},
      {"accept_a_unix_stream", accept_a_unix_stream},
      {"ask_who_the_peer_is", ask_who_the_peer_is},
      {"move_bytes_both_ways", move_bytes_both_ways},
      {"duplicate_an_end", duplicate_an_end},
      {"send_a_descriptor", send_a_descriptor},
      {"receive_a_descriptor", receive_a_descriptor},
      {"receive_into_a_small_buffer", receive_into_a_small_buffer},
      {"see_the_end_of_a_connection", see_the_end_of_a_connection},
      {"receive_datagrams_at_a_name", receive_datagrams_at_a_name},
      {"send_datagrams_to_a_name", send_datagrams_to_a_name},
      {"accept_who_wants_rings", accept_who_wants_rings},
      {"take_rings_that_are_handed_over", take_rings_that_are_handed_over},
      {"listen_for_tcp", listen_for_tcp},
      {"connect_tcp", connect_tcp},
      {"accept_tcp", accept_tcp},
      {"ask_for_tcp_addresses", ask_for_tcp_addresses},
      {"receive_over_udp", receive_over_udp},
      {"join_a_group", join_a_group},
  };
  return table;
}

}  // namespace sluice::test
