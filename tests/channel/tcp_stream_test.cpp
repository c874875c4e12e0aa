// What TCP connections promise beyond the conformance suites: addresses, deadlines, who listens
// where, and what is told late.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <sluice/channel/tcp_listener.hpp>
#include <sluice/channel/tcp_stream.hpp>
#include <sluice/compose/framed.hpp>
#include <string>
#include <vector>

#include "channel/crowd.hpp"
#include "support/all_descriptors.hpp"
#include "support/asleep.hpp"
#include "support/child.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

int option_of(int fd, int level, int name) {
  int value = -1;
  socklen_t size = sizeof value;
  EXPECT_EQ(::getsockopt(fd, level, name, &value, &size), 0);
  return value;
}

TEST(InetAddress, is_written_as_it_is_read) {
  for (const char* text : {"127.0.0.1:80", "0.0.0.0:0", "255.1.2.3:65535", "[::1]:80", "[::]:0",
                           "[fe80::1%2]:9", "[2001:db8::7]:443"})
    EXPECT_EQ(inet_address::parse(text).value().to_string(), text);
  EXPECT_EQ(inet_address::parse("127.0.0.1:80").value(), inet_address::loopback(80));
  EXPECT_EQ(inet_address::parse("[::1]:80").value(), inet_address::loopback_v6(80));
}

TEST(InetAddress, refuses_what_is_none) {
  for (const char* text :
       {"", ":", "80", "localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1",
        "127.0.0:80", "127.0.0.1:80 ", "::1:80", "[::1]", "[::1:80", "[127.0.0.1]:80",
        "[fe80::1%eth0]:9", "[::1]80"})
    EXPECT_EQ(inet_address::parse(text).error(), std::errc::invalid_argument) << text;
  // Found by tests/fuzz: the C library reads up to a zero byte.
  using namespace std::string_view_literals;
  for (const std::string_view text : {"127.0.0.1\0:80"sv, "127.0.0.1\0.evil:80"sv, "[::1\0]:80"sv,
                                      "[::1\0%7]:80"sv, "127.0.0.1:80\0"sv})
    EXPECT_EQ(inet_address::parse(text).error(), std::errc::invalid_argument) << text;
}

TEST(InetAddress, knows_what_stays_on_this_machine_and_what_goes_to_groups) {
  EXPECT_TRUE(inet_address::parse("127.9.9.9:1").value().is_loopback());
  EXPECT_TRUE(inet_address::loopback_v6().is_loopback());
  EXPECT_FALSE(inet_address::any().is_loopback());
  EXPECT_FALSE(inet_address::any_v6().is_loopback());
  EXPECT_TRUE(inet_address::parse("239.1.2.3:5").value().is_multicast());
  EXPECT_TRUE(inet_address::parse("[ff02::1]:5").value().is_multicast());
  EXPECT_FALSE(inet_address::loopback().is_multicast());
}

TEST(TcpListener, listens_on_the_loopback_address_unless_told_otherwise) {
  const auto made = tcp_listener::create().value();
  EXPECT_TRUE(made.address().is_loopback());
  EXPECT_NE(made.address().port(), 0);
}

TEST(TcpListener, has_its_address_alone_and_gives_it_back_at_once) {
  auto first = std::make_optional(tcp_listener::create().value());
  const inet_address address = first->address();
  EXPECT_EQ(tcp_listener::create({.address = address}).error(), std::errc::address_in_use);
  // Also while a connection of its own lingers.
  auto mine = tcp_stream::connect(address, deadline{patience}).value();
  { auto theirs = first->accept(deadline{patience}).value(); }
  first.reset();
  EXPECT_TRUE(tcp_listener::create({.address = address}));
}

TEST(TcpListener, connects_hosts_of_different_addresses) {
  // Two of the addresses of this machine stand for two machines: what matters is that neither side
  // takes itself for the other.
  const auto here = inet_address::v4({127, 0, 0, 2}, 0);
  auto server = tcp_listener::create({.address = here}).value();
  child client{[&] {
    auto mine = tcp_stream::connect(server.address(), deadline{patience}).value();
    EXPECT_EQ(mine.peer_address().value(), server.address());
    auto to = framed_sender<tcp_stream>::create(mine.duplicate().value()).value();
    auto from = framed_receiver<tcp_stream>::create(std::move(mine)).value();
    for (int count = 0; count < 100; ++count) {
      EXPECT_TRUE(to.send(bytes_of(count), deadline{patience}));
      EXPECT_EQ(receive_message(from, deadline{patience}).value().size(), sizeof count);
    }
  }};
  auto theirs = server.accept(deadline{patience}).value();
  EXPECT_EQ(theirs.local_address().value(), server.address());
  EXPECT_NE(theirs.peer_address().value(), server.address());
  auto to = framed_sender<tcp_stream>::create(theirs.duplicate().value()).value();
  auto from = framed_receiver<tcp_stream>::create(std::move(theirs)).value();
  for (int count = 0; count < 100; ++count) {
    int got = -1;
    ASSERT_TRUE(from.receive(writable_bytes_of(got), deadline{patience}));
    EXPECT_EQ(got, count);
    EXPECT_TRUE(to.send(bytes_of(got), deadline{patience}));
  }
  client.wait_success();
}

TEST(TcpListener, of_version_6_leaves_the_port_of_version_4_to_others) {
  auto both = tcp_listener::create({.address = inet_address::loopback_v6()}).value();
  const auto same_port = inet_address::loopback(both.address().port());
  EXPECT_EQ(tcp_stream::connect(same_port).error(), std::errc::connection_refused);
}

TEST(TcpListener, accepts_until_the_deadline_and_not_longer) {
  auto server = tcp_listener::create().value();
  const auto before = deadline::clock::now();
  EXPECT_EQ(server.accept(20ms).error(), std::errc::timed_out);
  EXPECT_EQ(server.wait_for_peer(20ms).error(), std::errc::timed_out);
  EXPECT_GE(deadline::clock::now() - before, 40ms);
}

TEST(TcpListener, without_a_descriptor_left_tells_the_client_and_goes_on) {
  // F41
  child limited{[] {
    auto server = tcp_listener::create().value();
    auto first = tcp_stream::connect(server.address(), deadline{patience}).value();
    ASSERT_TRUE(server.wait_for_peer(deadline{patience}));
    std::vector<unique_fd> taken = take_all_descriptors();
    EXPECT_EQ(server.accept(deadline{patience}).error(), std::errc::too_many_files_open);
    std::array<std::byte, 1> byte;
    EXPECT_EQ(first.read_some(byte, deadline{patience}).error(), errc::closed);
    EXPECT_EQ(server.wait_for_peer(deadline::now()).error(), std::errc::timed_out);
    taken.clear();
    auto second = tcp_stream::connect(server.address(), deadline{patience}).value();
    EXPECT_TRUE(server.accept(deadline{patience}));
  }};
  limited.wait_success();
}

TEST(TcpListener, serves_who_means_it_beside_hundreds_who_say_nothing_or_nonsense) {
  // H13, H15
  auto server = tcp_listener::create({.backlog = 1000}).value();
  serve_beside_a_crowd(
      [&] { return std::move(server); },
      [&] { return tcp_stream::connect(server.address(), deadline{patience}).value(); });
}

TEST(TcpListener, takes_over_the_socket_of_a_service_manager) {
  child service{[] {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(socket, 5), 0);
    if (socket != 3) {
      ASSERT_EQ(::dup2(socket, 3), 3);
      ::close(socket);
    }
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", "1", 1);
    auto server = tcp_listener::inherited();
    ASSERT_TRUE(server) << server.error().message();
    EXPECT_TRUE(server->address().is_loopback());
    auto mine = tcp_stream::connect(server->address(), deadline{patience}).value();
    EXPECT_TRUE(server->accept(deadline{patience}));
  }};
  service.wait_success();
}

TEST(TcpStream, where_nobody_listens_is_refused_and_can_be_waited_for) {
  auto once = std::make_optional(tcp_listener::create().value());
  const inet_address address = once->address();
  once.reset();
  EXPECT_EQ(tcp_stream::connect(address).error(), std::errc::connection_refused);
  const auto before = deadline::clock::now();
  EXPECT_EQ(tcp_stream::connect(address, 20ms, {.wait_for_peer = true}).error(),
            std::errc::timed_out);
  EXPECT_GE(deadline::clock::now() - before, 20ms);
  child client{[&] {
    EXPECT_TRUE(tcp_stream::connect(address, deadline{patience}, {.wait_for_peer = true}));
  }};
  wait_until_asleep(client.id());
  auto server = tcp_listener::create({.address = address}).value();
  EXPECT_TRUE(server.accept(deadline{patience}));
  client.wait_success();
}

TEST(TcpStream, gives_up_at_the_deadline_when_nobody_answers) {
  // A queue that is full answers nothing.
  auto server = tcp_listener::create({.backlog = 1}).value();
  std::vector<tcp_stream> waiting;
  for (;;) {
    const auto before = deadline::clock::now();
    auto one = tcp_stream::connect(server.address(), 50ms);
    if (!one) {
      EXPECT_EQ(one.error(), std::errc::timed_out) << one.error().message();
      EXPECT_GE(deadline::clock::now() - before, 50ms);
      break;
    }
    waiting.push_back(std::move(*one));
    ASSERT_LT(waiting.size(), 10U);
  }
}

TEST(TcpStream, sends_at_once_and_asks_after_the_silent_unless_told_otherwise) {
  auto server = tcp_listener::create().value();
  auto mine = tcp_stream::connect(server.address(), deadline{patience}).value();
  auto theirs = server.accept(deadline{patience}).value();
  for (const int fd : {mine.native_handle(), theirs.native_handle()}) {
    EXPECT_NE(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 0);
    EXPECT_NE(option_of(fd, SOL_SOCKET, SO_KEEPALIVE), 0);
    EXPECT_EQ(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
  }
  auto lazy = tcp_stream::connect(server.address(), deadline{patience},
                                  {.stream = {.no_delay = false, .keep_alive = false}})
                  .value();
  EXPECT_EQ(option_of(lazy.native_handle(), IPPROTO_TCP, TCP_NODELAY), 0);
}

TEST(TcpStream, a_peer_that_is_gone_is_a_broken_pipe_a_little_later) {
  // F34. SIGPIPE has its default here: raised once, it would kill this process.
  auto server = tcp_listener::create().value();
  auto mine = tcp_stream::connect(server.address(), deadline{patience}).value();
  { const auto gone = server.accept(deadline{patience}).value(); }
  const deadline late{patience};
  result<std::size_t> taken = std::size_t{0};
  while ((taken = mine.try_write(bytes_of("x"))) && !late.has_passed()) ::usleep(100);
  ASSERT_FALSE(taken);
  for (int again = 0; again < 3; ++again) {
    EXPECT_EQ(mine.try_write(bytes_of("x")).error(), std::errc::broken_pipe);
    EXPECT_EQ(mine.write_all(bytes_of("x")).error(), std::errc::broken_pipe);
  }
}

TEST(TcpStream, a_peer_that_left_bytes_unread_is_a_reset_and_stays_one) {
  auto server = tcp_listener::create().value();
  auto mine = tcp_stream::connect(server.address(), deadline{patience}).value();
  {
    auto theirs = server.accept(deadline{patience}).value();
    ASSERT_TRUE(mine.write_all(bytes_of("never read")));
    ASSERT_TRUE(theirs.wait_readable(deadline{patience}));
  }
  std::array<std::byte, 10> buffer;
  for (int again = 0; again < 3; ++again)
    EXPECT_EQ(mine.read_some(buffer, deadline{patience}).error(), std::errc::connection_reset);
}

TEST(TcpStream, a_finished_half_ends_for_the_peer_and_the_other_half_goes_on) {
  auto server = tcp_listener::create().value();
  auto mine = tcp_stream::connect(server.address(), deadline{patience}).value();
  auto theirs = server.accept(deadline{patience}).value();
  ASSERT_TRUE(mine.write_all(bytes_of("last")));
  ASSERT_TRUE(mine.finish());
  std::array<std::byte, 4> buffer;
  ASSERT_TRUE(theirs.read_exactly(buffer, deadline{patience}));
  EXPECT_EQ(theirs.read_some(buffer, deadline{patience}).error(), errc::closed);
  ASSERT_TRUE(theirs.write_all(bytes_of("back")));
  ASSERT_TRUE(mine.read_exactly(buffer, deadline{patience}));
}

}  // namespace
}  // namespace sluice::test
