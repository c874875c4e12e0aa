// Sockets of ours and programs that know nothing of Sluice: Python's socket module, socat, nc; and
// hosts of their own, as network namespaces.

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <sluice/channel/pipe.hpp>
#include <sluice/channel/tcp_listener.hpp>
#include <sluice/channel/udp_socket.hpp>
#include <sluice/channel/unix_datagram.hpp>
#include <sluice/channel/unix_listener.hpp>
#include <sluice/compose/framed.hpp>
#include <string>
#include <vector>

#include "support/child.hpp"
#include "support/isolation.hpp"
#include "support/program.hpp"
#include "support/program_output.hpp"
#include "support/runtime_directory.hpp"

namespace sluice::test {
namespace {

std::string path_in_directory() {
  return private_runtime_directory::current() + "/" + unique_name() + ".path";
}

// Debian's, as run_python does; to be spoken with while it runs.
std::vector<std::string> python(const std::string& script,
                                const std::vector<std::string>& arguments) {
  std::vector<std::string> all{"/usr/bin/python3", "-c",
                               "import socket, sys, os, array\n" + script};
  all.insert(all.end(), arguments.begin(), arguments.end());
  return all;
}

template <class Stream>
std::string read_to_end(Stream& stream) {
  std::string all;
  std::array<std::byte, 4096> piece;
  for (;;) {
    auto got = stream.read_some(piece, deadline{patience});
    if (!got) {
      EXPECT_EQ(got.error(), errc::closed) << got.error().message();
      return all;
    }
    all += text_of(const_bytes{piece}.first(*got));
  }
}

// Answers one client in capitals.
template <class Stream>
void answer(Stream client) {
  std::string text = read_to_end(client);
  for (char& one : text) one = static_cast<char>(std::toupper(one));
  EXPECT_TRUE(client.write_all(bytes_of(text), deadline{patience}));
}

class SocketInteroperability : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has_python_module("socket")) GTEST_SKIP() << "needs Debian's python3";
  }
  const std::string path = path_in_directory();
};

constexpr const char* ask_a_stream = R"(
s.sendall(b"question")
s.shutdown(socket.SHUT_WR)
answer = b""
while True:
    some = s.recv(100)
    if not some: break
    answer += some
sys.exit(0 if answer == b"QUESTION" else 1)
)";

TEST_F(SocketInteroperability, a_python_client_of_a_unix_stream) {
  auto server = unix_stream_listener::create(path).value();
  program client{python(
      std::string{"s = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])"} + ask_a_stream,
      {path})};
  answer(server.accept(deadline{patience}).value());
  client.wait_success();
}

TEST_F(SocketInteroperability, a_python_client_of_an_abstract_address) {
  const std::string name = unique_name();
  auto server = unix_stream_listener::create("@" + name).value();
  program client{
      python(std::string{"s = socket.socket(socket.AF_UNIX)\ns.connect('\\0' + sys.argv[1])"} +
                 ask_a_stream,
             {name})};
  answer(server.accept(deadline{patience}).value());
  client.wait_success();
}

// Its messages: four bytes of length, the most significant one first, and so many more.
TEST_F(SocketInteroperability, connections_of_pythons_multiprocessing_on_either_side) {
  const std::string question{"\0\0\0\x08question", 12};
  const std::string reply{"\0\0\0\x08QUESTION", 12};
  std::array<std::byte, 12> bytes{};
  auto server = unix_stream_listener::create(path).value();
  program client{
      python("from multiprocessing.connection import Client\n"
             "c = Client(sys.argv[1], family='AF_UNIX')\n"
             "c.send_bytes(b'question')\n"
             "sys.exit(0 if c.recv_bytes() == b'QUESTION' else 1)",
             {path})};
  auto theirs = server.accept(deadline{patience}).value();
  ASSERT_TRUE(theirs.read_exactly(bytes, deadline{patience}));
  EXPECT_EQ(text_of(bytes), question);
  ASSERT_TRUE(theirs.write_all(bytes_of(reply), deadline{patience}));
  client.wait_success();

  const std::string other = path_in_directory();
  program serving{
      python("from multiprocessing.connection import Listener\n"
             "with Listener(sys.argv[1], family='AF_UNIX') as door, door.accept() as c:\n"
             "    c.send_bytes(c.recv_bytes().upper())",
             {other})};
  auto mine = unix_stream::connect(other, deadline{patience}, {.wait_for_peer = true}).value();
  ASSERT_TRUE(mine.write_all(bytes_of(question), deadline{patience}));
  ASSERT_TRUE(mine.read_exactly(bytes, deadline{patience}));
  EXPECT_EQ(text_of(bytes), reply);
  serving.wait_success();
}

TEST_F(SocketInteroperability, a_python_client_of_tcp) {
  for (const inet_address& address : {inet_address::loopback(), inet_address::loopback_v6()}) {
    auto server = tcp_listener::create({.address = address}).value();
    program client{python(
        std::string{"s = socket.create_connection((sys.argv[1], int(sys.argv[2])))"} + ask_a_stream,
        {address.is_v6() ? "::1" : "127.0.0.1", std::to_string(server.address().port())})};
    answer(server.accept(deadline{patience}).value());
    client.wait_success();
  }
}

TEST_F(SocketInteroperability, a_python_server_of_a_unix_seqpacket_that_sends_a_descriptor) {
  program server{python(R"(
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind(sys.argv[1])
s.listen()
c, _ = s.accept()
assert c.recv(100) == b"one" and c.recv(100) == b"two"
r, w = os.pipe()
socket.send_fds(c, [b"pipe"], [w])
os.close(w)
sys.exit(0 if os.read(r, 100) == b"through" else 1)
)",
                        {path})};
  auto mine = unix_seqpacket::connect(path, deadline{patience}, {.wait_for_peer = true}).value();
  ASSERT_TRUE(mine.send(bytes_of("one")));
  ASSERT_TRUE(mine.send(bytes_of("two")));
  std::array<std::byte, 100> buffer;
  received_handles handles;
  EXPECT_EQ(mine.receive(buffer, handles, deadline{patience}).value(), 4U);
  ASSERT_EQ(handles.size(), 1U);
  ASSERT_TRUE(
      pipe_writer::from_native(std::move(handles[0])).value().write_all(bytes_of("through")));
  server.wait_success();
  ::unlink(path.c_str());
}

TEST_F(SocketInteroperability, python_takes_a_descriptor_from_us) {
  auto server = unix_seqpacket_listener::create(path).value();
  program client{python(R"(
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(sys.argv[1])
text, fds, flags, address = socket.recv_fds(s, 100, 5)
assert text == b"pipe" and len(fds) == 1
os.write(fds[0], b"back")
)",
                        {path})};
  auto made = pipe::create().value();
  auto theirs = server.accept(deadline{patience}).value();
  const std::array<int, 1> passed{made.writer.native_handle()};
  ASSERT_TRUE(theirs.send(bytes_of("pipe"), passed));
  std::array<std::byte, 4> text;
  ASSERT_TRUE(made.reader.read_exactly(text, deadline{patience}));
  EXPECT_EQ(text_of(text), "back");
  client.wait_success();
}

TEST_F(SocketInteroperability, python_sends_and_receives_datagrams) {
  auto box = unix_datagram_receiver::create(path).value();
  auto here = udp_socket::create().value();
  program sender{python(R"(
u = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
u.sendto(b"local", sys.argv[1])
i = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
i.bind(("127.0.0.1", 0))
i.sendto(b"remote", ("127.0.0.1", int(sys.argv[2])))
sys.exit(0 if i.recvfrom(100) == (b"answer", ("127.0.0.1", int(sys.argv[2]))) else 1)
)",
                        {path, std::to_string(here.address().port())})};
  std::array<std::byte, 100> buffer;
  EXPECT_EQ(box.receive(buffer, deadline{patience}).value(), 5U);
  EXPECT_EQ(here.receive(buffer, deadline{patience}).value(), 6U);
  ASSERT_TRUE(here.send_to(bytes_of("answer"), here.last_sender().value()));
  sender.wait_success();
}

TEST(SocketPrograms, socat_speaks_with_our_servers) {
  if (!has_program("socat")) GTEST_SKIP() << "socat is not installed";
  const std::string path = path_in_directory();
  auto local = unix_stream_listener::create(path).value();
  auto remote = tcp_listener::create().value();
  for (const std::string& address :
       {"UNIX-CONNECT:" + path, "TCP:127.0.0.1:" + std::to_string(remote.address().port())}) {
    program client{shell("test \"$(printf question | socat -t 20 - " + address + ")\" = QUESTION")};
    if (address.starts_with("UNIX"))
      answer(local.accept(deadline{patience}).value());
    else
      answer(remote.accept(deadline{patience}).value());
    client.wait_success();
  }
}

TEST(SocketPrograms, nc_speaks_with_our_servers_and_is_spoken_with) {
  if (!has_program("nc")) GTEST_SKIP() << "nc is not installed";
  const std::string path = path_in_directory();
  {
    auto local = unix_stream_listener::create(path).value();
    program client{shell("test \"$(printf question | nc -N -U " + path + ")\" = QUESTION")};
    answer(local.accept(deadline{patience}).value());
    client.wait_success();
  }
  program server{shell("test \"$(nc -l -U " + path + " < /dev/null)\" = spoken")};
  auto mine = unix_stream::connect(path, deadline{patience}, {.wait_for_peer = true}).value();
  ASSERT_TRUE(mine.write_all(bytes_of("spoken")));
  ASSERT_TRUE(mine.finish());
  server.wait_success();
  ::unlink(path.c_str());
}

template <class Receiver>
std::string next_text(Receiver& from) {
  std::array<std::byte, 100> buffer;
  auto size = from.receive(buffer, deadline{patience});
  if (!size) return "nothing: " + size.error().message();
  return std::string{text_of(const_bytes{buffer}.first(*size))};
}

TEST(SocketPrograms, socat_sends_datagrams_to_us_and_gets_ours) {
  if (!has_program("socat")) GTEST_SKIP() << "socat is not installed";
  const std::string path = path_in_directory();
  {
    auto box = unix_datagram_receiver::create(path).value();
    program client{shell("printf onetwo | socat -u -b 3 - UNIX-SENDTO:" + path)};
    EXPECT_EQ(next_text(box), "one");
    EXPECT_EQ(next_text(box), "two");
    client.wait_success();
  }
  program server{shell("test \"$(socat -u UNIX-RECVFROM:" + path + ",unlink-early -)\" = spoken")};
  auto mine =
      unix_datagram_sender::connect(path, deadline{patience}, {.wait_for_peer = true}).value();
  ASSERT_TRUE(mine.send(bytes_of("spoken"), deadline{patience}));
  server.wait_success();
  ::unlink(path.c_str());
}

// An empty datagram is the end to socat that was told so.
TEST(SocketPrograms, socat_speaks_udp_with_us) {
  if (!has_program("socat")) GTEST_SKIP() << "socat is not installed";
  for (const inet_address& address : {inet_address::loopback(), inet_address::loopback_v6()}) {
    auto here = udp_socket::create({.address = address}).value();
    const std::string target = (address.is_v6() ? "UDP6-SENDTO:[::1]:" : "UDP-SENDTO:127.0.0.1:") +
                               std::to_string(here.address().port());
    program client{
        shell("test \"$(printf question | socat -t 20 - " + target + ",null-eof)\" = QUESTION")};
    EXPECT_EQ(next_text(here), "question");
    ASSERT_TRUE(here.send_to(bytes_of("QUESTION"), here.last_sender().value()));
    ASSERT_TRUE(here.send_to(const_bytes{}, here.last_sender().value()));
    client.wait_success();
  }
}

TEST(SocketPrograms, socat_speaks_seqpacket_with_our_server_and_is_spoken_with) {
  if (!has_program("socat")) GTEST_SKIP() << "socat is not installed";
  const std::string path = path_in_directory();
  {
    auto local = unix_seqpacket_listener::create(path).value();
    program client{shell("test \"$(printf onetwo | socat -t 20 -b 3 - UNIX-CONNECT:" + path +
                         ",type=5)\" = ONETWO")};
    auto theirs = local.accept(deadline{patience}).value();
    EXPECT_EQ(next_text(theirs), "one");
    EXPECT_EQ(next_text(theirs), "two");
    ASSERT_TRUE(theirs.send(bytes_of("ONE"), deadline{patience}));
    ASSERT_TRUE(theirs.send(bytes_of("TWO"), deadline{patience}));
    { auto gone = std::move(theirs); }
    client.wait_success();
  }
  program server{shell("test \"$(socat -u UNIX-LISTEN:" + path + ",type=5 -)\" = spoken")};
  {
    auto mine = unix_seqpacket::connect(path, deadline{patience}, {.wait_for_peer = true}).value();
    ASSERT_TRUE(mine.send(bytes_of("spoken"), deadline{patience}));
  }
  server.wait_success();
  ::unlink(path.c_str());
}

TEST(SocketPrograms, nc_speaks_tcp_and_udp_with_us) {
  if (!has_program("nc")) GTEST_SKIP() << "nc is not installed";
  for (const inet_address& address : {inet_address::loopback(), inet_address::loopback_v6()}) {
    const std::string host = address.is_v6() ? " ::1 " : " 127.0.0.1 ";
    auto streams = tcp_listener::create({.address = address}).value();
    program client{shell("test \"$(printf question | nc -N" + host +
                         std::to_string(streams.address().port()) + ")\" = QUESTION")};
    answer(streams.accept(deadline{patience}).value());
    client.wait_success();

    auto here = udp_socket::create({.address = address}).value();
    program asking{shell("test \"$(printf question | nc -u -W 1" + host +
                         std::to_string(here.address().port()) + ")\" = QUESTION")};
    EXPECT_EQ(next_text(here), "question");
    ASSERT_TRUE(here.send_to(bytes_of("QUESTION"), here.last_sender().value()));
    asking.wait_success();
  }
}

// Two network namespaces are two hosts to everything but the hardware: addresses, routes and
// sockets of their own, and a link between them.
TEST(SocketHosts, a_client_on_one_host_speaks_with_a_server_on_another) {
  if (!has_program("ip")) GTEST_SKIP() << "ip (iproute2) is not installed";
  const rendezvous linked;
  const rendezvous apart;
  const rendezvous listening;
  const auto port = static_cast<std::uint16_t>(4711);
  const auto server_address = inet_address::v4({10, 77, 0, 1}, port);
  bool allowed = true;
  child probe{[] { std::_Exit(::unshare(CLONE_NEWNET) == 0 ? 0 : 77); }};
  allowed = probe.wait() == exit_status{.code = 0, .signal = 0};
  if (!allowed) GTEST_SKIP() << "network namespaces are not permitted here";
  const auto run = [](const std::string& line) { return std::system(line.c_str()) == 0; };
  // Each side in a namespace of its own; the link is made in the server's and half of it given
  // away.
  child server{[&] {
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    apart.wait();
    linked.arrive();
    listening.wait();
    auto listener = tcp_listener::create({.address = server_address});
    ASSERT_TRUE(listener) << listener.error().message();
    answer(listener->accept(deadline{patience}).value());
  }};
  child client{[&] {
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    const std::string other = std::to_string(server.id());
    apart.arrive();
    linked.wait();
    if (!run("ip link add far type veth peer name near netns " + other + " 2>/dev/null")) {
      listening.arrive();
      server.kill();
      std::_Exit(78);
    }
    EXPECT_TRUE(run("ip addr add 10.77.0.2/24 dev far && ip link set far up"));
    EXPECT_TRUE(run("nsenter -t " + other +
                    " -n sh -c 'ip addr add 10.77.0.1/24 dev near && ip link set near up'"));
    listening.arrive();
    auto mine = tcp_stream::connect(server_address, deadline{patience}, {.wait_for_peer = true});
    ASSERT_TRUE(mine) << mine.error().message();
    EXPECT_EQ(mine->local_address().value().bytes()[3], 2);
    EXPECT_TRUE(mine->write_all(bytes_of("from afar")));
    EXPECT_TRUE(mine->finish());
    EXPECT_EQ(read_to_end(*mine), "FROM AFAR");
  }};
  const exit_status how = client.wait();
  if (how.code == 78) {
    server.kill();
    GTEST_SKIP() << "a link between two network namespaces cannot be made here; two addresses of "
                    "one host take their place (TcpListener)";
  }
  EXPECT_TRUE(how.success());
  server.wait_success();
}

}  // namespace
}  // namespace sluice::test
