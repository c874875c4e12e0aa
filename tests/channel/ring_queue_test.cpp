#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/channel/ring_queue.hpp>
#include <string>
#include <vector>

#include "channel/ring_queue_ends.hpp"
#include "support/asleep.hpp"
#include "support/child.hpp"
#include "support/forbidden_system_calls.hpp"
#include "support/shared_array.hpp"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::child;
using test::next;
using test::patience;
using test::rendezvous;
using test::send_all;
using test::shared_array;

const ring_queue_end_options one_at_a_time{.take_at_most = 1};
const ring_queue_end_options quick{.wait = {.longest_sleep = 20ms}};

ring_queue make_queue(ring_queue_options options = {}) {
  if (options.capacity_bytes > 65536) options.capacity_bytes = 4096;
  return ring_queue::create_anonymous(options).value();
}

TEST(RingQueue, hands_messages_over_in_place_by_copy_and_in_batches) {
  const ring_queue queue = make_queue();
  auto sender = ring_queue_sender::attach(queue).value();
  auto receiver = ring_queue_receiver::attach(queue).value();
  ASSERT_TRUE(sender.try_send(bytes_of("copied")));
  ASSERT_TRUE(sender.try_stage(bytes_of("given up")));
  sender.discard_staged();
  auto window = sender.try_claim(100).value();
  copy_bytes(bytes_of("written here"), window.bytes());
  window.commit(12);
  ASSERT_TRUE(sender.try_stage(bytes_of("staged")));
  std::string all;
  for (auto& message : receiver.drain()) all += text_of(message.bytes());
  EXPECT_EQ(all, "copiedwritten here");
  sender.publish();
  {
    auto view = receiver.try_peek().value();
    EXPECT_EQ(text_of(view.bytes()), "staged");
    EXPECT_EQ(queue.counters().taken, 1U);
    view.put_back();
  }
  std::byte small[5];
  EXPECT_EQ(receiver.try_receive(small).error(), std::errc::no_buffer_space);
  EXPECT_EQ(receiver.next_size().value(), 6U);
  EXPECT_EQ(next(receiver), "staged");
  EXPECT_TRUE(would_block(receiver.next_size().error()));
  const ring_queue_counters counters = sender.counters();
  EXPECT_EQ(counters.sent, 3U);
  EXPECT_EQ(counters.received, 3U);
  EXPECT_EQ(counters.taken + counters.lost + counters.dropped, 0U);
}

TEST(RingQueue, each_message_goes_to_one_receiver_and_the_senders_take_turns) {
  const ring_queue queue = make_queue();
  auto first = ring_queue_sender::attach(queue).value();
  auto second = ring_queue_sender::attach(queue).value();
  send_all(first, "abc");
  send_all(second, "xyz");
  auto one = ring_queue_receiver::attach(queue, one_at_a_time).value();
  auto other = ring_queue_receiver::attach(queue, one_at_a_time).value();
  std::string got;
  for (int i = 0; i < 3; ++i) {
    got += next(one);
    got += next(other);
  }
  // Lane by lane in turn, whoever takes: each sender's order stays.
  std::string of_first, of_second;
  for (const char letter : got) (letter < 'm' ? of_first : of_second) += letter;
  EXPECT_EQ(of_first, "abc");
  EXPECT_EQ(of_second, "xyz");
  EXPECT_NE(got.substr(0, 3), "abc");
  EXPECT_TRUE(would_block(one.try_peek().error()));
}

TEST(RingQueue, refuses_bad_numbers_and_more_participants_than_it_has_places) {
  for (const ring_queue_options& bad :
       {ring_queue_options{.capacity_bytes = 5000}, ring_queue_options{.max_senders = 0},
        ring_queue_options{.max_senders = 257}, ring_queue_options{.max_receivers = 0},
        ring_queue_options{.max_receivers = 65}})
    EXPECT_EQ(ring_queue::create_anonymous(bad).error(), std::errc::invalid_argument);
  const ring_queue queue = make_queue({.max_senders = 1, .max_receivers = 1});
  for (const std::uint32_t bad : {0U, 65U})
    EXPECT_EQ(ring_queue_receiver::attach(queue, {.take_at_most = bad}).error(),
              std::errc::invalid_argument);
  auto sender = ring_queue_sender::attach(queue).value();
  const auto receiver = ring_queue_receiver::attach(queue).value();
  EXPECT_EQ(ring_queue_sender::attach(queue).error(), std::errc::device_or_resource_busy);
  EXPECT_EQ(ring_queue_receiver::attach(queue).error(), std::errc::device_or_resource_busy);
  EXPECT_EQ(sender.max_message_bytes(), 2040U);
  EXPECT_EQ(sender.try_send(std::vector<std::byte>(2041)).error(), std::errc::message_size);
  EXPECT_TRUE(sender.try_send(std::vector<std::byte>(2040)));
}

TEST(RingQueue, ends_when_all_senders_have_left_and_all_was_dealt_with) {
  const ring_queue queue = make_queue();
  auto receiver = ring_queue_receiver::attach(queue, quick).value();
  auto first = std::optional{ring_queue_sender::attach(queue).value()};
  auto second = std::optional{ring_queue_sender::attach(queue).value()};
  send_all(*first, "ab");
  first.reset();
  EXPECT_EQ(next(receiver), "a");  // and has the second in hand
  auto other = ring_queue_receiver::attach(queue, quick).value();
  EXPECT_EQ(other.wait_readable(1ms).error(), std::errc::timed_out);
  second.reset();
  EXPECT_TRUE(would_block(other.next_size().error())) << "what is in hand may come to us";
  EXPECT_EQ(next(receiver), "b");
  EXPECT_EQ(receiver.next_size().error(), errc::closed);
  EXPECT_EQ(other.next_size().error(), errc::closed);
  auto third = std::optional{ring_queue_sender::attach(queue).value()};
  EXPECT_TRUE(would_block(other.next_size().error()));
}

TEST(RingQueue, a_killed_sender_is_told_once_and_all_receivers_gone_is_a_broken_pipe) {
  const ring_queue queue = make_queue();
  auto sender = ring_queue_sender::attach(queue).value();
  EXPECT_TRUE(sender.try_send(bytes_of("kept until somebody comes")));
  EXPECT_EQ(sender.peer().value(), ring_presence::nobody);
  auto receiver = std::optional{ring_queue_receiver::attach(queue, quick).value()};
  auto another = std::optional{ring_queue_receiver::attach(queue, quick).value()};
  next(*receiver);
  receiver.reset();
  EXPECT_TRUE(sender.try_send({}));
  EXPECT_EQ(next(*another), "");
  another.reset();
  EXPECT_EQ(sender.try_send({}).error(), std::errc::broken_pipe);
  EXPECT_EQ(sender.peer().value(), ring_presence::left);
  receiver.emplace(ring_queue_receiver::attach(queue, quick).value());
  EXPECT_TRUE(sender.try_send(bytes_of("x")));
  EXPECT_EQ(next(*receiver), "x");
  { const auto gone = std::move(sender); }
  EXPECT_EQ(receiver->next_size().error(), errc::closed);
  const rendezvous there;
  child killed{[&] {
    auto mine = ring_queue_sender::attach(queue).value();
    send_all(mine, "y");
    there.arrive();
    for (;;) ::pause();
  }};
  there.wait();
  killed.kill();
  EXPECT_EQ(next(*receiver), "y");
  std::byte one{};
  EXPECT_EQ(receiver->receive({&one, 1}).error(), std::errc::connection_reset);
  EXPECT_EQ(receiver->receive({&one, 1}).error(), errc::closed);
}

TEST(RingQueue, says_what_it_does_when_full_and_wakes_a_blocked_sender) {
  // F47
  for (const ring_full policy : {ring_full::block, ring_full::fail, ring_full::drop_newest}) {
    const ring_queue queue = make_queue({.when_full = policy});
    auto sender = ring_queue_sender::attach(queue).value();
    auto receiver = ring_queue_receiver::attach(queue).value();
    const std::vector<std::byte> message(900);
    result<void> outcome;
    while (outcome && sender.counters().dropped == 0) outcome = sender.try_send(message);
    EXPECT_EQ(sender.counters().sent, 4U);
    if (policy == ring_full::block) {
      EXPECT_EQ(sender.send(message, 1ms).error(), std::errc::timed_out);
    } else if (policy == ring_full::fail) {
      EXPECT_EQ(outcome.error(), std::errc::no_buffer_space);
    } else {
      EXPECT_EQ(receiver.counters().dropped, 1U);
    }
    const pid_t us = test::this_thread_id();
    child frees{[&] {
      auto mine = ring_queue_receiver::attach(queue).value();
      if (policy == ring_full::block) test::wait_until_asleep(us);
      static_cast<void>(mine.try_peek().value());
    }};
    if (policy != ring_full::block) frees.wait_success();
    EXPECT_TRUE(sender.send(message, deadline{patience}));
    EXPECT_EQ(sender.counters().sent, 5U);
    if (policy == ring_full::block) frees.wait_success();
  }
}

TEST(RingQueue, every_sleeper_gets_its_message_without_the_cap) {
  // A batch wakes one; who takes and leaves something wakes the next.
  const ring_queue queue = make_queue();
  auto sender = ring_queue_sender::attach(queue).value();
  const shared_array got{3};
  std::vector<std::unique_ptr<child>> workers;
  for (std::size_t i = 0; i < 3; ++i) {
    workers.push_back(std::make_unique<child>([&queue, &got, i] {
      auto receiver = ring_queue_receiver::attach(
                          queue, {.wait = {.spin = 0ns, .longest_sleep = std::chrono::hours{1}},
                                  .take_at_most = 1})
                          .value();
      while (next(receiver).size() == 1) got[i] += 1;
    }));
  }
  for (int round = 0; round < 20; ++round) {
    for (const auto& worker : workers) test::wait_until_asleep(worker->id());
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(sender.try_stage(bytes_of("x")));
    sender.publish();
    while (queue.counters().received < 3U * static_cast<unsigned>(round + 1)) ::usleep(100);
  }
  EXPECT_EQ(got[0] + got[1] + got[2], 60U);
  { const auto gone = std::move(sender); }
  for (const auto& worker : workers) worker->wait_success();
}

TEST(RingQueue, who_takes_one_of_two_wakes_another_for_the_rest) {
  const ring_queue queue = make_queue();
  auto sender = ring_queue_sender::attach(queue).value();
  const shared_array got{3};
  std::vector<std::unique_ptr<child>> workers;
  for (std::size_t i = 0; i < 2; ++i) {
    workers.push_back(std::make_unique<child>([&queue, &got, i] {
      auto receiver = ring_queue_receiver::attach(
                          queue, {.wait = {.spin = 0ns, .longest_sleep = std::chrono::hours{1}},
                                  .take_at_most = 1})
                          .value();
      EXPECT_TRUE(receive_message(receiver));  // without a deadline, at which it would look again
      got[i] += 1;
      while (got[2] == 0) ::usleep(100);  // it is busy with that one, and takes no other
    }));
    test::wait_until_asleep(workers.back()->id());
  }
  for (const auto& worker : workers) test::wait_until_asleep(worker->id());
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(sender.try_stage(bytes_of("x")));
  sender.publish();
  while (got[0] + got[1] < 2) ::usleep(100);
  got[2] += 1;
  for (const auto& worker : workers) worker->wait_success();
}

TEST(RingQueue, an_inherited_end_refuses_and_the_child_attaches_anew) {
  // F16
  const ring_queue queue = make_queue();
  auto sender = ring_queue_sender::attach(queue).value();
  auto receiver = ring_queue_receiver::attach(queue).value();
  send_all(sender, "ab");
  auto view = std::optional{receiver.try_peek().value()};
  child other{[&] {
    view.reset();  // has no effect here
    EXPECT_EQ(sender.try_send({}).error(), std::errc::operation_not_permitted);
    EXPECT_EQ(sender.wait_writable(1s).error(), std::errc::operation_not_permitted);
    EXPECT_EQ(receiver.next_size().error(), std::errc::operation_not_permitted);
    EXPECT_EQ(receiver.wait_readable(1s).error(), std::errc::operation_not_permitted);
    ASSERT_TRUE(sender.attach());
    ASSERT_TRUE(receiver.attach());
    send_all(sender, "c");
    EXPECT_EQ(next(receiver), "c");
  }};
  other.wait_success();
  view.reset();
  EXPECT_EQ(next(receiver), "b");
}

TEST(RingQueue, makes_no_system_call_for_a_message_while_nobody_sleeps) {
  test::expect_no_system_calls([] {
    const ring_queue queue = make_queue();
    auto ends = std::make_shared<std::pair<ring_queue_sender, ring_queue_receiver>>(
        ring_queue_sender::attach(queue).value(), ring_queue_receiver::attach(queue).value());
    return [ends] {
      std::byte buffer[100] = {};
      bool good = true;
      for (int i = 0; i < 1000; ++i) {
        good &= ends->first.send(buffer).has_value();
        good &= ends->second.receive(buffer).has_value();
        good &= !ends->second.try_peek().has_value();
      }
      return good;
    };
  });
}

TEST(RingQueue, a_named_one_keeps_messages_and_ranges_for_successors) {
  // F21
  child gone{[] {
    auto queue = ring_queue::create("jobs", {.capacity_bytes = 4096}).value();
    auto sender = ring_queue_sender::open("jobs").value();
    auto receiver = ring_queue_receiver::open("jobs").value();
    send_all(sender, "abc");
    EXPECT_EQ(next(receiver), "a");
    ::raise(SIGKILL);
  }};
  static_cast<void>(gone.wait());
  auto queue = ring_queue::open_or_create("jobs", {.capacity_bytes = 4096}).value();
  EXPECT_EQ(ring_queue::open_or_create("jobs").error(), errc::incompatible);
  auto receiver = ring_queue_receiver::open("jobs", quick).value();
  EXPECT_EQ(next(receiver, 2), "bc");
  EXPECT_EQ(receiver.wait_readable(1ms).error(), std::errc::timed_out);  // others may come
  auto sender = ring_queue_sender::open("jobs").value();
  send_all(sender, "d");
  EXPECT_EQ(next(receiver), "d");
  EXPECT_EQ(queue.counters().received, 4U);
  EXPECT_FALSE(ring_channel::open("jobs"));
}

}  // namespace
}  // namespace sluice
