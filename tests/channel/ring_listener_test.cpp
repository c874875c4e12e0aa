// Rings that are handed to who connects: both directions, many clients, deaths, and strangers.

#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <sluice/channel/ring_listener.hpp>
#include <string>
#include <vector>

#include "support/child.hpp"
#include "support/isolation.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

class RingListener : public ::testing::Test {
 protected:
  const std::string name = unique_name();
  const ring_listener_options small{.to_client = {.capacity_bytes = 65'536},
                                    .from_client = {.capacity_bytes = 65'536}};
};

TEST_F(RingListener, gives_each_client_a_ring_for_each_direction) {
  auto server = ring_listener::create(name, small).value();
  std::vector<child> clients;
  for (int id = 0; id < 3; ++id)
    clients.emplace_back([&, id] {
      auto mine = ring_connection::connect(name, deadline{patience});
      ASSERT_TRUE(mine) << mine.error().message();
      for (int count = 0; count < 1000; ++count) {
        ASSERT_TRUE(mine->sender().send(bytes_of(id * 1000 + count), deadline{patience}));
        int answer = 0;
        ASSERT_TRUE(mine->receiver().receive(writable_bytes_of(answer), deadline{patience}));
        EXPECT_EQ(answer, -(id * 1000 + count));
      }
    });
  for (std::size_t served = 0; served < clients.size(); ++served) {
    auto theirs = server.accept(deadline{patience});
    ASSERT_TRUE(theirs) << theirs.error().message();
    for (int count = 0; count < 1000; ++count) {
      int question = 0;
      ASSERT_TRUE(theirs->receiver().receive(writable_bytes_of(question), deadline{patience}));
      ASSERT_TRUE(theirs->sender().send(bytes_of(-question), deadline{patience}));
    }
  }
  for (child& one : clients) one.wait_success();
}

TEST_F(RingListener, the_end_of_the_connection_tells_of_a_death_at_once) {
  auto server = ring_listener::create(name, small).value();
  child client{[&] {
    auto mine = ring_connection::connect(name, deadline{patience}).value();
    EXPECT_TRUE(mine.sender().send(bytes_of("last words"), deadline{patience}));
    ::pause();
  }};
  auto theirs = server.accept(deadline{patience}).value();
  EXPECT_EQ(theirs.peer_credentials().value().process, client.id());
  ASSERT_TRUE(theirs.receiver().wait_readable(deadline{patience}));
  EXPECT_FALSE(theirs.peer_has_left().value());
  client.kill();
  pollfd watched{.fd = theirs.watch_handle(), .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&watched, 1, 10'000), 1);
  EXPECT_TRUE(theirs.peer_has_left().value());
  std::array<std::byte, 100> buffer;
  EXPECT_EQ(theirs.receiver().receive(buffer, deadline{patience}).value(), 10U);
  EXPECT_EQ(theirs.receiver().receive(buffer, deadline{patience}).error(),
            std::errc::connection_reset);
}

TEST_F(RingListener, makes_no_memory_for_whom_the_filter_does_not_admit) {
  auto options = small;
  options.socket.filter.admits = [](const socket_credentials&) { return false; };
  auto server = ring_listener::create(name, options).value();
  child stranger{
      [&] { EXPECT_EQ(ring_connection::connect(name, deadline{patience}).error(), errc::closed); }};
  EXPECT_EQ(server.accept(50ms).error(), std::errc::timed_out);
  stranger.wait_success();
  EXPECT_EQ(server.accept(deadline::now()).error(), std::errc::timed_out);
  EXPECT_EQ(server.refused(), 1U);
}

TEST_F(RingListener, a_client_that_went_again_costs_nothing_but_its_turn) {
  auto server = ring_listener::create(name, small).value();
  { const auto gone = unix_seqpacket::connect(name).value(); }
  child client{[&] { EXPECT_TRUE(ring_connection::connect(name, deadline{patience})); }};
  EXPECT_TRUE(server.accept(deadline{patience}));
  client.wait_success();
}

TEST_F(RingListener, a_client_takes_nothing_but_a_pair_of_rings) {
  auto server = unix_seqpacket_listener::create(name).value();
  child client{[&] {
    for (int count = 0; count < 3; ++count)
      EXPECT_EQ(ring_connection::connect(name, deadline{patience}).error(), errc::incompatible);
    EXPECT_EQ(ring_connection::connect(name, deadline{patience}).error(), errc::closed);
    EXPECT_FALSE(ring_connection::connect(name, deadline{patience}));
  }};
  const std::array<int, 2> two{0, 0};
  ASSERT_TRUE(server.accept(deadline{patience}).value().send(bytes_of("hello"), two));
  ASSERT_TRUE(server.accept(deadline{patience}).value().send(bytes_of("slrings1")));
  ASSERT_TRUE(server.accept(deadline{patience}).value().send(bytes_of("slrings1 and more"), two));
  { const auto silent = server.accept(deadline{patience}).value(); }
  ASSERT_TRUE(server.accept(deadline{patience}).value().send(bytes_of("slrings1"), two));
  client.wait_success();
}

}  // namespace
}  // namespace sluice::test
