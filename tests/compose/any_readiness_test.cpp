// Ends whose kind is known when the program runs, in a selector and in a relay; and listeners.

#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <sluice/sluice.hpp>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "compose/any_socket_ends.hpp"
#include "conformance/message_links.hpp"
#include "conformance/signal_links.hpp"
#include "support/asleep.hpp"
#include "support/isolation.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

std::vector<std::byte> numbered(std::uint64_t number) {
  const const_bytes bytes = bytes_of(number);
  return {bytes.begin(), bytes.end()};
}
std::optional<std::uint64_t> next_of(any_receiver& receiver) {
  std::uint64_t number = 0;
  auto got = receiver.try_receive(writable_bytes_of(number));
  if (got) return number;
  EXPECT_TRUE(would_block(got.error())) << got.error().message();
  return std::nullopt;
}

/// Both ends of one kind. What a link holds besides, a name or a mask of signals, outlives them.
struct any_pair {
  std::shared_ptr<void> rest;
  any_receiver receiver;
  any_sender sender;
};
struct kind_of_ends {
  std::string name;
  std::function<any_pair()> make;
  bool sender_is_polled = true;
  friend std::ostream& operator<<(std::ostream& out, const kind_of_ends& one) {
    return out << one.name;
  }
};

template <class Link>
any_pair pair_of() {
  auto link = std::make_shared<Link>();
  any_receiver receiver{std::move(*link->receiver)};
  any_sender sender{std::move(*link->sender)};
  link->receiver.reset();
  link->sender.reset();
  return {std::move(link), std::move(receiver), std::move(sender)};
}
any_pair hardened_pair() {
  auto sender = hardened_sender::create().value();
  auto receiver = hardened_receiver::create().value();
  const auto copy_of = [](const auto& end) {
    return unique_fd{::fcntl(end.native_handle(), F_DUPFD_CLOEXEC, 0)};
  };
  EXPECT_TRUE(sender.connect(copy_of(receiver)));
  EXPECT_TRUE(receiver.connect(copy_of(sender)));
  return {nullptr, any_receiver{std::move(receiver)}, any_sender{std::move(sender)}};
}
kind_of_ends at_address(const std::string& name, const std::string& before,
                        const std::string& behind = "") {
  return {name, [=] {
            socket_ends both{
                before +
                (before.ends_with(":") || before.ends_with("@") ? unique_name() : std::string{}) +
                behind};
            return any_pair{nullptr, std::move(both.receiver), std::move(both.sender)};
          }};
}

std::vector<kind_of_ends> polled_kinds() {
  return {at_address("ring", "ring:"),
          at_address("queue", "queue:"),
          at_address("topic", "topic:"),
          at_address("fifo", "fifo:"),
          at_address("mq", "mq:"),
          {"pipe", pair_of<framed_pipe_link>},
          {"signal", pair_of<signal_channel_link>, false},
          at_address("unix_stream", "unix:"),
          at_address("unix_stream_abstract", "unix:@"),
          at_address("unix_seqpacket", "unix:", "?socket=seqpacket"),
          at_address("unix_datagram", "unix:", "?socket=datagram"),
          at_address("tcp", "tcp:127.0.0.1:0"),
          at_address("udp", "udp:127.0.0.1:0")};
}
std::vector<kind_of_ends> kinds_without_descriptor() {
  return {at_address("sysv", "sysv:"),
          at_address("sysv_of_a_type", "sysv:", "?type=3"),
          at_address("mailbox", "mailbox:"),
          {"hardened", hardened_pair},
          {"local", pair_of<local_link>}};
}
constexpr auto name_of_kind = [](const auto& one) { return one.param.name; };

// --- In a selector -----------------------------------------------------------------------------

class AnyEndInSelector : public ::testing::TestWithParam<kind_of_ends> {
 protected:
  // Whether the member is told of now, or soon: what goes through TCP may take its time.
  bool is_told(selector_key key, deadline until = deadline::now()) {
    auto found = all.wait(until);
    if (!found) {
      EXPECT_EQ(found.error(), std::errc::timed_out);
      return false;
    }
    for (const ready& one : *found) EXPECT_EQ(one.key, key);
    return true;
  }
  bool will_be_told(selector_key key) { return is_told(key, deadline{patience}); }
  // Looks until there is nothing: the first look may be in vain.
  void drain() {
    while (next_of(ends.receiver)) continue;
  }
  void send(std::uint64_t number) {
    ASSERT_TRUE(ends.sender.send(numbered(number), deadline{patience}));
  }
  any_pair ends = GetParam().make();
  selector all = selector::create().value();
};

TEST_P(AnyEndInSelector, a_receiver_is_told_of_until_it_is_drained) {
  const auto key = all.add_readable(ends.receiver);
  ASSERT_TRUE(key) << key.error().message();
  drain();
  EXPECT_FALSE(is_told(*key));
  for (std::uint64_t number = 0; number < 3; ++number) send(number);
  for (std::uint64_t number = 0; number < 3; ++number) {
    ASSERT_TRUE(will_be_told(*key)) << "before message " << number;
    ASSERT_TRUE(is_told(*key)) << "who does not look is told again";
    ASSERT_TRUE(ends.receiver.wait_readable(deadline{patience}));
    EXPECT_EQ(next_of(ends.receiver), number);
  }
  drain();
  EXPECT_FALSE(is_told(*key));
  send(3);
  EXPECT_TRUE(will_be_told(*key));
}

TEST_P(AnyEndInSelector, what_was_read_ahead_before_is_told_of) {
  send(0);
  send(1);
  ASSERT_TRUE(ends.receiver.wait_readable(deadline{patience}));
  EXPECT_EQ(next_of(ends.receiver), 0U);
  const auto key = all.add_readable(ends.receiver);
  ASSERT_TRUE(key);
  ASSERT_TRUE(will_be_told(*key));
  ASSERT_TRUE(ends.receiver.wait_readable(deadline{patience}));
  EXPECT_EQ(next_of(ends.receiver), 1U);
}

TEST_P(AnyEndInSelector, a_receiver_may_be_moved) {
  const auto key = all.add_readable(ends.receiver);
  ASSERT_TRUE(key);
  drain();
  any_receiver elsewhere{std::move(ends.receiver)};
  send(0);
  ASSERT_TRUE(will_be_told(*key));
  ASSERT_TRUE(elsewhere.wait_readable(deadline{patience}));
  EXPECT_EQ(next_of(elsewhere), 0U);
  ends.receiver = std::move(elsewhere);
  drain();
  EXPECT_FALSE(is_told(*key));
}

TEST_P(AnyEndInSelector, a_sender_is_told_of_room) {
  if (!GetParam().sender_is_polled) {
    EXPECT_EQ(all.add_writable(ends.sender).error(), std::errc::operation_not_supported);
    return;
  }
  // A receiver that was never asked has not accepted its sender yet; that changes nothing here.
  const auto key = all.add_writable(ends.sender);
  ASSERT_TRUE(key) << key.error().message();
  EXPECT_TRUE(will_be_told(*key));
  if (!ends.sender.capabilities().may_lose) {  // UDP has room for everything
    const std::vector<std::byte> large(
        std::min<std::size_t>(8000, ends.sender.max_message_bytes()));
    // Until it stays full: TCP finds room for more by itself.
    do {
      result<void> sent;
      while (sent) sent = ends.sender.try_send(large);
      ASSERT_TRUE(would_block(sent.error())) << sent.error().message();
    } while (is_told(*key, 50ms));
    std::vector<std::byte> buffer(large.size());
    // As far as it comes: more may be on its way.
    while (ends.receiver.receive(buffer, 50ms)) continue;
    EXPECT_TRUE(will_be_told(*key));
  }
  EXPECT_TRUE(ends.sender.send(numbered(1), deadline{patience}));
}

INSTANTIATE_TEST_SUITE_P(Kinds, AnyEndInSelector, ::testing::ValuesIn(polled_kinds()),
                         name_of_kind);

class AnyEndWithoutDescriptor : public ::testing::TestWithParam<kind_of_ends> {
 protected:
  any_pair ends = GetParam().make();
  selector all = selector::create().value();
};

TEST_P(AnyEndWithoutDescriptor, is_refused_with_what_to_do_and_looked_at_every_so_often) {
  const auto to_receive = all.add_readable(ends.receiver);
  const auto to_send = all.add_writable(ends.sender);
  for (const auto* refused : {&to_receive, &to_send}) {
    ASSERT_FALSE(*refused);
    EXPECT_EQ(refused->error(), std::errc::operation_not_supported);
    EXPECT_NE(std::string_view{refused->error().hint()}.find("selector looks"),
              std::string_view::npos);
  }
  const auto key = all.add_looking_every(1ms, ends.receiver);
  ASSERT_TRUE(key);
  auto found = all.wait(deadline{patience});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->begin()->key, *key);
}

INSTANTIATE_TEST_SUITE_P(Kinds, AnyEndWithoutDescriptor,
                         ::testing::ValuesIn(kinds_without_descriptor()), name_of_kind);

// --- In a relay --------------------------------------------------------------------------------

std::vector<kind_of_ends> all_kinds() {
  auto all = polled_kinds();
  for (auto& one : kinds_without_descriptor()) all.push_back(std::move(one));
  return all;
}

class AnyEndInRelay : public ::testing::TestWithParam<kind_of_ends> {
 protected:
  any_pair ends = GetParam().make();
  local_channel source = local_channel::create({.capacity_messages = 4}).value();
  local_channel target = local_channel::create({.capacity_messages = 2}).value();
};

TEST_P(AnyEndInRelay, everything_goes_through_in_order) {
  auto in = make_relay(any_receiver{std::move(source.receiver)}, std::move(ends.sender)).value();
  auto out = make_relay(std::move(ends.receiver), any_sender{std::move(target.sender)}).value();
  constexpr std::uint64_t messages = 200;
  std::uint64_t received = 0;
  for (std::uint64_t sent = 0; received < messages;) {
    // One at a time is under way: UDP loses what has no room.
    if (sent == received) {
      ASSERT_TRUE(source.sender.try_send(numbered(sent++)));
    }
    EXPECT_EQ(in.run({}, deadline::now()).end, relay_end::timed_out);
    const auto outcome = out.run({}, 1ms);
    ASSERT_EQ(outcome.end, relay_end::timed_out) << outcome.reason->message();
    std::uint64_t number = 0;
    while (target.receiver.try_receive(writable_bytes_of(number))) EXPECT_EQ(number, received++);
  }
  EXPECT_EQ(in.statistics().messages, messages);
  EXPECT_EQ(out.statistics().messages, messages);
}

TEST_P(AnyEndInRelay, a_request_to_stop_ends_a_wait_that_nothing_else_ends) {
  auto out = make_relay(std::move(ends.receiver), any_sender{std::move(target.sender)}).value();
  pid_t pumping = 0;
  const rendezvous begins;
  std::jthread pump{[&](const std::stop_token& stop) {
    pumping = this_thread_id();
    begins.arrive();
    EXPECT_EQ(out.run(stop).end, relay_end::stopped);
  }};
  begins.wait();
  wait_until_asleep(pumping);
  pump.request_stop();
  pump.join();
  EXPECT_EQ(out.statistics().messages, 0U);
}

INSTANTIATE_TEST_SUITE_P(Kinds, AnyEndInRelay, ::testing::ValuesIn(all_kinds()), name_of_kind);

TEST(AnyRelay, passes_the_end_of_one_socket_on_to_another) {
  socket_ends in{"unix:" + unique_name()};
  socket_ends out{"tcp:127.0.0.1:0"};
  auto pump = make_relay(std::move(in.receiver), std::move(out.sender)).value();
  ASSERT_TRUE(in.sender.send(bytes_of("last"), deadline{patience}));
  { const any_sender gone{std::move(in.sender)}; }
  EXPECT_EQ(pump.run({}, deadline{patience}).end, relay_end::passed_on);
  EXPECT_EQ(text_of(receive_message(out.receiver, deadline{patience}).value()), "last");
  EXPECT_EQ(receive_message(out.receiver, deadline{patience}).error(), errc::closed);
}

// --- Listeners ---------------------------------------------------------------------------------

template <class Listener, class Connect>
void expect_told_of_connections(Listener listener, Connect connect) {
  static_assert(pollable_to_receive<Listener> && !pollable_to_send<Listener>);
  auto all = selector::create().value();
  const auto key = all.add_readable(listener, 7);
  ASSERT_TRUE(key) << key.error().message();
  EXPECT_EQ(all.wait(deadline::now()).error(), std::errc::timed_out);
  for (int round = 0; round < 2; ++round) {
    auto mine = connect();
    for (int told = 0; told < 2; ++told) {
      auto found = all.wait(deadline{patience});
      ASSERT_TRUE(found) << found.error().message();
      EXPECT_EQ(found->begin()->key, *key);
      EXPECT_EQ(found->begin()->tag, 7U);
    }
    EXPECT_TRUE(listener.try_accept());
    EXPECT_TRUE(would_block(listener.try_accept().error()));
    EXPECT_EQ(all.wait(deadline::now()).error(), std::errc::timed_out);
  }
}

TEST(ListenerInSelector, is_told_of_while_a_connection_waits) {
  const std::string name = unique_name();
  expect_told_of_connections(unix_stream_listener::create(name).value(), [&] {
    return unix_stream::connect(name, deadline{patience}).value();
  });
  expect_told_of_connections(unix_seqpacket_listener::create(name).value(), [&] {
    return unix_seqpacket::connect(name, deadline{patience}).value();
  });
  auto tcp = tcp_listener::create().value();
  const inet_address address = tcp.address();
  expect_told_of_connections(
      std::move(tcp), [&] { return tcp_stream::connect(address, deadline{patience}).value(); });
}

TEST(ListenerInSelector, that_hands_out_rings_is_told_of_while_a_client_waits) {
  const std::string name = unique_name();
  auto listener = ring_listener::create(name).value();
  auto all = selector::create().value();
  const auto key = all.add_readable(listener);
  ASSERT_TRUE(key);
  EXPECT_EQ(all.wait(deadline::now()).error(), std::errc::timed_out);
  child client{[&] {
    auto rings = ring_connection::connect(name, deadline{patience}).value();
    EXPECT_EQ(text_of(receive_message(rings.receiver(), deadline{patience}).value()), "hello");
  }};
  auto found = all.wait(deadline{patience});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->begin()->key, *key);
  // It counts once it has answered, of which it is told, too.
  auto rings = listener.accept(deadline{patience});
  ASSERT_TRUE(rings) << rings.error().message();
  EXPECT_TRUE(rings->sender().send(bytes_of("hello"), deadline{patience}));
  client.wait_success();
}

}  // namespace
}  // namespace sluice::test
