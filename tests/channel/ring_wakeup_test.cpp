// A hunt for lost wake-ups: two processes that sleep without a cap, woken at every moment of their
// lying down, by the futex or by the descriptor. A lost one sleeps until the watchdog ends the
// test: who has a deadline looks once more when it has passed, and finds what it was not told of.
// $SLUICE_WAKEUP_ROUNDS sets the number of rounds, each of which is two sends.

#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <optional>
#include <random>
#include <sluice/channel/ring_channel.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "support/asleep.hpp"
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

// Who makes the barrier. `turns`: whoever sleeps, and whoever wakes it for as long as nobody takes
// that back, which happens all the time.
enum class barrier { sleeper, fences, turns };

// Who makes it, and whether sleep is in poll(2).
class RingWakeUp : public testing::TestWithParam<std::tuple<barrier, bool>> {
 protected:
  static ring_channel made() {
    auto ring = ring_channel::create_anonymous({.capacity_bytes = 4096}).value();
    if (std::get<0>(GetParam()) == barrier::fences) {
      constexpr std::uint64_t always = ring::segment_header::always_fence;
      ring.memory().header().fences_for_receivers.store(always);
      ring.memory().header().fences_for_senders.store(always);
    }
    return ring;
  }
  // As a waker does it that has fenced in vain.
  static void take_back_at_times(const ring_channel& ring, std::minstd_rand& random) {
    if (std::get<0>(GetParam()) != barrier::turns || random() % 4 != 0) return;
    ring.memory().header().fences_for_receivers.fetch_and(ring::segment_header::always_fence);
    ring.memory().header().fences_for_senders.fetch_and(ring::segment_header::always_fence);
    ring::full_fence();
  }
  static bool polls() { return std::get<1>(GetParam()); }

  // As the verbs that wait do it, but in poll(2).
  template <class End, class Verb>
  static auto polled(End& end, Verb verb) -> decltype(verb()) {
    const int descriptor = end.poll_handle().value();
    for (;;) {
      auto outcome = verb();
      if (outcome || !would_block(outcome.error())) return outcome;
      pollfd one{.fd = descriptor, .events = POLLIN, .revents = 0};
      constexpr std::chrono::milliseconds longest = test::patience;
      if (::poll(&one, 1, static_cast<int>(longest.count())) != 1)
        return failure{std::errc::timed_out, "poll"};
    }
  }
  static result<std::size_t> receive(ring_receiver& receiver, mutable_bytes buffer) {
    if (!polls()) return receiver.receive(buffer);
    return polled(receiver, [&] { return receiver.try_receive(buffer); });
  }
  static result<void> send(ring_sender& sender, const_bytes message) {
    if (!polls()) return sender.send(message);
    return polled(sender, [&] { return sender.try_send(message); });
  }
};

std::string name_of(const testing::TestParamInfo<RingWakeUp::ParamType>& one) {
  constexpr std::array names{"barriers", "fences", "turns"};
  return std::string{names.at(static_cast<std::size_t>(std::get<0>(one.param)))} +
         (std::get<1>(one.param) ? "_by_poll" : "");
}

INSTANTIATE_TEST_SUITE_P(With, RingWakeUp,
                         testing::Combine(testing::Values(barrier::sleeper, barrier::fences,
                                                          barrier::turns),
                                          testing::Bool()),
                         name_of);

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
      ASSERT_TRUE(receive(receiver, buffer)) << "lost in round " << n;
      take_back_at_times(back, random);
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
    take_back_at_times(there, random);
    pause_a_little(random);
    ASSERT_TRUE(receive(receiver, buffer)) << "lost in round " << n;
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
      ASSERT_TRUE(send(sender, message)) << "lost in round " << n;
      take_back_at_times(ring, random);
      if (n % 16 == 0) pause_a_little(random);
    }
    EXPECT_GT(sender.statistics().parks, 0U) << "it never slept: nothing was tried";
  }};
  auto receiver = ring_receiver::attach(ring, sleeps_without_end).value();
  std::minstd_rand random{4};
  std::vector<std::byte> buffer(1000);
  for (std::uint64_t n = 0; n < count; ++n) {
    ASSERT_TRUE(receive(receiver, buffer)) << "lost in round " << n;
    pause_a_little(random);
  }
  other.wait_success();
}

// What the last wait needed may have been more.
TEST(RingSleep, of_a_sender_ends_when_there_is_the_room_that_it_needs_now) {
  const auto ring = ring_channel::create_anonymous({.capacity_bytes = 4096}).value();
  auto receiver = ring_receiver::attach(ring, sleeps_without_end).value();
  test::child other{[&] {
    auto sender = ring_sender::attach(ring, sleeps_without_end).value();
    const std::vector<std::byte> small(40);
    const std::vector<std::byte> large(2000);
    while (sender.try_send(small)) continue;
    EXPECT_FALSE(sender.try_send(large));
    EXPECT_EQ(sender.wait_writable(1ms).error(), std::errc::timed_out);
    EXPECT_TRUE(sender.send(small));
  }};
  std::vector<std::byte> buffer(40);
  ASSERT_TRUE(receiver.wait_for_peer(deadline{test::patience}));
  const auto is_full = [&] { return ring.counters().full > 2; };
  while (!is_full()) continue;
  test::wait_until_asleep(other.id());
  ASSERT_TRUE(receiver.try_receive(buffer));
  other.wait_success();
}

TEST(RingSleep, of_a_receiver_ends_when_its_sender_leaves) {
  const auto ring = ring_channel::create_anonymous({.capacity_bytes = 4096}).value();
  std::optional<ring_sender> sender{ring_sender::attach(ring).value()};
  test::child other{[&] {
    sender.reset();  // the parent's, which is of no use here
    auto receiver = ring_receiver::attach(ring, sleeps_without_end).value();
    std::array<std::byte, 8> buffer{};
    EXPECT_EQ(receiver.receive(buffer).error(), errc::closed);
  }};
  ASSERT_TRUE(sender->wait_for_peer(deadline{test::patience}));
  test::wait_until_asleep(other.id());
  sender.reset();
  other.wait_success();
}

}  // namespace
}  // namespace sluice
