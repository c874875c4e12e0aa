// Rings that are handed to who connects: both directions, many clients, deaths, and strangers.

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <sluice/compose/ring_listener.hpp>
#include <sluice/compose/selector.hpp>
#include <string>
#include <vector>

#include "fault/failing_syscall.hpp"
#include "support/another_user.hpp"
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
  const fault_plan counting;
  EXPECT_EQ(server.accept(50ms).error(), std::errc::timed_out);
  stranger.wait_success();
  EXPECT_EQ(server.accept(deadline::now()).error(), std::errc::timed_out);
  EXPECT_EQ(server.refused(), 1U);
  EXPECT_GT(counting.calls_of(SYS_accept4), 0U);
  EXPECT_EQ(counting.calls_of(SYS_memfd_create), 0U);
  EXPECT_EQ(counting.calls_of(SYS_sendmsg), 0U);  // which descriptors go with
}

TEST_F(RingListener, a_client_that_went_again_costs_nothing_but_its_turn) {
  auto server = ring_listener::create(name, small).value();
  { const auto gone = unix_seqpacket::connect(name).value(); }
  child client{[&] { EXPECT_TRUE(ring_connection::connect(name, deadline{patience})); }};
  EXPECT_TRUE(server.accept(deadline{patience}));
  client.wait_success();
}

// Nor for whom it has let in and who says nothing, though it may wait for all of them.
TEST_F(RingListener, makes_no_memory_for_who_has_not_spoken) {
  auto server = ring_listener::create(name, small).value();
  const auto silent = unix_seqpacket::connect(name).value();
  const fault_plan counting;
  EXPECT_TRUE(would_block(server.try_accept().error()));
  EXPECT_EQ(counting.calls_of(SYS_accept4), 2U);  // the second finds nobody
  EXPECT_EQ(counting.calls_of(SYS_memfd_create), 0U);
  EXPECT_EQ(counting.calls_of(SYS_sendmsg), 0U);
}

// Over each carrier, as it is agreed upon.
class RingConnectionOver : public ::testing::TestWithParam<ring_carrier> {
 protected:
  // What the listener offers first, and what the client then insists on.
  [[nodiscard]] ring_listener_options served() const {
    return {.to_client = {.capacity_bytes = 65'536},
            .from_client = {.capacity_bytes = 4096},
            .wait = {.longest_sleep = 5ms}};
  }
  [[nodiscard]] ring_connect_options wanted() const {
    return {.trust =
                GetParam() == ring_carrier::shared ? ring_trust::same_user : ring_trust::nobody};
  }
  // What a client does that is killed then.
  void say_last_words() const {
    auto mine = ring_connection::connect(name, deadline{patience}, wanted()).value();
    EXPECT_TRUE(mine.sender().send(bytes_of("last words"), deadline{patience}));
    ::pause();
  }
  const std::string name = unique_name();
};
INSTANTIATE_TEST_SUITE_P(Each, RingConnectionOver,
                         ::testing::Values(ring_carrier::shared, ring_carrier::hardened),
                         [](const auto& one) {
                           return one.param == ring_carrier::shared ? "shared" : "hardened";
                         });

TEST_P(RingConnectionOver, messages_of_every_size_arrive_in_order_in_both_directions) {
  auto server = ring_listener::create(name, served()).value();
  child client{[&] {
    auto mine = ring_connection::connect(name, deadline{patience}, wanted()).value();
    EXPECT_EQ(mine.carrier(), GetParam());
    std::vector<std::byte> buffer(32'760);
    for (std::size_t count = 0; count < 1000; ++count) {
      auto size = mine.receiver().receive(buffer, deadline{patience});
      ASSERT_TRUE(size) << size.error().message();
      const auto answered = std::min<std::size_t>(*size, 2040);
      ASSERT_TRUE(mine.sender().send(const_bytes{buffer}.first(answered), deadline{patience}));
    }
    EXPECT_EQ(mine.receiver().receive(buffer, deadline{patience}).error(), errc::closed);
  }};
  {
    auto theirs = server.accept(deadline{patience}).value();
    EXPECT_EQ(theirs.carrier(), GetParam());
    EXPECT_EQ(theirs.sender().max_message_bytes(), 32'760U);
    std::vector<std::byte> answer(2040);
    for (std::size_t count = 0; count < 1000; ++count) {
      const std::vector<std::byte> question(count % 3 == 0 ? 32'760 - count : count,
                                            static_cast<std::byte>(count));
      ASSERT_TRUE(theirs.sender().send(question, deadline{patience}));
      auto size = theirs.receiver().receive(answer, deadline{patience});
      ASSERT_TRUE(size) << size.error().message();
      EXPECT_EQ(*size, std::min<std::size_t>(question.size(), 2040));
      EXPECT_TRUE(std::equal(answer.begin(), answer.begin() + static_cast<std::ptrdiff_t>(*size),
                             question.begin()));
    }
  }
  client.wait_success();
}

TEST_P(RingConnectionOver, a_killed_client_is_told_of_behind_what_it_had_sent) {
  auto server = ring_listener::create(name, served()).value();
  child client{[&] { say_last_words(); }};
  auto theirs = server.accept(deadline{patience}).value();
  ASSERT_TRUE(theirs.receiver().wait_readable(deadline{patience}));
  client.kill();
  std::array<std::byte, 100> buffer;
  EXPECT_EQ(theirs.receiver().receive(buffer, deadline{patience}).value(), 10U);
  EXPECT_EQ(theirs.receiver().receive(buffer, deadline{patience}).error(),
            std::errc::connection_reset);
  EXPECT_TRUE(theirs.peer_has_left().value());
}

TEST_P(RingConnectionOver, an_end_joins_a_selector_where_its_carrier_has_a_descriptor) {
  auto server = ring_listener::create(name, served()).value();
  child client{[&] {
    auto mine = ring_connection::connect(name, deadline{patience}, wanted()).value();
    EXPECT_TRUE(mine.receiver().wait_readable(deadline{patience}));  // the other side is waiting
    EXPECT_TRUE(mine.sender().send(bytes_of("hello"), deadline{patience}));
    ::pause();
  }};
  auto theirs = server.accept(deadline{patience}).value();
  auto waiting = selector::create().value();
  auto from_client = waiting.add_readable(theirs.receiver());
  auto to_client = waiting.add_writable(theirs.sender());
  if (GetParam() == ring_carrier::hardened) {
    EXPECT_EQ(from_client.error(), std::errc::operation_not_supported);
    EXPECT_EQ(to_client.error(), std::errc::operation_not_supported);
  } else {
    ASSERT_TRUE(from_client) << from_client.error().message();
    ASSERT_TRUE(to_client) << to_client.error().message();
    auto room = waiting.wait(deadline{patience}).value();
    EXPECT_EQ(room.begin()->key, *to_client);
    EXPECT_TRUE(waiting.remove(*to_client));
    ASSERT_TRUE(theirs.sender().send(bytes_of("go on"), deadline{patience}));
    auto message = waiting.wait(deadline{patience}).value();
    EXPECT_EQ(message.begin()->key, *from_client);
    std::array<std::byte, 100> buffer;
    EXPECT_EQ(theirs.receiver().try_receive(buffer).value(), 5U);
  }
  client.kill();
}

// A hang-up, beside others: told of at a death at once, and not for messages.
TEST_P(RingConnectionOver, a_death_is_told_of_in_a_selector_by_the_watch_handle) {
  auto server = ring_listener::create(name, served()).value();
  child client{[&] { say_last_words(); }};
  auto theirs = server.accept(deadline{patience}).value();
  ASSERT_TRUE(theirs.receiver().wait_readable(deadline{patience}));
  auto waiting = selector::create().value();
  const auto end = waiting.add(readiness{.descriptor = theirs.watch_handle()}, 7).value();
  EXPECT_EQ(waiting.wait(deadline::now()).error(), std::errc::timed_out);
  client.kill();
  const auto found = waiting.wait(deadline{patience}).value();
  EXPECT_EQ(found.begin()->key, end);
  EXPECT_EQ(found.begin()->tag, 7U);
  EXPECT_TRUE(theirs.peer_has_left().value());
  EXPECT_TRUE(waiting.remove(end));
}

// Either side may insist: that is what the other then does, too.
TEST_F(RingListener, a_listener_that_trusts_nobody_hands_out_hardened_rings) {
  auto options = small;
  options.trust = ring_trust::nobody;
  auto server = ring_listener::create(name, options).value();
  child client{[&] {
    auto mine = ring_connection::connect(name, deadline{patience}).value();
    EXPECT_EQ(mine.carrier(), ring_carrier::hardened);
  }};
  EXPECT_EQ(server.accept(deadline{patience}).value().carrier(), ring_carrier::hardened);
  client.wait_success();
}

// H15: a client of another user, who may come, and with whom no memory is shared.
TEST_F(RingListener, H15_with_another_user_rings_are_hardened_whatever_one_side_says) {
  if (!may_change_user()) GTEST_SKIP() << "becoming another user needs root";
  for (const bool insists : {false, true}) {
    SCOPED_TRACE(insists);
    const std::string address = "@" + name + (insists ? "-2" : "-1");
    auto options = small;
    options.socket.filter.users = {nobody};
    // It would share its memory: then the client does not.
    if (insists) options.trust = ring_trust::everybody;
    auto server = ring_listener::create(address, options).value();
    child client{[&] {
      ASSERT_EQ(::setgid(nobody), 0);
      ASSERT_EQ(::setuid(nobody), 0);
      auto mine = ring_connection::connect(address, deadline{patience}, {.socket = {.owner = 0}});
      ASSERT_TRUE(mine) << mine.error().message();
      EXPECT_EQ(mine->carrier(), ring_carrier::hardened);
      for (int count = 0; count < 100; ++count) {
        ASSERT_TRUE(mine->sender().send(bytes_of(count), deadline{patience}));
        int answer = 0;
        ASSERT_TRUE(mine->receiver().receive(writable_bytes_of(answer), deadline{patience}));
        EXPECT_EQ(answer, -count);
      }
    }};
    auto theirs = server.accept(deadline{patience});
    ASSERT_TRUE(theirs) << theirs.error().message();
    EXPECT_EQ(theirs->carrier(), ring_carrier::hardened);
    EXPECT_EQ(theirs->peer_credentials().value().user, nobody);
    for (int count = 0; count < 100; ++count) {
      int question = 0;
      ASSERT_TRUE(theirs->receiver().receive(writable_bytes_of(question), deadline{patience}));
      ASSERT_TRUE(theirs->sender().send(bytes_of(-question), deadline{patience}));
    }
    client.wait_success();
  }
}

TEST_F(RingListener, refuses_sizes_that_no_ring_has) {
  for (const std::size_t bytes : {std::size_t{0}, std::size_t{5000}, std::size_t{1} << 33}) {
    EXPECT_EQ(ring_listener::create(name, {.to_client = {.capacity_bytes = bytes}}).error(),
              std::errc::invalid_argument);
    EXPECT_EQ(ring_listener::create(name, {.from_client = {.capacity_bytes = bytes}}).error(),
              std::errc::invalid_argument);
  }
  EXPECT_EQ(ring_listener::create(name, {.max_undecided = 0}).error(), std::errc::invalid_argument);
  // And a client those that are beyond its own.
  auto server = ring_listener::create(name, small).value();
  child client{[&] {
    EXPECT_EQ(
        ring_connection::connect(name, deadline{patience}, {.max_capacity_bytes = 4096}).error(),
        std::errc::value_too_large);
  }};
  EXPECT_EQ(server.accept(100ms).error(), std::errc::timed_out);
  client.wait_success();
}

TEST_F(RingListener, belongs_to_the_process_that_made_it) {
  auto server = ring_listener::create(name, small).value();
  child forked{[&] {
    EXPECT_EQ(server.try_accept().error(), std::errc::operation_not_permitted);
    EXPECT_EQ(server.wait_for_peer(deadline::now()).error(), std::errc::operation_not_permitted);
  }};
  forked.wait_success();
  child client{[&] { EXPECT_TRUE(ring_connection::connect(name, deadline{patience})); }};
  EXPECT_TRUE(server.accept(deadline{patience}));
  client.wait_success();
}

// A member of a selector, beside its connections.
TEST_F(RingListener, can_be_waited_for_together_with_others) {
  auto server = ring_listener::create(name, small).value();
  selector all = selector::create().value();
  const selector_key arrivals = all.add_readable(server).value();
  EXPECT_EQ(all.wait(deadline::now()).error(), std::errc::timed_out);
  child client{[&] {
    auto mine = ring_connection::connect(name, deadline{patience}).value();
    EXPECT_TRUE(mine.sender().send(bytes_of("hello"), deadline{patience}));
  }};
  std::vector<ring_connection> accepted;
  while (accepted.empty()) {
    for (const ready& one : all.wait(deadline{patience}).value()) EXPECT_EQ(one.key, arrivals);
    while (auto theirs = server.try_accept()) accepted.push_back(std::move(*theirs));
  }
  EXPECT_EQ(accepted.size(), 1U);
  EXPECT_EQ(all.wait(deadline::now()).error(), std::errc::timed_out);
  std::array<std::byte, 100> buffer;
  EXPECT_EQ(accepted[0].receiver().receive(buffer, deadline{patience}).value(), 5U);
  client.wait_success();
}

}  // namespace
}  // namespace sluice::test
