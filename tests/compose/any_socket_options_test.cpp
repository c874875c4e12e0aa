// What addresses of sockets say besides where, and who may be at the other side.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "compose/any_socket_ends.hpp"
#include "support/all_descriptors.hpp"
#include "support/isolation.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

// --- Options -----------------------------------------------------------------------------------

TEST(AnySocketOptions, say_what_goes_through_a_unix_socket) {
  const std::string name = unique_name();
  socket_ends stream{"unix:" + name};
  EXPECT_EQ(stream.sender.capabilities().mechanism, "unix stream, framed");
  EXPECT_EQ(stream.receiver.capabilities().mechanism, "unix stream, framed");
  EXPECT_TRUE(stream.sender.send({}, deadline{patience})) << "frames have no smallest size";
  EXPECT_EQ(text_from(stream.receiver), "");
  EXPECT_TRUE(stream.sender.send(bytes_of("in place"), deadline{patience}));
  EXPECT_EQ(text_of(stream.receiver.try_peek().value().bytes()), "in place");  // and released
  EXPECT_TRUE(would_block(stream.receiver.try_peek().error()));

  socket_ends packets{"unix:" + name + "2?socket=seqpacket"};
  EXPECT_EQ(packets.sender.capabilities().mechanism, "unix seqpacket");
  EXPECT_EQ(packets.receiver.capabilities().mechanism, "unix seqpacket");
  EXPECT_EQ(packets.sender.try_send({}).error(), std::errc::message_size);
  EXPECT_EQ(packets.receiver.try_peek().error(), std::errc::operation_not_supported);

  socket_ends datagrams{"unix:" + name + "3?socket=datagram"};
  EXPECT_EQ(datagrams.receiver.capabilities().mechanism, "unix datagram");
  auto another = sender_at("unix:" + name + "3?socket=datagram");
  EXPECT_TRUE(datagrams.sender.try_send(bytes_of("of one")));
  EXPECT_TRUE(another.try_send(bytes_of("of another")));
  EXPECT_EQ(text_from(datagrams.receiver), "of one");
  EXPECT_EQ(text_from(datagrams.receiver), "of another");
}

TEST(AnySocketOptions, bound_the_messages) {
  const std::string name = unique_name();
  for (const std::string& address :
       {"unix:" + name + "?max_message=10", "unix:" + name + "?socket=seqpacket&max_message=10",
        std::string{"tcp:127.0.0.1:0?max_message=10"}}) {
    socket_ends both{address};
    EXPECT_EQ(both.sender.max_message_bytes(), 10U) << address;
    EXPECT_EQ(both.sender.try_send(bytes_of("eleven byte")).error(), std::errc::message_size);
    EXPECT_TRUE(both.sender.send(bytes_of("ten bytes!"), deadline{patience}));
    EXPECT_EQ(text_from(both.receiver), "ten bytes!") << address;
  }
  const std::string large = "unix:" + name + "?socket=seqpacket&max_message=300000";
  socket_ends both{large};
  const std::vector<std::byte> message(300'000);
  EXPECT_TRUE(both.sender.send(message, deadline{patience}));
  EXPECT_EQ(receive_message(both.receiver, deadline{patience}).value(), message);

  EXPECT_EQ(any_receiver::open("unix:" + name + "?max_message=4G").error(),
            std::errc::invalid_argument);
  const std::string datagrams = "unix:" + name + "?socket=datagram&max_message=10";
  EXPECT_EQ(any_receiver::open(datagrams).error(), std::errc::invalid_argument);
  EXPECT_TRUE(runtime_directory_is_empty());
}

TEST(AnySocketOptions, say_who_may_come) {
  const std::string path = private_runtime_directory::current() + "/" + unique_name();
  {
    auto open_to_group = receiver_at("unix:" + path + "?mode=0660");
    struct stat found {};
    ASSERT_EQ(::stat(path.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777, 0660U);
  }
  // Somebody else's: neither do we let ourselves in, nor do we go there.
  const std::string other = std::to_string(::geteuid() + 1);
  for (const std::string& target : {"unix:" + path, "unix:@" + unique_name()}) {
    auto receiver = receiver_at(target + "?owner=" + other);
    auto sender = sender_at(target);
    EXPECT_TRUE(would_block(receiver.next_size().error()));
    auto* accepting = receiver.get_if<accepting_receiver<unix_stream_listener>>();
    ASSERT_NE(accepting->listener(), nullptr) << "it waits for the right one";
    EXPECT_EQ(accepting->listener()->refused(), 1U);
    EXPECT_EQ(sender.send(bytes_of("x"), deadline{patience}).error(), std::errc::broken_pipe);
    EXPECT_EQ(any_sender::open(target + "?owner=" + other, deadline{patience}).error(),
              std::errc::permission_denied);
  }
  EXPECT_EQ(any_receiver::open("unix:" + path + "?socket=datagram&owner=" + other).error(),
            std::errc::invalid_argument);
}

TEST(AnySocketOptions, of_tcp_reach_both_ends) {
  const auto delays = [](int fd) {
    int no_delay = -1;
    socklen_t size = sizeof no_delay;
    EXPECT_EQ(::getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
    return no_delay == 0;
  };
  for (const std::string said : {"", "?nodelay=on", "?nodelay=off"}) {
    socket_ends both{"tcp:127.0.0.1:0" + said};
    auto* accepting = both.receiver.get_if<accepting_receiver<tcp_listener>>();
    ASSERT_TRUE(accepting->wait_for_peer(deadline{patience}));
    ASSERT_EQ(accepting->listener(), nullptr);
    EXPECT_EQ(delays(accepting->receiver()->native_handle()), said == "?nodelay=off");
    auto& stream = both.sender.get_if<framed_sender<tcp_stream>>()->stream();
    EXPECT_EQ(delays(stream.native_handle()), said == "?nodelay=off");
  }
}

TEST(AnySocketOptions, of_udp_bound_what_waits) {
  const auto room_of = [](const std::string& address) {
    auto receiver = receiver_at(address);
    int bytes = 0;
    socklen_t size = sizeof bytes;
    EXPECT_EQ(::getsockopt(receiver.get_if<udp_socket>()->native_handle(), SOL_SOCKET, SO_RCVBUF,
                           &bytes, &size),
              0);
    return bytes;
  };
  EXPECT_LT(room_of("udp:127.0.0.1:0?capacity=8K"), room_of("udp:127.0.0.1:0"));
}

TEST(AnySocketOptions, lead_to_a_group) {
  const std::string group = "udp:239.255.77.2:0?interface=1";
  auto first = receiver_at(group);
  const std::string address = reached_at(first, group);
  auto second = receiver_at(address);
  auto sender = any_sender::open(address);
  if (!sender && sender.error() == std::errc::network_unreachable)
    GTEST_SKIP() << "no route to groups on the loopback interface";
  ASSERT_TRUE(sender) << sender.error().message();
  EXPECT_TRUE(sender->try_send(bytes_of("to all")));
  EXPECT_EQ(text_from(first), "to all");
  EXPECT_EQ(text_from(second), "to all");
}

TEST(AnySocketOptions, that_do_not_fit_are_told_with_what_to_do) {
  struct wrong {
    std::string address;
    std::errc reason;
    std::string_view hint;
  };
  const auto expect_told = [](const error& told, const wrong& one) {
    EXPECT_EQ(told, one.reason) << one.address << ": " << told.message();
    EXPECT_NE(std::string_view{told.hint()}.find(one.hint), std::string_view::npos)
        << one.address << ": " << told.hint();
  };
  const wrong of_both[]{
      {"tcp:example.org:80", std::errc::invalid_argument, "in numbers, or localhost"},
      {"udp:example.org:80", std::errc::invalid_argument, "in numbers, or localhost"},
      {"udp:127.0.0.1:9?interface=1", std::errc::invalid_argument, "for groups"},
      {"unix:x?socket=datagram&max_message=9", std::errc::invalid_argument, "max_message is for"},
  };
  for (const wrong& one : of_both) {
    // At once, without a wait for somebody who cannot come.
    expect_told(any_sender::open(one.address, deadline::now()).error(), one);
    expect_told(any_receiver::open(one.address).error(), one);
  }
  expect_told(any_sender::open("tcp:127.0.0.1:0", deadline::now()).error(),
              {"tcp", std::errc::invalid_argument, "port 0"});
  expect_told(any_sender::open("udp:127.0.0.1:0").error(),
              {"udp", std::errc::invalid_argument, "port 0"});
}

// --- Others ------------------------------------------------------------------------------------

TEST(AnySocketPeers, need_not_know_that_there_are_addresses) {
  const std::string name = unique_name();
  auto receiver = receiver_at("unix:" + name + "?socket=seqpacket");
  auto plain = unix_seqpacket::connect(name, deadline{patience}).value();
  EXPECT_TRUE(plain.send(bytes_of("plain"), deadline{patience}));
  EXPECT_EQ(text_from(receiver), "plain");

  auto door = tcp_listener::create().value();
  auto sender = sender_at("tcp:" + door.address().to_string());
  auto stream = door.accept(deadline{patience}).value();
  EXPECT_TRUE(sender.send(bytes_of("framed"), deadline{patience}));
  auto framed = framed_receiver<tcp_stream>::create(std::move(stream)).value();
  EXPECT_EQ(text_of(receive_message(framed, deadline{patience}).value()), "framed");
}

// The receiver at a TCP address, and where that is.
struct tcp_receiver {
  any_receiver end = receiver_at("tcp:127.0.0.1:0");
  inet_address address = end.get_if<accepting_receiver<tcp_listener>>()->listener()->address();

  // What is said about a stranger: the address opened anew serves who means it.
  void expect_to_serve_once_opened_anew() {
    const std::string text = "tcp:" + address.to_string();
    end = receiver_at(text);
    auto sender = sender_at(text);
    EXPECT_TRUE(sender.send(bytes_of("meant"), deadline{patience}));
    EXPECT_EQ(text_from(end), "meant");
  }
};

TEST(AnySocketPeers, that_send_garbage_are_told_of_and_the_address_opened_anew_serves_the_next) {
  tcp_receiver at;
  any_receiver& receiver = at.end;
  auto stranger = tcp_stream::connect(at.address, deadline{patience}).value();
  EXPECT_TRUE(stranger.write_all(bytes_of("GET / HTTP/1.1\r\n\r\n"), deadline{patience}));
  EXPECT_EQ(receive_message(receiver, deadline{patience}).error(), errc::corrupt);
  EXPECT_EQ(receiver.next_size().error(), errc::corrupt) << "and so it stays";
  at.expect_to_serve_once_opened_anew();
}

TEST(AnySocketPeers, that_stay_silent_are_the_peer_until_the_address_is_opened_anew) {
  tcp_receiver at;
  auto stranger = tcp_stream::connect(at.address, deadline{patience}).value();
  ASSERT_TRUE(at.end.get_if<accepting_receiver<tcp_listener>>()->wait_for_peer(deadline{patience}));
  EXPECT_EQ(any_sender::open("tcp:" + at.address.to_string(), deadline::now()).error(),
            std::errc::timed_out)
      << "nobody listens there";
  EXPECT_EQ(at.end.wait_readable(20ms).error(), std::errc::timed_out);
  at.expect_to_serve_once_opened_anew();
}

TEST(AnySocketPeers, that_come_while_descriptors_are_short_are_told_and_the_next_one_is_taken) {
  const std::string address = "unix:" + unique_name();
  const rendezvous is_there;
  const rendezvous was_told;
  const rendezvous has_room;
  child receiving{[&] {
    auto receiver = receiver_at(address);
    is_there.arrive();
    ASSERT_TRUE(
        receiver.get_if<accepting_receiver<unix_stream_listener>>()->listener()->wait_for_peer(
            deadline{patience}));
    std::vector<unique_fd> taken = take_all_descriptors();
    EXPECT_EQ(receiver.next_size().error(), std::errc::too_many_files_open);
    taken.clear();
    has_room.arrive();
    was_told.wait();
    EXPECT_EQ(text_from(receiver), "the next");
  }};
  is_there.wait();
  auto sender = sender_at(address);
  has_room.wait();
  result<void> sent;
  while (sent) sent = sender.send(bytes_of("lost"), deadline{patience});
  EXPECT_EQ(sent.error(), std::errc::broken_pipe);
  was_told.arrive();
  auto next = sender_at(address);
  EXPECT_TRUE(next.send(bytes_of("the next"), deadline{patience}));
  receiving.wait_success();
}

TEST(AnySocketPeers, that_were_killed_while_they_waited_leave_a_name_that_is_cleared_away) {
  const std::string address = "unix:" + unique_name();
  const rendezvous is_there;
  child waiting{[&] {
    auto receiver = receiver_at(address);
    is_there.arrive();
    for (;;) ::pause();
  }};
  is_there.wait();
  waiting.kill();
  EXPECT_FALSE(runtime_directory_is_empty());
  EXPECT_EQ(any_sender::open(address, 5ms).error(), std::errc::timed_out);
  {
    socket_ends both{address};
    EXPECT_TRUE(both.sender.send(bytes_of("x"), deadline{patience}));
    EXPECT_EQ(text_from(both.receiver), "x");
    EXPECT_TRUE(runtime_directory_is_empty()) << "the name goes with the first connection";
  }
}

}  // namespace
}  // namespace sluice::test
