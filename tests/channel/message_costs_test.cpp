// How many system calls it takes to wait for an event, to send into a queue that is full, and to
// move a datagram.

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <sluice/channel/system_v_queue.hpp>
#include <sluice/channel/system_v_queue_receiver.hpp>
#include <sluice/channel/system_v_queue_sender.hpp>
#include <sluice/channel/udp_socket.hpp>
#include <sluice/channel/unix_datagram.hpp>
#include <sluice/primitive/event.hpp>
#include <vector>

#include "os/syscall_count.hpp"
#include "support/asleep.hpp"
#include "support/child.hpp"

namespace sluice::test {
namespace {

template <class F>
std::uint64_t system_calls_in(F run) {
  const std::uint64_t before = syscall::calls_so_far();
  run();
  return syscall::calls_so_far() - before;
}

// The calls of a wait that slept.
std::uint64_t calls_of_a_wait(event& one, deadline until) {
  child notifier{[&, waiter = this_thread_id()] {
    wait_until_asleep(waiter);
    EXPECT_TRUE(one.notify());
  }};
  const std::uint64_t calls = system_calls_in([&] { EXPECT_TRUE(one.wait(until)); });
  notifier.wait_success();
  return calls;
}

TEST(EventCosts, a_notification_and_a_wait_that_slept_are_one_system_call_each) {
  event one = event::create().value();
  EXPECT_EQ(system_calls_in([&] { EXPECT_TRUE(one.notify()); }), 1U);
  EXPECT_EQ(system_calls_in([&] { EXPECT_TRUE(one.wait()); }), 1U);
  EXPECT_EQ(calls_of_a_wait(one, deadline::never()), 1U);
  // Trying does not change that.
  EXPECT_EQ(system_calls_in([&] { EXPECT_TRUE(would_block(one.try_wait().error())); }), 1U);
  EXPECT_EQ(calls_of_a_wait(one, deadline::never()), 1U);
  EXPECT_EQ(calls_of_a_wait(one, deadline{patience}), 3U) << "try, poll, take";
}

TEST(EventCosts, a_descriptor_is_made_non_blocking_once) {
  event one = event::create().value();
  EXPECT_EQ(system_calls_in([&] { static_cast<void>(one.native_handle()); }), 2U);
  EXPECT_EQ(system_calls_in([&] { static_cast<void>(one.native_handle()); }), 0U);
  EXPECT_EQ(calls_of_a_wait(one, deadline::never()), 3U);
  ASSERT_TRUE(one.notify(1000));
  EXPECT_EQ(one.try_take().value(), 1000U);
}

TEST(SystemVQueueCosts, of_a_queue_that_is_full_each_time_are_two_calls_a_message) {
  // The kernel is given each message once; before it sleeps, the capacity is looked at.
  constexpr std::size_t size = 1000;
  constexpr std::uint64_t count = 20;
  const auto queue = system_v_queue::create_private({.capacity_bytes = size}).value();
  auto sender = system_v_queue_sender::over(queue).value();
  const std::vector<std::byte> message(size);
  ASSERT_TRUE(sender.send(message));
  child receiver{[&, waiter = this_thread_id()] {
    auto all = system_v_queue_receiver::over(queue).value();
    std::array<std::byte, size> buffer;
    for (std::uint64_t taken = 0; taken < count; ++taken) {
      wait_until_asleep(waiter);
      EXPECT_TRUE(all.try_receive(buffer));
    }
  }};
  // The first finds it full, and is given to the kernel twice.
  EXPECT_LE(system_calls_in([&] { ASSERT_TRUE(sender.send(message)); }), 3U);
  const std::uint64_t calls = system_calls_in([&] {
    for (std::uint64_t sent = 1; sent < count; ++sent) ASSERT_TRUE(sender.send(message));
  });
  receiver.wait_success();
  EXPECT_EQ(calls, 2 * (count - 1));
}

TEST(SystemVQueueCosts, who_found_it_full_once_makes_one_call_again_when_the_receiver_keeps_up) {
  constexpr std::size_t size = 1000;
  const auto queue = system_v_queue::create_private({.capacity_bytes = 2 * size}).value();
  auto sender = system_v_queue_sender::over(queue).value();
  auto receiver = system_v_queue_receiver::over(queue).value();
  const std::vector<std::byte> message(size);
  std::array<std::byte, size> buffer;
  ASSERT_TRUE(sender.send(message));
  ASSERT_TRUE(sender.send(message));
  child reads{[&, waiter = this_thread_id()] {
    wait_until_asleep(waiter);
    for (int taken = 0; taken < 2; ++taken) EXPECT_TRUE(receiver.try_receive(buffer));
  }};
  ASSERT_TRUE(sender.send(message));
  reads.wait_success();
  ASSERT_TRUE(receiver.try_receive(buffer));
  const auto turn = [&] {
    ASSERT_TRUE(sender.send(message));
    ASSERT_TRUE(receiver.try_receive(buffer));
  };
  for (int settling = 0; settling < 3; ++settling) turn();
  constexpr std::uint64_t turns = 50;
  EXPECT_EQ(system_calls_in([&] {
              for (std::uint64_t done = 0; done < turns; ++done) turn();
            }),
            2 * turns);
}

template <class Sender, class Receiver>
void expect_one_call_each(Sender& sender, Receiver& receiver, mutable_bytes buffer) {
  EXPECT_EQ(system_calls_in([&] { ASSERT_TRUE(sender.send(bytes_of("message"))); }), 1U);
  EXPECT_EQ(system_calls_in([&] { EXPECT_EQ(receiver.receive(buffer).value(), 7U); }), 1U);
  // Asleep, too.
  child later{[&, waiter = this_thread_id()] {
    wait_until_asleep(waiter);
    EXPECT_TRUE(sender.send(bytes_of("message")));
  }};
  EXPECT_EQ(system_calls_in([&] { EXPECT_EQ(receiver.receive(buffer).value(), 7U); }), 1U);
  later.wait_success();
}

TEST(UdpCosts, a_message_is_a_call_on_each_side_whatever_the_buffer) {
  auto receiver = udp_socket::create().value();
  auto sender = udp_socket::create().value();
  ASSERT_TRUE(sender.connect(receiver.address()));
  std::vector<std::byte> buffer(udp_socket::max_message_bytes());
  for (const std::size_t size : {std::size_t{7}, std::size_t{20'000}, buffer.size()})
    expect_one_call_each(sender, receiver, mutable_bytes{buffer}.first(size));
}

TEST(UnixDatagramCosts, a_message_is_a_call_on_each_side_where_the_buffer_holds_the_longest) {
  auto pair = unix_datagram_receiver::create_pair(7).value();
  std::array<std::byte, 7> buffer{};
  expect_one_call_each(pair.sender, pair.receiver, buffer);
  ASSERT_TRUE(pair.sender.send(bytes_of("short")));
  EXPECT_EQ(system_calls_in([&] {
              EXPECT_EQ(pair.receiver.receive(mutable_bytes{buffer}.first(6)).value(), 5U);
            }),
            2U);
}

}  // namespace
}  // namespace sluice::test
