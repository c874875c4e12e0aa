// A hunt for lost wake-ups: two processes that sleep without a cap, woken at every moment of their
// lying down. A lost one would sleep until the test's deadline. $SLUICE_WAKEUP_ROUNDS sets the
// number of rounds, each of which is two sends.

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <random>
#include <sluice/channel/ring_channel.hpp>

#include "support/child.hpp"

namespace sluice {
namespace {

using namespace std::chrono_literals;

std::uint64_t rounds() {
  const char* wanted = std::getenv("SLUICE_WAKEUP_ROUNDS");  // NOLINT(concurrency-mt-unsafe)
  return wanted == nullptr ? 20'000 / test::slowness() : std::strtoull(wanted, nullptr, 10);
}

// Up to some microseconds, which is what lying down takes: so every moment of it is met.
void pause_a_little(std::minstd_rand& random) {
  const auto until = deadline::clock::now() + std::chrono::nanoseconds{random() % 8192};
  if (random() % 4 == 0) return;
  while (deadline::clock::now() < until) continue;
}

const ring_end_options sleeps_without_end{.wait = {.spin = 0ns, .longest_sleep = 24h}};

class RingWakeUp : public testing::TestWithParam<bool> {
 protected:
  static ring_channel made() {
    auto ring = ring_channel::create_anonymous({.capacity_bytes = 4096}).value();
    if (GetParam()) ring.memory().header().needs_fence.store(1);
    return ring;
  }
};

INSTANTIATE_TEST_SUITE_P(With, RingWakeUp, testing::Bool(),
                         [](const auto& one) { return one.param ? "fences" : "barriers"; });

TEST_P(RingWakeUp, of_a_receiver_is_never_lost) {
  const ring_channel there = made();
  const ring_channel back = made();
  const std::uint64_t count = rounds();
  const test::rendezvous attached;
  test::child other{[&] {
    auto sender = ring_sender::attach(back, sleeps_without_end).value();
    auto receiver = ring_receiver::attach(there, sleeps_without_end).value();
    attached.arrive();
    std::minstd_rand random{1};
    std::array<std::byte, 8> buffer{};
    for (std::uint64_t n = 0; n < count; ++n) {
      ASSERT_TRUE(receiver.receive(buffer, deadline{test::patience})) << "lost in round " << n;
      pause_a_little(random);
      ASSERT_TRUE(sender.try_send(buffer));
    }
  }};
  attached.wait();
  auto sender = ring_sender::attach(there, sleeps_without_end).value();
  auto receiver = ring_receiver::attach(back, sleeps_without_end).value();
  std::minstd_rand random{2};
  std::array<std::byte, 8> buffer{};
  for (std::uint64_t n = 0; n < count; ++n) {
    ASSERT_TRUE(sender.try_send(buffer));
    pause_a_little(random);
    ASSERT_TRUE(receiver.receive(buffer, deadline{test::patience})) << "lost in round " << n;
  }
  other.wait_success();
  EXPECT_GT(receiver.statistics().parks, 0U) << "nobody ever slept: nothing was tried";
}

// Both sides sleep: one for messages, the other for room.
TEST_P(RingWakeUp, of_a_sender_without_room_is_never_lost) {
  const ring_channel ring = made();
  const std::uint64_t count = rounds();
  test::child other{[&] {
    auto sender = ring_sender::attach(ring, sleeps_without_end).value();
    std::minstd_rand random{3};
    const std::vector<std::byte> message(1000);
    for (std::uint64_t n = 0; n < count; ++n) {
      ASSERT_TRUE(sender.send(message, deadline{test::patience})) << "lost in round " << n;
      if (n % 16 == 0) pause_a_little(random);
    }
    EXPECT_GT(sender.statistics().parks, 0U) << "it never slept: nothing was tried";
  }};
  auto receiver = ring_receiver::attach(ring, sleeps_without_end).value();
  std::minstd_rand random{4};
  std::vector<std::byte> buffer(1000);
  for (std::uint64_t n = 0; n < count; ++n) {
    ASSERT_TRUE(receiver.receive(buffer, deadline{test::patience})) << "lost in round " << n;
    pause_a_little(random);
  }
  other.wait_success();
}

}  // namespace
}  // namespace sluice
