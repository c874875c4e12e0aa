// The scenarios of rings between two who do not trust each other.

#include <fcntl.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <sluice/channel/hardened_ring.hpp>
#include <vector>

#include "fault/scenario.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

constexpr ring_wait_options sleepy{.spin = 0ns};

unique_fd copy_of(int fd) { return unique_fd{::fcntl(fd, F_DUPFD_CLOEXEC, 0)}; }

result<hardened_sender> make_sender() {
  return hardened_sender::create({.capacity_bytes = 4096, .wait = sleepy});
}
result<hardened_receiver> make_receiver() { return hardened_receiver::create({.wait = sleepy}); }

void expect_passes(hardened_sender& sender, hardened_receiver& receiver) {
  EXPECT_TRUE(sender.try_send(bytes_of("message")));
  EXPECT_EQ(receiver.next_size().value(), 7U);
}

void create_sender(struck_step& step) {
  auto sender = step(make_sender);
  if (!sender) return;
  auto receiver = make_receiver().value();
  ASSERT_TRUE(receiver.connect(copy_of(sender->native_handle())));
  expect_passes(*sender, receiver);
  EXPECT_EQ(receiver.peer().value(), ring_presence::alive);
}

void create_receiver(struck_step& step) {
  auto receiver = step(make_receiver);
  if (!receiver) return;
  auto sender = make_sender().value();
  ASSERT_TRUE(sender.connect(copy_of(receiver->native_handle())));
  EXPECT_EQ(sender.peer().value(), ring_presence::alive);
}

// A side that failed to connect can try again.
template <class End>
void connect(struck_step& step, End& end, int other) {
  auto connected = step([&] { return end.connect(copy_of(other)); });
  if (!connected) connected = end.connect(copy_of(other));
  ASSERT_TRUE(connected) << connected.error().message();
}

void connect_sender(struck_step& step) {
  auto sender = make_sender().value();
  auto receiver = make_receiver().value();
  connect(step, sender, receiver.native_handle());
  ASSERT_TRUE(receiver.connect(copy_of(sender.native_handle())));
  expect_passes(sender, receiver);
}

void connect_receiver(struck_step& step) {
  auto sender = make_sender().value();
  auto receiver = make_receiver().value();
  connect(step, receiver, sender.native_handle());
  expect_passes(sender, receiver);
}

struct connected_ends {
  connected_ends() {
    EXPECT_TRUE(sender.connect(copy_of(receiver.native_handle())));
    EXPECT_TRUE(receiver.connect(copy_of(sender.native_handle())));
  }
  hardened_sender sender = make_sender().value();
  hardened_receiver receiver = make_receiver().value();
};

result<void> unless_in_vain(result<void> waited) {
  if (!waited && waited.error() == std::errc::timed_out) return {};
  return waited;
}

void wait_for_message(struck_step& step) {
  connected_ends ends;
  static_cast<void>(step([&] { return unless_in_vain(ends.receiver.wait_readable(1ms)); }));
  expect_passes(ends.sender, ends.receiver);
  EXPECT_EQ(ends.sender.statistics().wake_ups, 0U) << "nobody sleeps any more";
  EXPECT_TRUE(ends.receiver.wait_readable(deadline::never()));
}

void wait_for_room(struck_step& step) {
  connected_ends ends;
  std::vector<std::byte> buffer(500);
  while (ends.sender.try_send(buffer)) continue;
  static_cast<void>(step([&] { return unless_in_vain(ends.sender.wait_writable(1ms)); }));
  while (ends.receiver.try_receive(buffer)) continue;
  EXPECT_TRUE(ends.sender.wait_writable(deadline::never()));
}

// Whether it lives, asked while asking fails: it is not dead for that.
void ask_for_the_peer(struck_step& step) {
  connected_ends ends;
  auto seen = step([&] { return ends.receiver.peer(); });
  if (seen) {
    EXPECT_EQ(*seen, ring_presence::alive);
  }
  EXPECT_EQ(ends.receiver.peer().value(), ring_presence::alive);
}

}  // namespace

const std::vector<scenario>& hardened_ring_scenarios() {
  static const std::vector<scenario> table{
      {"create_hardened_sender", create_sender},
      {"create_hardened_receiver", create_receiver},
      {"connect_hardened_sender", connect_sender},
      {"connect_hardened_receiver", connect_receiver},
      {"wait_for_hardened_message", wait_for_message},
      {"wait_for_hardened_room", wait_for_room},
      {"ask_for_hardened_peer", ask_for_the_peer},
  };
  return table;
}

}  // namespace sluice::test
