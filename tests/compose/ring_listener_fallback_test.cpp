// Where memory is short, on either side and at whatever point, a socket takes the place of the
// rings: the same messages, in the same order.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <sluice/compose/ring_listener.hpp>
#include <sluice/compose/selector.hpp>
#include <string>
#include <vector>

#include "fault/failing_syscall.hpp"
#include "support/child.hpp"
#include "support/isolation.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t largest = 32'760;  // of a ring of 64 KiB
constexpr std::size_t messages = 200;

std::vector<std::byte> message_number(std::size_t number) {
  std::vector<std::byte> message(number % 7 == 0 ? largest - number : number * 13 % 5000);
  for (std::size_t i = 0; i < message.size(); ++i)
    message[i] = static_cast<std::byte>(number * 31 + i);
  return message;
}
void send_all(ring_connection& to) {
  EXPECT_EQ(to.sender().max_message_bytes(), largest);
  EXPECT_EQ(to.sender().try_send(std::vector<std::byte>(largest + 1)).error(),
            std::errc::message_size);
  for (std::size_t number = 0; number < messages; ++number)
    ASSERT_TRUE(to.sender().send(message_number(number), deadline{patience}));
  ASSERT_TRUE(to.sender().flush(deadline{patience}));
}
void receive_all(ring_connection& from) {
  std::vector<std::byte> buffer(largest);
  for (std::size_t number = 0; number < messages; ++number) {
    auto size = from.receiver().receive(buffer, deadline{patience});
    ASSERT_TRUE(size) << size.error().message();
    const std::vector<std::byte> expected = message_number(number);
    ASSERT_EQ(*size, expected.size());
    ASSERT_TRUE(std::equal(expected.begin(), expected.end(), buffer.begin()));
  }
}

class RingFallback : public ::testing::Test {
 protected:
  const std::string name = unique_name();
  const ring_listener_options small{.to_client = {.capacity_bytes = 65'536},
                                    .from_client = {.capacity_bytes = 65'536}};
};

const std::vector<fault>& shortages() {
  static const std::vector<fault> all{
      {.calls = {SYS_memfd_create}, .error_number = ENOMEM},
      {.calls = {SYS_memfd_create}, .error_number = EMFILE},
      {.calls = {SYS_memfd_create}, .error_number = ENOSYS},
      {.calls = {SYS_fallocate}, .error_number = ENOSPC},
      {.calls = {SYS_mmap}, .error_number = ENOMEM},
      // No descriptor for anything; and more under way than may be.
      {.calls = {SYS_memfd_create, SYS_socketpair, SYS_socket, SYS_epoll_create1, SYS_fcntl},
       .error_number = EMFILE},
      {.calls = {SYS_sendmsg}, .error_number = ETOOMANYREFS},
  };
  return all;
}

// F22, F48
TEST_F(RingFallback, of_a_listener_without_memory_is_a_socket) {
  for (const fault& shortage : shortages()) {
    SCOPED_TRACE(shortage.error_number);
    auto server = ring_listener::create(name, small).value();
    child client{[&] {
      auto mine = ring_connection::connect(name, deadline{patience}).value();
      EXPECT_EQ(mine.carrier(), ring_carrier::socket);
      receive_all(mine);
      send_all(mine);
      std::byte unused{};
      EXPECT_EQ(mine.receiver().receive({&unused, 1}, deadline{patience}).error(), errc::closed);
    }};
    {
      const fault_plan plan{shortage};
      auto theirs = server.accept(deadline{patience});
      ASSERT_TRUE(theirs) << theirs.error().message();
      EXPECT_EQ(theirs->carrier(), ring_carrier::socket);
      EXPECT_GT(plan.struck(), 0U);
      send_all(*theirs);
      receive_all(*theirs);
    }
    client.wait_success();
  }
}

// F41, by the kernel itself: the client has no room for any descriptor that it is sent.
TEST_F(RingFallback, of_a_client_without_descriptors_is_a_socket) {
  auto server = ring_listener::create("@" + name, small).value();
  for (const ring_trust trust : {ring_trust::same_user, ring_trust::nobody}) {
    child client{[&] {
      // A sanitizer needs a descriptor the first time that it sees a type.
      auto both = unix_seqpacket::create_pair().value();
      { const packet_byte_writer seen{std::make_shared<unix_seqpacket>(std::move(both.first))}; }
      { auto gone = std::move(both.second); }
      // The lowest number that is free is the connection's, and the limit is right above it.
      const int free = ::dup(0);
      ASSERT_GE(free, 0);
      ::close(free);
      const auto most = static_cast<rlim_t>(free) + 1;
      rlimit usual{};
      ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
      const rlimit no_more{.rlim_cur = most, .rlim_max = usual.rlim_max};
      auto options = ring_connect_options{.trust = trust};
      ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &no_more), 0);
      auto mine = ring_connection::connect("@" + name, deadline{patience}, options);
      ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
      ASSERT_TRUE(mine) << mine.error().message();
      EXPECT_EQ(mine->carrier(), ring_carrier::socket);
      receive_all(*mine);
      send_all(*mine);
      EXPECT_FALSE(mine->peer_has_left().value());
    }};
    auto theirs = server.accept(deadline{patience}).value();
    EXPECT_EQ(theirs.carrier(), ring_carrier::socket);
    send_all(theirs);
    receive_all(theirs);
    client.wait_success();
    EXPECT_TRUE(theirs.peer_has_left().value());
  }
}

// The connection carries messages here, and its end shows all the same, and not they.
TEST_F(RingFallback, to_a_socket_tells_of_the_end_and_not_of_messages_where_it_is_watched) {
  const fault no_memory{.calls = {SYS_memfd_create}, .error_number = EMFILE};
  const fault no_list{.calls = {SYS_epoll_create1}, .error_number = EMFILE};
  for (const bool has_list : {true, false}) {
    SCOPED_TRACE(has_list);
    auto server = ring_listener::create(name, small).value();
    child client{[&] {
      auto mine = ring_connection::connect(name, deadline{patience}).value();
      EXPECT_TRUE(mine.sender().send(bytes_of("last words"), deadline{patience}));
      for (;;) ::pause();
    }};
    std::optional<fault_plan> plan;
    plan.emplace(has_list ? std::vector{no_memory} : std::vector{no_memory, no_list});
    auto theirs = server.accept(deadline{patience}).value();
    plan.reset();
    EXPECT_EQ(theirs.carrier(), ring_carrier::socket);
    ASSERT_TRUE(theirs.receiver().wait_readable(deadline{patience}));
    auto waiting = selector::create().value();
    const auto end = waiting.add(readiness{.descriptor = theirs.watch_handle()}).value();
    // Where there was none the socket itself is what is watched: then one has to ask.
    EXPECT_EQ(waiting.wait(deadline::now()).has_value(), !has_list);
    EXPECT_FALSE(theirs.peer_has_left().value());
    client.kill();
    EXPECT_EQ(waiting.wait(deadline{patience}).value().begin()->key, end);
    EXPECT_TRUE(theirs.peer_has_left().value());
    std::vector<std::byte> buffer(largest);
    EXPECT_EQ(theirs.receiver().receive(buffer, deadline{patience}).value(), 10U);
    EXPECT_EQ(theirs.receiver().receive(buffer, deadline{patience}).error(), errc::closed);
  }
}

// As with rings: each direction has an end of its own.
TEST_F(RingFallback, to_a_socket_ends_one_direction_and_goes_on_in_the_other) {
  auto server = ring_listener::create(name, small).value();
  child client{[&] {
    auto mine = ring_connection::connect(name, deadline{patience}).value();
    { const auto gone = std::move(mine.sender()); }
    receive_all(mine);
    { const auto gone = std::move(mine.receiver()); }
    for (;;) ::pause();
  }};
  const fault_plan plan{{.calls = {SYS_memfd_create}, .error_number = EMFILE}};
  auto theirs = server.accept(deadline{patience}).value();
  std::vector<std::byte> buffer(largest);
  EXPECT_EQ(theirs.receiver().receive(buffer, deadline{patience}).error(), errc::closed);
  EXPECT_FALSE(theirs.peer_has_left().value());
  send_all(theirs);
  auto sent = theirs.sender().send(bytes_of("more"), deadline{patience});
  while (sent) sent = theirs.sender().send(bytes_of("more"), deadline{patience});
  EXPECT_EQ(sent.error(), std::errc::broken_pipe);
  client.kill();
}

// A forked child that leaves its copy ends nothing for the others.
TEST_F(RingFallback, to_a_socket_outlives_the_copies_of_forked_children) {
  auto server = ring_listener::create(name, small).value();
  child client{[&] {
    auto mine = ring_connection::connect(name, deadline{patience}).value();
    child forked{[&] { const auto copy = std::move(mine); }};
    forked.wait_success();
    send_all(mine);
    receive_all(mine);
  }};
  const fault_plan plan{{.calls = {SYS_memfd_create}, .error_number = EMFILE}};
  auto theirs = server.accept(deadline{patience}).value();
  receive_all(theirs);
  send_all(theirs);
  client.wait_success();
}

TEST_F(RingFallback, to_a_socket_joins_a_selector_as_a_ring_does) {
  auto server = ring_listener::create(name, small).value();
  child client{[&] {
    auto mine = ring_connection::connect(name, deadline{patience}).value();
    receive_all(mine);
    send_all(mine);
  }};
  const fault_plan plan{shortages().front()};
  auto theirs = server.accept(deadline{patience}).value();
  EXPECT_EQ(theirs.carrier(), ring_carrier::socket);
  auto waiting = selector::create().value();
  const auto room = waiting.add_writable(theirs.sender()).value();
  EXPECT_EQ(waiting.wait(deadline{patience}).value().begin()->key, room);
  EXPECT_TRUE(waiting.remove(room));
  const auto message = waiting.add_readable(theirs.receiver()).value();
  send_all(theirs);
  EXPECT_EQ(waiting.wait(deadline{patience}).value().begin()->key, message);
  receive_all(theirs);
  client.wait_success();
}

TEST_F(RingFallback, of_a_client_without_memory_is_a_socket) {
  // It makes none but where the rings are hardened: it only maps.
  const fault mapping{.calls = {SYS_mmap}, .error_number = ENOMEM};
  for (const ring_trust trust : {ring_trust::same_user, ring_trust::nobody}) {
    child serving{[&] {
      auto server = ring_listener::create(name, small).value();
      auto theirs = server.accept(deadline{patience}).value();
      EXPECT_EQ(theirs.carrier(), ring_carrier::socket);
      receive_all(theirs);
      send_all(theirs);
    }};
    const fault_plan plan{mapping};
    auto mine = ring_connection::connect(name, deadline{patience},
                                         {.socket = {.wait_for_peer = true}, .trust = trust});
    ASSERT_TRUE(mine) << mine.error().message();
    EXPECT_EQ(mine->carrier(), ring_carrier::socket);
    EXPECT_GT(plan.struck(), 0U);
    send_all(*mine);
    receive_all(*mine);
    serving.wait_success();
  }
}

// At whatever call the memory runs out, and for that call alone: whatever carries them then.
TEST_F(RingFallback, at_any_call_loses_no_client_and_no_message) {
  for (const ring_trust trust : {ring_trust::same_user, ring_trust::nobody}) {
    std::set<ring_carrier> seen;
    for (std::uint64_t call = 1;; ++call) {
      SCOPED_TRACE(call);
      ASSERT_LT(call, 100U);
      auto server = ring_listener::create(name, small).value();
      child client{[&] {
        auto mine = ring_connection::connect(name, deadline{patience}, {.trust = trust}).value();
        receive_all(mine);
      }};
      std::optional<fault_plan> plan;
      plan.emplace(fault{.calls = {SYS_memfd_create, SYS_fallocate, SYS_mmap, SYS_fcntl},
                         .first = call,
                         .times = 1,
                         .error_number = ENOMEM});
      auto theirs = server.accept(deadline{patience});
      const bool was_struck = plan->struck() != 0;
      plan.reset();
      ASSERT_TRUE(theirs) << theirs.error().message();
      seen.insert(theirs->carrier());
      send_all(*theirs);
      client.wait_success();
      if (!was_struck) break;
    }
    EXPECT_TRUE(seen.contains(ring_carrier::hardened));
    EXPECT_EQ(seen.contains(ring_carrier::shared), trust == ring_trust::same_user);
    EXPECT_EQ(seen.contains(ring_carrier::socket), trust == ring_trust::nobody);
  }
}

TEST_F(RingFallback, a_killed_client_is_told_of_as_the_end) {
  auto server = ring_listener::create(name, small).value();
  child client{[&] {
    auto mine = ring_connection::connect(name, deadline{patience}).value();
    EXPECT_TRUE(mine.sender().send(bytes_of("last words"), deadline{patience}));
    for (;;) ::pause();
  }};
  const fault_plan plan{{.calls = {SYS_memfd_create}, .error_number = ENOMEM}};
  auto theirs = server.accept(deadline{patience}).value();
  std::vector<std::byte> buffer(largest);
  EXPECT_EQ(theirs.receiver().receive(buffer, deadline{patience}).value(), 10U);
  EXPECT_FALSE(theirs.peer_has_left().value());
  client.kill();
  EXPECT_EQ(theirs.receiver().receive(buffer, deadline{patience}).error(), errc::closed);
  EXPECT_TRUE(theirs.peer_has_left().value());
}

}  // namespace
}  // namespace sluice::test
