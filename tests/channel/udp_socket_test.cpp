// What UDP promises: whole messages, or none. It may lose them, so the suites that ask for each do
// not fit; on the loopback address, one at a time into an empty buffer, they arrive.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <iterator>
#include <sluice/channel/udp_socket.hpp>
#include <sluice/compose/selector.hpp>
#include <sluice/os/unique_fd.hpp>
#include <string>
#include <vector>

#include "support/child.hpp"
#include "support/program_output.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

std::vector<std::byte> some_bytes(std::size_t size) {
  std::vector<std::byte> made(size);
  for (std::size_t at = 0; at < size; ++at) made[at] = static_cast<std::byte>(at * 7 + at / 251);
  return made;
}

class UdpSocket : public ::testing::Test {
 protected:
  UdpSocket() { EXPECT_TRUE(sender.connect(receiver.address())); }
  udp_socket receiver = udp_socket::create().value();
  udp_socket sender = udp_socket::create().value();
  std::vector<std::byte> buffer = std::vector<std::byte>(70'000);
};

TEST_F(UdpSocket, receives_on_the_loopback_address_unless_told_otherwise) {
  EXPECT_TRUE(receiver.address().is_loopback());
  EXPECT_NE(receiver.address().port(), 0);
  EXPECT_EQ(udp_socket::create({.address = receiver.address()}).error(), std::errc::address_in_use);
  EXPECT_NE(::fcntl(receiver.native_handle(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST_F(UdpSocket, messages_arrive_whole_whatever_their_size) {
  for (const std::size_t size : {0U, 1U, 100U, 1500U, 9000U, 65'507U}) {
    ASSERT_TRUE(sender.send(some_bytes(size)));
    ASSERT_EQ(receiver.receive(buffer, deadline{patience}).value(), size);
    EXPECT_TRUE(std::ranges::equal(const_bytes{buffer}.first(size), some_bytes(size)));
    EXPECT_EQ(receiver.last_sender(), sender.address());
  }
  EXPECT_EQ(sender.try_send(some_bytes(65'508)).error(), std::errc::message_size);
  EXPECT_TRUE(would_block(receiver.try_receive(buffer).error()));
}

TEST_F(UdpSocket, a_buffer_too_small_leaves_the_message_and_its_size_can_be_asked) {
  ASSERT_TRUE(sender.send(some_bytes(100)));
  ASSERT_TRUE(receiver.wait_readable(deadline{patience}));
  for (const std::size_t size : {0U, 1U, 99U}) {
    EXPECT_EQ(receiver.try_receive(mutable_bytes{buffer}.first(size)).error(),
              std::errc::no_buffer_space);
    EXPECT_EQ(receiver.next_size().value(), 100U);
  }
  EXPECT_EQ(receiver.try_receive(mutable_bytes{buffer}.first(100)).value(), 100U);
}

TEST_F(UdpSocket, what_is_kept_for_a_larger_buffer_comes_first_and_from_whom_it_came) {
  auto other = udp_socket::create().value();
  // By way of memory of the object's own, and partly through the caller's.
  for (const std::size_t too_small : {99U, 20'000U}) {
    const std::size_t size = too_small + 1;
    ASSERT_TRUE(other.send_to(some_bytes(size), receiver.address()));
    ASSERT_TRUE(sender.send(bytes_of("next")));
    EXPECT_EQ(receiver.receive(mutable_bytes{buffer}.first(too_small), deadline{patience}).error(),
              std::errc::no_buffer_space);
    EXPECT_NE(receiver.last_sender(), other.address());
    EXPECT_TRUE(receiver.wait_readable(deadline::now()));
    EXPECT_EQ(receiver.next_size().value(), size);
    EXPECT_EQ(receiver.receive(mutable_bytes{buffer}.first(size)).value(), size);
    EXPECT_TRUE(std::ranges::equal(const_bytes{buffer}.first(size), some_bytes(size)));
    EXPECT_EQ(receiver.last_sender(), other.address());
    EXPECT_EQ(receiver.receive(buffer, deadline{patience}).value(), 4U);
    EXPECT_EQ(receiver.last_sender(), sender.address());
  }
}

TEST_F(UdpSocket, who_waits_for_many_is_told_of_a_message_that_is_kept) {
  auto all = selector::create().value();
  ASSERT_TRUE(all.add_readable(receiver, 7));
  ASSERT_TRUE(sender.send(some_bytes(100)));
  ASSERT_TRUE(all.wait(deadline{patience}));
  EXPECT_EQ(receiver.try_receive(mutable_bytes{buffer}.first(10)).error(),
            std::errc::no_buffer_space);
  // The descriptor shows nothing any more.
  for (const ready& one : all.wait(deadline{patience}).value()) EXPECT_EQ(one.tag, 7U);
  EXPECT_EQ(receiver.try_receive(buffer).value(), 100U);
  EXPECT_TRUE(would_block(receiver.try_receive(buffer).error()));
  EXPECT_EQ(all.wait(deadline::now()).error(), std::errc::timed_out);
  // By the size alone, too.
  ASSERT_TRUE(sender.send(some_bytes(100)));
  ASSERT_TRUE(all.wait(deadline{patience}));
  EXPECT_EQ(receiver.try_receive(buffer).value(), 100U);
  EXPECT_TRUE(would_block(receiver.next_size().error()));
  EXPECT_EQ(all.wait(deadline::now()).error(), std::errc::timed_out);
}

TEST_F(UdpSocket, a_forked_child_has_no_right_to_what_is_kept) {
  ASSERT_TRUE(sender.send(some_bytes(100)));
  EXPECT_EQ(receiver.receive(mutable_bytes{buffer}.first(10)).error(), std::errc::no_buffer_space);
  child copy{[this] { EXPECT_TRUE(would_block(receiver.try_receive(buffer).error())); }};
  copy.wait_success();
  EXPECT_EQ(receiver.try_receive(buffer).value(), 100U);
}

TEST_F(UdpSocket, answers_whoever_asked) {
  child client{[this] {
    auto mine = udp_socket::create({.address = inet_address::v4({127, 0, 0, 2}, 0)}).value();
    ASSERT_TRUE(mine.send_to(bytes_of("question"), receiver.address()));
    ASSERT_TRUE(mine.receive(buffer, deadline{patience}));
    EXPECT_EQ(mine.last_sender(), receiver.address());
  }};
  ASSERT_EQ(receiver.receive(buffer, deadline{patience}).value(), 8U);
  ASSERT_TRUE(receiver.last_sender());
  EXPECT_NE(*receiver.last_sender(), sender.address());
  ASSERT_TRUE(receiver.send_to(bytes_of("answer"), *receiver.last_sender()));
  client.wait_success();
}

TEST_F(UdpSocket, once_connected_hears_nobody_else) {
  ASSERT_TRUE(receiver.connect(sender.address()));
  auto stranger = udp_socket::create().value();
  ASSERT_TRUE(stranger.send_to(bytes_of("strange"), receiver.address()));
  ASSERT_TRUE(sender.send(bytes_of("known")));
  EXPECT_EQ(receiver.receive(buffer, deadline{patience}).value(), 5U);
  EXPECT_TRUE(would_block(receiver.try_receive(buffer).error()));
}

TEST_F(UdpSocket, without_an_address_to_send_to_says_so) {
  EXPECT_EQ(receiver.try_send(bytes_of("x")).error(), std::errc::destination_address_required);
}

TEST_F(UdpSocket, loses_what_finds_no_room_and_nobody_is_told) {
  // What the traits state as may_lose.
  auto small = udp_socket::create({.receive_buffer_bytes = 4096}).value();
  ASSERT_TRUE(sender.connect(small.address()));
  constexpr int sent = 500;
  for (int count = 0; count < sent; ++count) EXPECT_TRUE(sender.send(some_bytes(1000)));
  int received = 0;
  while (small.try_receive(buffer)) ++received;
  EXPECT_GT(received, 0);
  EXPECT_LT(received, sent);
  EXPECT_TRUE(udp_capabilities.may_lose);
}

TEST_F(UdpSocket, a_wait_ends_at_its_deadline_and_not_before) {
  const auto before = deadline::clock::now();
  EXPECT_EQ(receiver.receive(buffer, 20ms).error(), std::errc::timed_out);
  EXPECT_GE(deadline::clock::now() - before, 20ms);
  EXPECT_TRUE(sender.wait_writable(deadline::now()));
}

TEST_F(UdpSocket, version_6_does_the_same) {
  auto here = udp_socket::create({.address = inet_address::loopback_v6()}).value();
  auto there = udp_socket::create({.address = inet_address::loopback_v6()}).value();
  ASSERT_TRUE(there.send_to(bytes_of("six"), here.address()));
  EXPECT_EQ(here.receive(buffer, deadline{patience}).value(), 3U);
  EXPECT_EQ(here.last_sender(), there.address());
}

// Groups, on the loopback interface alone.
class UdpGroup : public ::testing::Test {
 protected:
  const unsigned loopback = ::if_nametoindex("lo");
  std::vector<std::byte> buffer = std::vector<std::byte>(70'000);

  // Whether each member gets what is sent to the group, and nobody who has left.
  void expect_group(const inet_address& group, const inet_address& sending_from) {
    auto first = udp_socket::create({.address = group, .share_address = true}).value();
    const inet_address address = first.address();
    auto second = udp_socket::create({.address = address, .share_address = true}).value();
    auto sender = udp_socket::create({.address = sending_from}).value();
    ASSERT_TRUE(sender.set_group_sending({.interface = loopback}));
    ASSERT_TRUE(first.join(group, loopback));
    ASSERT_TRUE(second.join(group, loopback));
    auto sent = sender.send_to(bytes_of("all"), address);
    ASSERT_TRUE(sent) << sent.error().message();
    for (udp_socket* one : {&first, &second})
      EXPECT_EQ(one->receive(buffer, deadline{patience}).value(), 3U);
    ASSERT_TRUE(second.leave(group, loopback));
    EXPECT_FALSE(second.leave(group, loopback));
    ASSERT_TRUE(sender.send_to(bytes_of("again"), address));
    EXPECT_EQ(first.receive(buffer, deadline{patience}).value(), 5U);
    EXPECT_TRUE(would_block(second.try_receive(buffer).error()));
  }
};

TEST_F(UdpGroup, every_member_gets_what_is_sent_to_it) {
  expect_group(inet_address::v4({239, 255, 77, 1}, 0), inet_address::loopback());
}

// A network of this process's own, with `ip` allowed to change it. Without being root it takes a
// user namespace, in which we are.
bool enter_own_network() {
  if (::unshare(CLONE_NEWNET) == 0) return true;
  const std::string self = "0 " + std::to_string(::geteuid()) + " 1";
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) return false;
  const unique_fd map{::open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC)};
  return map && ::write(map.get(), self.data(), self.size()) == std::ssize(self);
}

// No loopback interface has a route to groups of version 6. The one of a network namespace of our
// own is given one, as a "local" route: by another, what is sent does not come back.
TEST_F(UdpGroup, of_version_6_does_the_same) {
  if (!has_program("ip")) GTEST_SKIP() << "ip (iproute2) is not installed";
  constexpr int not_permitted = 77;
  child host{[&] {
    if (!enter_own_network()) std::_Exit(not_permitted);
    for (const char* line : {"ip link set lo up", "ip link set lo multicast on",
                             "ip -6 route add local ff00::/8 dev lo table local"})
      ASSERT_EQ(std::system(line), 0) << line;
    const std::string interface = std::to_string(::if_nametoindex("lo"));
    const auto group = inet_address::parse("[ff01::7701%" + interface + "]:0").value();
    expect_group(group, inet_address::loopback_v6());
  }};
  const exit_status how = host.wait();
  if (how.code == not_permitted) GTEST_SKIP() << "network namespaces are not permitted here";
  EXPECT_TRUE(how.success()) << "code " << how.code << ", signal " << how.signal;
}

TEST_F(UdpGroup, is_sent_to_as_far_as_was_said) {
  auto made = udp_socket::create().value();
  const auto option = [&](int name) {
    int value = -1;
    socklen_t size = sizeof value;
    EXPECT_EQ(::getsockopt(made.native_handle(), IPPROTO_IP, name, &value, &size), 0);
    return value;
  };
  ASSERT_TRUE(made.set_group_sending({.hops = 7, .loops_back = false}));
  EXPECT_EQ(option(IP_MULTICAST_TTL), 7);
  EXPECT_EQ(option(IP_MULTICAST_LOOP), 0);
  ASSERT_TRUE(made.set_group_sending({}));
  EXPECT_EQ(option(IP_MULTICAST_TTL), 1);
  EXPECT_EQ(option(IP_MULTICAST_LOOP), 1);
}

TEST_F(UdpGroup, that_is_no_group_or_has_no_interface_is_refused) {
  auto made = udp_socket::create().value();
  EXPECT_FALSE(made.join(inet_address::loopback(), loopback));
  EXPECT_EQ(made.join(inet_address::v4({239, 255, 77, 1}, 0), 9999).error(),
            std::errc::no_such_device);
}

}  // namespace
}  // namespace sluice::test
