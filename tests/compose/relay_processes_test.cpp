// A relay between processes that are killed, stopped and started again, and one that is killed
// itself: everything arrives, in order, and twice only what the cards say.

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <sluice/sluice.hpp>
#include <string>
#include <vector>

#include "compose/numbered_messages.hpp"
#include "support/child.hpp"
#include "support/isolation.hpp"
#include "support/shared_array.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

// Deaths are noticed soon.
constexpr ring_wait_options watchful{.longest_sleep = 5ms};

// Two named rings, which await successors, and the three processes at them.
class RelayBetweenProcesses : public ::testing::Test {
 protected:
  static constexpr std::uint64_t messages = 20'000;

  // Sends on from the first number that is not in the ring yet: whoever follows it begins there.
  void produce() const {
    auto sender = ring_sender::open(from_name, {.wait = watchful}).value();
    for (std::uint64_t number = sender.counters().sent; number < messages; ++number)
      ASSERT_TRUE(sender.send(numbered(number), deadline{patience}));
  }
  void pump() const {
    auto relayed = make_relay(ring_receiver::open(from_name, {.wait = watchful}).value(),
                              ring_sender::open(to_name, {.wait = watchful}).value())
                       .value();
    for (;;) {
      const auto outcome = relayed.run({}, deadline{patience});
      ASSERT_EQ(outcome.end, relay_end::timed_out) << outcome.reason->message();
    }
  }
  // A role is free as soon as the kernel has let go of the dead one's lock.
  std::optional<std::uint64_t> next(ring_receiver& receiver) const {
    std::uint64_t number = 0;
    auto got = receiver.receive(writable_bytes_of(number), deadline{patience});
    EXPECT_TRUE(got) << got.error().message();
    if (!got) return std::nullopt;
    return number;
  }

  std::string from_name = unique_name() + "-from";
  std::string to_name = unique_name() + "-to";
  ring_channel from = ring_channel::create(from_name, {.capacity_bytes = 4096}).value();
  ring_channel to = ring_channel::create(to_name, {.capacity_bytes = 4096}).value();
};

TEST_F(RelayBetweenProcesses, nothing_is_lost_when_a_sender_is_killed_and_another_follows) {
  child pumping{[&] { pump(); }};
  std::optional<child> producer{[&] { produce(); }};
  auto receiver = ring_receiver::open(to_name, {.wait = watchful}).value();
  int killed = 0;
  for (std::uint64_t expected = 0; expected < messages; ++expected) {
    ASSERT_EQ(next(receiver), expected);
    if (expected % 2000 != 1000) continue;
    producer->kill();
    ++killed;
    producer.reset();
    producer.emplace([&] { produce(); });
  }
  EXPECT_EQ(killed, 10);
  pumping.kill();
}

TEST_F(RelayBetweenProcesses, nothing_is_lost_when_a_receiver_is_killed_and_another_follows) {
  child pumping{[&] { pump(); }};
  const child producer{[&] { produce(); }};
  // How far all of them together have come: written before each release.
  const shared_array next_expected{1};
  const auto consume = [&](std::uint64_t until) {
    auto receiver = ring_receiver::open(to_name, {.wait = watchful}).value();
    while (next_expected[0] < until) {
      auto view = receiver.try_peek();
      if (!view) {
        ASSERT_TRUE(receiver.wait_readable(deadline{patience}));
        continue;
      }
      std::uint64_t number = 0;
      copy_bytes(view->bytes(), writable_bytes_of(number));
      // One that the one before had noted and not released comes again.
      ASSERT_TRUE(number == next_expected[0] || number + 1 == next_expected[0]) << number;
      next_expected[0] = number + 1;
    }
  };
  for (int victims = 0; victims < 10; ++victims) {
    const std::uint64_t before = next_expected[0];
    // However late we are, each dies, and leaves something to the next.
    child victim{[&] {
      consume(before + 1000);
      ::pause();
    }};
    while (next_expected[0] < before + 500) ::usleep(100);
    victim.kill();
  }
  child last{[&] { consume(messages); }};
  last.wait_success();
  pumping.kill();
}

// Who dies with a message in hand has not taken it: the next relay does, maybe once more.
TEST_F(RelayBetweenProcesses, a_relay_that_is_killed_loses_nothing) {
  const child producer{[&] { produce(); }};
  std::optional<child> pumping{[&] { pump(); }};
  auto receiver = ring_receiver::open(to_name, {.wait = watchful}).value();
  std::uint64_t expected = 0;
  std::uint64_t again = 0;
  std::uint64_t killed = 0;
  for (std::uint64_t received = 1; expected < messages; ++received) {
    const auto number = next(receiver);
    ASSERT_TRUE(number);
    ASSERT_TRUE(*number == expected || *number + 1 == expected) << *number << ", not " << expected;
    if (*number + 1 == expected) ++again;
    expected = *number + 1;
    if (received % 1000 != 500) continue;
    pumping->kill();
    ++killed;
    pumping.reset();
    pumping.emplace([&] { pump(); });
  }
  EXPECT_GE(killed, 10U);
  EXPECT_LE(again, killed) << "one for each death at most";
  pumping->kill();
}

// F12: who is stopped delays, and that is all.
TEST_F(RelayBetweenProcesses, sides_that_are_stopped_delay_it_and_lose_nothing) {
  child pumping{[&] { pump(); }};
  child producer{[&] { produce(); }};
  auto receiver = ring_receiver::open(to_name, {.wait = watchful}).value();
  for (std::uint64_t expected = 0; expected < messages; ++expected) {
    ASSERT_EQ(next(receiver), expected);
    if (expected % 5000 != 2500) continue;
    for (child* one : {&pumping, &producer}) {
      one->send_signal(SIGSTOP);
      if (one == &pumping) one->wait_stopped();
      ::usleep(20'000);  // longer than the longest sleep
      one->send_signal(SIGCONT);
    }
  }
  pumping.kill();
}

// A FIFO whose reader goes: the message in hand is the first that the next one gets.
TEST(RelayIntoFifo, goes_on_with_the_reader_that_comes_next) {
  const std::string name = unique_name();
  const auto named = fifo::create(name).value();
  auto source = local_channel::create().value();
  auto first = std::optional{fifo_receiver::open(name).value()};
  auto pump =
      make_relay(std::move(source.receiver), fifo_sender::open(name, deadline{patience}).value())
          .value();
  ASSERT_TRUE(source.sender.try_send(numbered(0)));
  EXPECT_EQ(pump.run({}, deadline::now()).end, relay_end::timed_out);
  std::uint64_t number = 7;
  ASSERT_TRUE(first->try_receive(writable_bytes_of(number)));
  EXPECT_EQ(number, 0U);
  first.reset();
  for (std::uint64_t sent = 1; sent < 4; ++sent)
    ASSERT_TRUE(source.sender.try_send(numbered(sent)));
  EXPECT_EQ(pump.run().reason.value(), std::errc::broken_pipe);
  EXPECT_EQ(pump.run().end, relay_end::sender_failed) << "nobody is there yet";

  child second{[&] {
    { auto copy_of_the_writer = std::move(*pump.sender()); }
    auto receiver = fifo_receiver::open(name).value();
    for (std::uint64_t expected = 1; expected < 4; ++expected) {
      std::uint64_t got = 0;
      ASSERT_TRUE(receiver.receive(writable_bytes_of(got), deadline{patience}));
      EXPECT_EQ(got, expected);
    }
    EXPECT_EQ(receiver.receive(writable_bytes_of(number), deadline{patience}).error(),
              errc::closed);
  }};
  pump.replace_sender(fifo_sender::open(name, deadline{patience}).value());
  { auto leaving = std::move(source.sender); }
  EXPECT_EQ(pump.run().end, relay_end::passed_on);
  second.wait_success();
}

// Writers of a FIFO come and go, one of them by a signal: whole messages are relayed.
TEST(RelayFromFifo, goes_on_with_the_writers_that_come_next) {
  const std::string name = unique_name();
  const auto named = fifo::create(name).value();
  auto target = local_channel::create({.capacity_messages = 1000}).value();
  auto pump = make_relay(fifo_receiver::open(name, {.open = {.stay_open = true}}).value(),
                         std::move(target.sender))
                  .value();
  std::uint64_t expected = 0;
  for (int writers = 0; writers < 5; ++writers) {
    const rendezvous written;
    child writer{[&] {
      auto sender = fifo_sender::open(name, deadline{patience}).value();
      for (std::uint64_t number = 0; number < 50; ++number)
        ASSERT_TRUE(sender.send(numbered(expected + number), deadline{patience}));
      written.arrive();
      ::pause();
    }};
    written.wait();
    writer.kill();
    EXPECT_EQ(pump.run({}, deadline::now()).end, relay_end::timed_out);
    std::uint64_t number = 0;
    while (target.receiver.try_receive(writable_bytes_of(number))) EXPECT_EQ(number, expected++);
    EXPECT_EQ(expected, 50U * static_cast<std::uint64_t>(writers + 1));
  }
}

}  // namespace
}  // namespace sluice::test
