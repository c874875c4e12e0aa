// Addresses of sockets: the receiver has the address, the sender goes there.

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cctype>
#include <chrono>
#include <optional>
#include <string>

#include "compose/any_socket_ends.hpp"
#include "support/asleep.hpp"
#include "support/isolation.hpp"
#include "support/runtime_directory.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

bool is_readable(int descriptor, int timeout = 0) {
  pollfd one{.fd = descriptor, .events = POLLIN, .revents = 0};
  return ::poll(&one, 1, timeout) == 1 && (one.revents & POLLIN) != 0;
}
constexpr int patience_ms = 10'000;

// --- What holds for all ------------------------------------------------------------------------

class AnySocket : public ::testing::TestWithParam<const char*> {
 protected:
  AnySocket() {
    // NAME and PATH are the test's own.
    const std::string name = unique_name();
    for (const auto& [mark, value] :
         {std::pair<std::string, std::string>{"NAME", name},
          {"PATH", private_runtime_directory::current() + "/" + name + ".path"}}) {
      if (const auto at = address.find(mark); at != address.npos)
        address.replace(at, mark.size(), value);
    }
  }
  [[nodiscard]] bool has_connections() const {
    return !address.starts_with("udp:") && address.find("datagram") == address.npos;
  }
  std::string address = GetParam();
};

TEST_P(AnySocket, carries_messages_and_leaves_nothing) {
  {
    socket_ends both{address};
    EXPECT_TRUE(both.sender.send(bytes_of("first"), deadline{patience}));
    EXPECT_EQ(text_from(both.receiver), "first");
    EXPECT_TRUE(both.sender.send(bytes_of("second"), deadline{patience}));
    EXPECT_TRUE(both.sender.flush(deadline{patience}));
    EXPECT_TRUE(both.receiver.wait_readable(deadline{patience}));
    EXPECT_EQ(text_from(both.receiver), "second");
    EXPECT_TRUE(would_block(both.receiver.next_size().error()));
  }
  EXPECT_TRUE(runtime_directory_is_empty());
}

TEST_P(AnySocket, a_receiver_waits_for_nobody_until_it_is_asked_to) {
  auto receiver = receiver_at(address);
  std::array<std::byte, 10> buffer;
  EXPECT_TRUE(would_block(receiver.try_receive(buffer).error()));
  EXPECT_TRUE(would_block(receiver.next_size().error()));
  EXPECT_EQ(receiver.receive(buffer, 1ms).error(), std::errc::timed_out);
  EXPECT_EQ(receiver.wait_readable(1ms).error(), std::errc::timed_out);
  receiver.release();  // of nothing
  auto sender = sender_at(reached_at(receiver, address));
  EXPECT_TRUE(sender.send(bytes_of("late"), deadline{patience}));
  EXPECT_EQ(text_from(receiver), "late");
}

TEST_P(AnySocket, shows_one_descriptor_that_is_readable_whenever_a_look_is_worth_it) {
  auto receiver = receiver_at(address);
  auto what = receiver.poll_handle();
  ASSERT_TRUE(what) << what.error().message();
  EXPECT_FALSE(what->for_writing);
  EXPECT_FALSE(is_readable(what->descriptor));
  auto sender = sender_at(reached_at(receiver, address));
  auto room = sender.poll_handle();
  ASSERT_TRUE(room);
  EXPECT_TRUE(room->for_writing);
  if (has_connections()) {
    // The connection alone is worth a look, which finds no message.
    EXPECT_TRUE(is_readable(what->descriptor, patience_ms));
    EXPECT_TRUE(would_block(receiver.next_size().error()));
    EXPECT_FALSE(is_readable(what->descriptor));
  }
  for (int round = 0; round < 3; ++round) {
    EXPECT_TRUE(sender.send(bytes_of("x"), deadline{patience}));
    EXPECT_TRUE(is_readable(what->descriptor, patience_ms));
    EXPECT_EQ(text_from(receiver), "x");
    EXPECT_TRUE(would_block(receiver.next_size().error()));
    EXPECT_FALSE(is_readable(what->descriptor));
  }
  EXPECT_EQ(receiver.poll_handle()->descriptor, what->descriptor);
}

TEST_P(AnySocket, an_address_that_somebody_has_is_told) {
  auto first = receiver_at(address);
  auto second = any_receiver::open(reached_at(first, address));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(), std::errc::address_in_use) << second.error().message();
}

TEST_P(AnySocket, a_killed_receiver_is_told_and_its_successor_takes_the_address) {
  if (address.starts_with("udp:")) GTEST_SKIP() << "UDP tells of nobody";
  if (address.ends_with(":0")) {  // one of our own, for both receivers
    auto free = receiver_at(address);
    address = reached_at(free, address);
  }
  const rendezvous has_received;
  child receiving{[&] {
    auto receiver = receiver_at(address);
    EXPECT_EQ(text_from(receiver), "one");
    has_received.arrive();
    for (;;) ::pause();
  }};
  auto sender = sender_at(address);  // waits for it
  EXPECT_TRUE(sender.send(bytes_of("one"), deadline{patience}));
  has_received.wait();
  receiving.kill();
  result<void> sent;
  while (sent) sent = sender.send(bytes_of("two"), deadline{patience});
  EXPECT_EQ(sent.error(), std::errc::broken_pipe) << sent.error().message();

  auto successor = receiver_at(address);
  auto again = sender_at(address);
  EXPECT_TRUE(again.send(bytes_of("three"), deadline{patience}));
  EXPECT_EQ(text_from(successor), "three");
}

TEST_P(AnySocket, what_a_killed_sender_sent_is_received_and_then_the_end) {
  auto receiver = receiver_at(address);
  const std::string target = reached_at(receiver, address);
  const rendezvous has_sent;
  child sending{[&] {
    auto sender = sender_at(target);
    for (const char* text : {"one", "two", "three"})
      EXPECT_TRUE(sender.send(bytes_of(text), deadline{patience}));
    EXPECT_TRUE(sender.flush(deadline{patience}));
    has_sent.arrive();
    for (;;) ::pause();
  }};
  has_sent.wait();
  sending.kill();
  for (const char* text : {"one", "two", "three"}) EXPECT_EQ(text_from(receiver), text);
  if (!has_connections()) {
    EXPECT_TRUE(would_block(receiver.next_size().error())) << "others may send";
    return;
  }
  EXPECT_EQ(receive_message(receiver, deadline{patience}).error(), errc::closed);
  EXPECT_EQ(receiver.next_size().error(), errc::closed) << "and so it stays";
}

INSTANTIATE_TEST_SUITE_P(
    All, AnySocket,
    ::testing::Values("unix:NAME", "unix:PATH", "unix:@NAME", "unix:NAME?socket=seqpacket",
                      "unix:@NAME?socket=seqpacket", "unix:NAME?socket=datagram",
                      "unix:PATH?socket=datagram&mode=0600", "tcp:127.0.0.1:0", "tcp:localhost:0",
                      "tcp:[::1]:0", "udp:127.0.0.1:0", "udp:[::1]:0"),
    [](const auto& one) {
      std::string name;
      for (const char letter : std::string{one.param})
        name += std::isalnum(static_cast<unsigned char>(letter)) != 0 ? letter : '_';
      return name + "_" + std::to_string(one.index);
    });

// --- Connections -------------------------------------------------------------------------------

class AnyConnection : public ::testing::TestWithParam<const char*> {
 protected:
  std::string free_address() {
    const std::string kind = GetParam();
    if (kind != "tcp") return "unix:" + unique_name() + "?socket=" + kind;
    auto free = receiver_at("tcp:127.0.0.1:0");
    return reached_at(free, "tcp:127.0.0.1:0");
  }
  const std::string address = free_address();
};

TEST_P(AnyConnection, a_sender_waits_for_a_receiver_until_its_deadline) {
  const auto nobody = any_sender::open(address, 5ms);
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error(), std::errc::timed_out);
  EXPECT_STREQ(nobody.error().hint(), "nobody listens at this address");

  child early{[this] {
    auto sender = sender_at(address);
    EXPECT_TRUE(sender.send(bytes_of("early"), deadline{patience}));
  }};
  wait_until_asleep(early.id());
  auto receiver = receiver_at(address);
  EXPECT_EQ(text_from(receiver), "early");
  early.wait_success();
}

TEST_P(AnyConnection, the_first_sender_is_the_peer_and_the_next_receiver_has_the_second) {
  auto receiver = receiver_at(address);
  auto first = sender_at(address);
  EXPECT_TRUE(first.send(bytes_of("of the first"), deadline{patience}));
  EXPECT_EQ(any_sender::open(address, 20ms).error(), std::errc::timed_out)
      << "one waits for the receiver's look already";
  EXPECT_EQ(text_from(receiver), "of the first");
  EXPECT_EQ(any_sender::open(address, 20ms).error(), std::errc::timed_out) << "it has its peer";

  auto next = receiver_at(address);
  auto second = sender_at(address);
  EXPECT_TRUE(second.send(bytes_of("of the second"), deadline{patience}));
  EXPECT_TRUE(first.send(bytes_of("again"), deadline{patience}));
  EXPECT_EQ(text_from(next), "of the second");
  EXPECT_EQ(text_from(receiver), "again");
}

TEST_P(AnyConnection, a_sender_that_left_before_it_was_seen_is_received) {
  auto receiver = receiver_at(address);
  {
    auto sender = sender_at(address);
    EXPECT_TRUE(sender.send(bytes_of("gone"), deadline{patience}));
  }
  EXPECT_EQ(text_from(receiver), "gone");
  EXPECT_EQ(receive_message(receiver, deadline{patience}).error(), errc::closed);
}

TEST_P(AnyConnection, a_receiver_that_leaves_before_it_looked_is_told) {
  std::optional<any_receiver> receiver{receiver_at(address)};
  auto sender = sender_at(address);
  receiver.reset();
  result<void> sent;
  while (sent) sent = sender.send(bytes_of("lost"), deadline{patience});
  EXPECT_EQ(sent.error(), std::errc::broken_pipe) << sent.error().message();
}

TEST_P(AnyConnection, may_be_moved_at_any_time) {
  auto receiver = receiver_at(address);
  const int descriptor = receiver.poll_handle()->descriptor;
  any_receiver before{std::move(receiver)};
  auto sender = sender_at(address);
  EXPECT_TRUE(sender.send(bytes_of("a"), deadline{patience}));
  EXPECT_EQ(text_from(before), "a");
  any_receiver after{std::move(before)};
  any_sender elsewhere{std::move(sender)};
  EXPECT_TRUE(elsewhere.send(bytes_of("b"), deadline{patience}));
  EXPECT_TRUE(is_readable(descriptor, patience_ms));
  EXPECT_EQ(text_from(after), "b");
}

INSTANTIATE_TEST_SUITE_P(All, AnyConnection, ::testing::Values("stream", "seqpacket", "tcp"),
                         [](const auto& one) { return std::string{one.param}; });

}  // namespace
}  // namespace sluice::test
