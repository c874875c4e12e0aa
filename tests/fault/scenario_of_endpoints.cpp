// Opening by address, and questions and answers between ends that are opened so.

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <sluice/sluice.hpp>
#include <string>

#include "fault/scenario.hpp"
#include "support/isolation.hpp"

namespace sluice::test {

namespace {

using namespace std::chrono_literals;

struct both_ends {
  any_receiver receiver;
  any_sender sender;
};

// Makes both ends of the channel that an address names, and sends a message.
void open_both(struck_step& step, const std::string& address) {
  auto both = step([&]() -> result<both_ends> {
    auto receiver = any_receiver::open(address);
    if (!receiver) return failure{receiver.error()};
    auto sender = any_sender::open(address, 10s);
    if (!sender) return failure{sender.error()};
    return both_ends{std::move(*receiver), std::move(*sender)};
  });
  if (!both) return;
  ASSERT_TRUE(both->sender.send(bytes_of("abc"), 10s));
  EXPECT_EQ(text_of(receive_message(both->receiver, 10s).value()), "abc");
}

void open_ring_by_address(struck_step& step) {
  open_both(step, "ring:" + unique_name() + "?capacity=4K");
}
void open_queue_by_address(struck_step& step) {
  open_both(step, "queue:" + unique_name() + "?capacity=4K&senders=2");
}
void open_topic_by_address(struck_step& step) {
  open_both(step, "topic:" + unique_name() + "?capacity=4K&publishers=2");
}
void open_fifo_by_address(struck_step& step) { open_both(step, "fifo:" + unique_name()); }
void open_system_v_queue_by_address(struck_step& step) {
  open_both(step, "sysv:" + unique_name() + "?type=3");
}
void open_posix_queue_by_address(struck_step& step) {
  open_both(step, "mq:" + unique_name() + "?messages=3&priority=2");
}
void open_mailbox_by_address(struck_step& step) {
  open_both(step, "mailbox:" + unique_name() + "?messages=3");
}

void open_unix_stream_by_address(struck_step& step) { open_both(step, "unix:" + unique_name()); }
void open_unix_seqpacket_by_address(struck_step& step) {
  open_both(step, "unix:@" + unique_name() + "?socket=seqpacket&max_message=250000");
}
void open_unix_datagram_by_address(struck_step& step) {
  open_both(step, "unix:" + unique_name() + "?socket=datagram");
}

// Whose port is free for the receiver, which says then which one it got.
template <class Held, class Address>
void open_at_a_free_port(struck_step& step, const std::string& scheme, Address address_of) {
  auto both = step([&]() -> result<both_ends> {
    auto receiver = any_receiver::open(scheme + ":127.0.0.1:0");
    if (!receiver) return failure{receiver.error()};
    const inet_address address = address_of(*receiver->get_if<Held>());
    auto sender = any_sender::open(scheme + ":" + address.to_string(), 10s);
    if (!sender) return failure{sender.error()};
    return both_ends{std::move(*receiver), std::move(*sender)};
  });
  if (!both) return;
  ASSERT_TRUE(both->sender.send(bytes_of("abc"), 10s));
  EXPECT_EQ(text_of(receive_message(both->receiver, 10s).value()), "abc");
}
void open_tcp_by_address(struck_step& step) {
  open_at_a_free_port<accepting_receiver<tcp_listener>>(
      step, "tcp", [](auto& held) { return held.listener()->address(); });
}
void open_udp_by_address(struck_step& step) {
  open_at_a_free_port<udp_socket>(step, "udp", [](auto& held) { return held.address(); });
}
void open_a_group_by_address(struck_step& step) {
  auto receiver =
      step([] { return any_receiver::open("udp:239.255.77.3:0?interface=1&capacity=8K"); });
  if (receiver) {
    EXPECT_TRUE(would_block(receiver->next_size().error()));
  }
}

// The connection is taken by a look, and waited for by the descriptor that was waited for before.
// Without a name: that the last call to remove one fails cannot be rolled back, and the next
// receiver clears it away.
void accept_by_looking(struck_step& step) {
  const std::string address = "unix:@" + unique_name();
  auto receiver = any_receiver::open(address).value();
  auto sender = std::optional{any_sender::open(address, 10s).value()};
  auto looked = step([&]() -> result<std::size_t> {
    auto how = receiver.receive_readiness();
    if (!how) return failure{how.error()};
    auto size = receiver.next_size();
    return !size && would_block(size.error()) ? result<std::size_t>{0} : size;
  });
  // Where it failed after the connection was taken from the listener, that one is lost; the next is
  // served.
  auto* accepting = receiver.get_if<accepting_receiver<unix_stream_listener>>();
  if (!looked && accepting->listener() != nullptr &&
      accepting->listener()->wait_for_peer(deadline::now()).has_value() == false)
    sender.emplace(any_sender::open(address, 10s).value());
  ASSERT_TRUE(sender->send(bytes_of("abc"), 10s));
  EXPECT_EQ(text_of(receive_message(receiver, 10s).value()), "abc");
}

void open_pipe_by_address(struck_step& step) {
  auto made = pipe::create().value();
  // Ours only once it is open; until then the numbers are the caller's.
  unique_fd reading = std::move(made.reader).release_handle();
  unique_fd writing = std::move(made.writer).release_handle();
  const std::string address =
      "pipe:" + std::to_string(reading.get()) + "," + std::to_string(writing.get());
  auto receiver = step([&] { return any_receiver::open(address); });
  if (!receiver) return;
  static_cast<void>(reading.release());
  auto sender = any_sender::open(address);
  ASSERT_TRUE(sender);
  static_cast<void>(writing.release());
  ASSERT_TRUE(sender->send(bytes_of("abc")));
  EXPECT_EQ(text_of(receive_message(*receiver).value()), "abc");
}

struct both_sides {
  request_server server;
  request_client client;
};
// With a name that is new each time: what a refused call leaves half done must be gone by itself.
result<both_sides> open_service() {
  const std::string name = unique_name();
  const request_service service{.requests = "queue:" + name + "?capacity=4K&senders=2",
                                .replies = "ring:" + name + ".reply?capacity=4K",
                                .cancels = "topic:" + name + ".cancel?capacity=4K&publishers=2"};
  auto server = request_server::open(service);
  if (!server) return failure{server.error()};
  auto client = request_client::open(service);
  if (!client) return failure{client.error()};
  return both_sides{std::move(*server), std::move(*client)};
}

void open_a_service(struck_step& step) {
  auto both = step([] { return open_service(); });
  if (!both) return;
  const auto id = both->client.send(bytes_of("abc"));
  ASSERT_TRUE(id);
  ASSERT_TRUE(both->server.serve_one([](request_in_hand&) { return reply{}; }, 10s));
  EXPECT_TRUE(both->client.wait(*id, 10s));
}

// The server opens the client's channel of replies when it first has to say something to it.
void answer_a_new_client(struck_step& step) {
  auto both = open_service();
  ASSERT_TRUE(both);
  const auto id = both->client.send(bytes_of("abc"));
  ASSERT_TRUE(id);
  auto answered = step([&]() -> result<void> {
    auto request = both->server.take(10s);
    if (!request) return failure{request.error()};
    return both->server.answer(*request, {});
  });
  if (answered) {
    EXPECT_TRUE(both->client.wait(*id, 10s));
  }
}

// Beside a mailbox a file proves who lives. A server that is refused it serves without.
result<both_sides> open_service_beside_locks() {
  const std::string name = unique_name();
  const request_service service{.requests = "mailbox:" + name, .replies = "mailbox:" + name + ".r"};
  auto server = request_server::open(service);
  if (!server) return failure{server.error()};
  auto client = request_client::open(service);
  if (!client) return failure{client.error()};
  return both_sides{std::move(*server), std::move(*client)};
}

void open_a_service_beside_locks(struck_step& step) {
  auto both = step([] { return open_service_beside_locks(); });
  if (!both) return;
  const auto id = both->client.send(bytes_of("abc"));
  ASSERT_TRUE(id);
  ASSERT_TRUE(both->server.serve_one([](request_in_hand&) { return reply{}; }, 10s));
  EXPECT_TRUE(both->client.wait(*id, 10s));
}

void prove_life_to_a_new_client(struck_step& step) {
  const std::string name = unique_name();
  const auto client = request_presence::create(name).value();
  auto server = step([&] { return request_presence::open(name); });
  if (server) {
    EXPECT_TRUE(client.lives(server->number()).value());
  }
}

void make_a_proof_of_life(struck_step& step) {
  const std::string name = unique_name();
  auto client = step([&] { return request_presence::create(name); });
  if (client) {
    EXPECT_TRUE(request_presence::open(name)->client_lives().value());
  }
}

}  // namespace

const std::vector<scenario>& endpoint_scenarios() {
  static const std::vector<scenario> table{
      {"open_ring_by_address", open_ring_by_address},
      {"open_queue_by_address", open_queue_by_address},
      {"open_topic_by_address", open_topic_by_address},
      {"open_fifo_by_address", open_fifo_by_address},
      {"open_system_v_queue_by_address", open_system_v_queue_by_address},
      {"open_posix_queue_by_address", open_posix_queue_by_address},
      {"open_mailbox_by_address", open_mailbox_by_address},
      {"open_pipe_by_address", open_pipe_by_address},
      {"open_unix_stream_by_address", open_unix_stream_by_address},
      {"open_unix_seqpacket_by_address", open_unix_seqpacket_by_address},
      {"open_unix_datagram_by_address", open_unix_datagram_by_address},
      {"open_tcp_by_address", open_tcp_by_address},
      {"open_udp_by_address", open_udp_by_address},
      {"open_a_group_by_address", open_a_group_by_address},
      {"accept_by_looking", accept_by_looking},
      {"open_a_service", open_a_service},
      {"answer_a_new_client", answer_a_new_client},
      {"open_a_service_beside_locks", open_a_service_beside_locks},
      {"make_a_proof_of_life", make_a_proof_of_life},
      {"prove_life_to_a_new_client", prove_life_to_a_new_client},
  };
  return table;
}

}  // namespace sluice::test
