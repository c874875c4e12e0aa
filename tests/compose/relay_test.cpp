// A relay in one process: what it passes on, what it keeps in hand, and how it ends.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <chrono>
#include <optional>
#include <sluice/sluice.hpp>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "compose/numbered_messages.hpp"
#include "support/asleep.hpp"
#include "support/child.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

class Relay : public ::testing::Test {
 protected:
  void put(std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t number = first; number < first + count; ++number)
      ASSERT_TRUE(source.try_send(numbered(number)));
  }
  std::vector<std::uint64_t> taken() {
    std::vector<std::uint64_t> all;
    while (const auto number = next_of(*target)) all.push_back(*number);
    return all;
  }
  using numbers = std::vector<std::uint64_t>;

  local_channel in = local_channel::create().value();
  local_channel out = local_channel::create({.capacity_messages = 2}).value();
  local_sender source = std::move(in.sender);
  std::optional<local_receiver> target = std::move(out.receiver);
};

TEST_F(Relay, filters) {
  auto pump = make_relay(std::move(in.receiver), std::move(out.sender), [](const_bytes message) {
                return *number_of(message) % 2 == 1;
              }).value();
  put(0, 5);
  EXPECT_EQ(pump.run({}, deadline::now()).end, relay_end::timed_out);
  EXPECT_EQ(taken(), (numbers{1, 3}));
  EXPECT_EQ(pump.statistics().dropped, 3U);
  EXPECT_EQ(pump.statistics().messages, 2U);
}

TEST_F(Relay, changes_each_message_once) {
  int calls = 0;
  std::uint64_t changed = 0;
  auto pump = make_relay(std::move(in.receiver), std::move(out.sender),
                         [&](const_bytes message) -> std::optional<const_bytes> {
                           ++calls;
                           changed = *number_of(message) * 10;
                           if (changed == 20) return std::nullopt;
                           return bytes_of(changed);
                         })
                  .value();
  put(1, 4);
  // There is room for two: the last one waits for it, changed already.
  EXPECT_EQ(pump.run({}, deadline::now()).end, relay_end::timed_out);
  EXPECT_EQ(number_of(pump.in_hand()), 40U);
  EXPECT_EQ(taken(), (numbers{10, 30}));
  EXPECT_EQ(pump.run({}, deadline::now()).end, relay_end::timed_out);
  EXPECT_EQ(taken(), (numbers{40}));
  EXPECT_EQ(calls, 4);
  EXPECT_EQ(pump.statistics().dropped, 1U);
}

TEST_F(Relay, an_exception_of_the_filter_loses_no_message) {
  bool throws = true;
  auto pump = make_relay(std::move(in.receiver), std::move(out.sender), [&](const_bytes) {
                if (std::exchange(throws, false)) throw std::runtime_error{"not now"};
                return true;
              }).value();
  put(7, 1);
  EXPECT_THROW(static_cast<void>(pump.run()), std::runtime_error);
  EXPECT_EQ(number_of(pump.in_hand()), 7U);
  EXPECT_EQ(pump.run({}, deadline::now()).end, relay_end::timed_out);
  EXPECT_EQ(taken(), (numbers{7}));
}

TEST_F(Relay, takes_nothing_that_it_cannot_pass_on) {
  auto pump = make_relay(std::move(in.receiver), std::move(out.sender)).value();
  put(0, 10);
  EXPECT_EQ(pump.run({}, deadline::now()).end, relay_end::timed_out);
  EXPECT_EQ(number_of(pump.in_hand()), 2U);
  EXPECT_EQ(next_of(pump.receiver()), 3U) << "that is still where it was";
}

TEST_F(Relay, says_which_side_failed_and_goes_on_with_another) {
  auto pump = make_relay(std::move(in.receiver), std::move(out.sender)).value();
  put(0, 2);
  target.reset();
  const auto outcome = pump.run();
  EXPECT_EQ(outcome.end, relay_end::sender_failed);
  EXPECT_EQ(outcome.reason.value(), std::errc::broken_pipe);
  EXPECT_EQ(number_of(pump.in_hand()), 0U);
  local_channel other = local_channel::create().value();
  target.emplace(std::move(other.receiver));
  pump.replace_sender(std::move(other.sender));
  EXPECT_EQ(pump.run({}, deadline::now()).end, relay_end::timed_out);
  EXPECT_EQ(taken(), (numbers{0, 1}));
}

TEST_F(Relay, a_message_that_nobody_takes_can_be_got_back_and_given_up) {
  local_channel narrow = local_channel::create({.max_message_bytes = 8}).value();
  auto pump = make_relay(std::move(in.receiver), std::move(narrow.sender)).value();
  ASSERT_TRUE(source.try_send(bytes_of("far too long")));
  put(1, 1);
  EXPECT_EQ(pump.run().reason.value(), std::errc::message_size);
  EXPECT_EQ(pump.run().reason.value(), std::errc::message_size) << "it does not go away";
  EXPECT_EQ(text_of(pump.in_hand().value()), "far too long");
  pump.discard_in_hand();
  EXPECT_FALSE(pump.in_hand());
  EXPECT_EQ(pump.run({}, deadline::now()).end, relay_end::timed_out);
  EXPECT_EQ(next_of(narrow.receiver), 1U);
}

// The one in hand was shown where it lies: with its source it would go.
TEST_F(Relay, keeps_the_message_in_hand_when_its_source_is_replaced) {
  const auto first = ring_channel::create_anonymous({.capacity_bytes = 4096}).value();
  const auto second = ring_channel::create_anonymous({.capacity_bytes = 4096}).value();
  auto to_first = ring_sender::attach(first).value();
  auto to_second = ring_sender::attach(second).value();
  auto pump = make_relay(ring_receiver::attach(first).value(), std::move(out.sender)).value();
  for (std::uint64_t number = 0; number < 4; ++number)
    ASSERT_TRUE(to_first.try_send(numbered(number)));
  ASSERT_TRUE(to_second.try_send(numbered(9)));
  EXPECT_EQ(pump.run({}, deadline::now()).end, relay_end::timed_out);
  EXPECT_EQ(first.counters().received, 2U) << "the third is in hand, and was not taken";
  pump.replace_receiver(ring_receiver::attach(second).value());
  EXPECT_EQ(first.counters().received, 3U);
  EXPECT_EQ(number_of(pump.in_hand()), 2U);
  EXPECT_EQ(taken(), (numbers{0, 1}));
  EXPECT_EQ(pump.run({}, deadline::now()).end, relay_end::timed_out);
  EXPECT_EQ(taken(), (numbers{2, 9}));
}

TEST_F(Relay, of_a_topic_that_overwrites_takes_copies) {
  const auto topic =
      ring_topic::create_anonymous({.when_full = ring_topic_policy::overwrite_oldest}).value();
  auto pump = make_relay(ring_subscriber::attach(topic).value(), std::move(out.sender)).value();
  auto publisher = ring_publisher::attach(topic).value();
  ASSERT_TRUE(publisher.try_send(numbered(5)));
  EXPECT_EQ(pump.run({}, deadline::now()).end, relay_end::timed_out);
  EXPECT_EQ(taken(), (numbers{5}));
}

// More than a pipe holds: what the frames keep is out before the source forgets the message.
TEST_F(Relay, releases_a_message_when_the_target_has_all_of_it) {
  auto ring = ring_channel::create_anonymous().value();
  auto sender = ring_sender::attach(ring).value();
  auto made = pipe::create().value();
  auto frames = framed_sender<pipe_writer>::create(std::move(made.writer)).value();
  auto receiver = framed_receiver<pipe_reader>::create(std::move(made.reader)).value();
  auto pump = make_relay(ring_receiver::attach(ring).value(), std::move(frames)).value();
  const std::vector<std::byte> large(300'000, std::byte{7});
  ASSERT_TRUE(sender.try_send(large));
  EXPECT_EQ(pump.run({}, deadline::now()).end, relay_end::timed_out);
  EXPECT_EQ(ring.counters().received, 0U);
  std::jthread pumping{
      [&] { EXPECT_EQ(pump.run({}, deadline{patience}).end, relay_end::passed_on); }};
  EXPECT_EQ(receive_message(receiver, deadline{patience}).value(), large);
  { auto leaving = std::move(sender); }
  pumping.join();
  EXPECT_EQ(pump.statistics().messages, 1U);
  EXPECT_EQ(ring.counters().received, 1U);
}

TEST_F(Relay, can_be_asked_by_other_threads_while_it_runs) {
  auto pump = make_relay(std::move(in.receiver), std::move(out.sender)).value();
  std::stop_source stop;
  std::jthread pumping{[&] { EXPECT_EQ(pump.run(stop.get_token()).end, relay_end::stopped); }};
  for (std::uint64_t number = 0; number < 100; ++number) {
    ASSERT_TRUE(source.send(numbered(number), deadline{patience}));
    std::uint64_t got = 0;
    ASSERT_TRUE(target->receive(writable_bytes_of(got), deadline{patience}));
    EXPECT_EQ(got, number);
  }
  while (pump.statistics().messages < 100) std::this_thread::yield();
  stop.request_stop();
  pumping.join();
}

TEST_F(Relay, stops_while_there_is_no_room) {
  const auto ring = ring_channel::create_anonymous({.capacity_bytes = 4096}).value();
  auto unread = ring_receiver::attach(ring).value();
  auto pump = make_relay(std::move(in.receiver), ring_sender::attach(ring).value()).value();
  ASSERT_TRUE(source.try_send(std::vector<std::byte>(1500)));
  ASSERT_TRUE(source.try_send(std::vector<std::byte>(1500)));
  ASSERT_TRUE(source.try_send(std::vector<std::byte>(1500)));
  std::stop_source stop;
  const pid_t relaying = this_thread_id();
  std::jthread asking{[&] {
    wait_until_asleep(relaying);
    stop.request_stop();
  }};
  EXPECT_EQ(pump.run(stop.get_token(), deadline{patience}).end, relay_end::stopped);
  EXPECT_EQ(pump.in_hand().value().size(), 1500U);
}

// F41: who has no descriptors left for waiting is told, and nothing is lost.
TEST_F(Relay, F41_without_descriptors_says_so_and_keeps_the_message) {
  const auto ring = ring_channel::create_anonymous().value();
  auto sender = ring_sender::attach(ring).value();
  auto pump = make_relay(ring_receiver::attach(ring).value(), std::move(out.sender)).value();
  rlimit usual{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
  const rlimit none{.rlim_cur = 3, .rlim_max = usual.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const auto outcome = pump.run({}, 1ms);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
  EXPECT_EQ(outcome.end, relay_end::receiver_failed);
  EXPECT_EQ(outcome.reason.value(), std::errc::too_many_files_open);
  ASSERT_TRUE(sender.try_send(numbered(3)));
  EXPECT_EQ(pump.run({}, 1ms).end, relay_end::timed_out);
  EXPECT_EQ(taken(), (numbers{3}));
}

}  // namespace
}  // namespace sluice::test
