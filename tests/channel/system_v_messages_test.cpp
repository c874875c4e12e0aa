// Messages, types and limits of System V queues; what all channels promise is in the conformance
// suites.

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <limits>
#include <sluice/channel/system_v_queue_receiver.hpp>
#include <sluice/channel/system_v_queue_sender.hpp>
#include <string>
#include <thread>
#include <vector>

#include "channel/system_v_fixture.hpp"
#include "support/asleep.hpp"
#include "support/child.hpp"
#include "support/signal_storm.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

class SystemVMessages : public ::testing::Test {
 protected:
  void send(const std::string& text, long type) {
    auto sent = sender.try_send(bytes_of(text), type);
    ASSERT_TRUE(sent) << sent.error().message();
  }
  std::string take(message_selection which = message_selection::any()) {
    auto got = receiver.try_receive(buffer, which);
    if (!got) return would_block(got.error()) ? "nothing" : got.error().message();
    return std::string{text_of(const_bytes{buffer}.first(*got))};
  }
  [[nodiscard]] std::size_t in_queue() const { return queue.status().value().messages; }

  system_v_queue queue = system_v_queue::create_private().value();
  system_v_queue_sender sender = system_v_queue_sender::over(queue).value();
  system_v_queue_receiver receiver = system_v_queue_receiver::over(queue).value();
  std::array<std::byte, 100> buffer{};
};

TEST_F(SystemVMessages, are_received_in_four_ways_by_type) {
  const auto fill = [this] {
    send("five", 5);
    send("two", 2);
    send("nine", 9);
    send("two again", 2);
  };
  fill();
  EXPECT_EQ(take(), "five");
  EXPECT_EQ(receiver.last_type(), 5);
  EXPECT_EQ(take(), "two");
  EXPECT_EQ(take(), "nine");
  EXPECT_EQ(take(), "two again");
  EXPECT_EQ(take(), "nothing");

  fill();
  EXPECT_EQ(take(message_selection::exactly(2)), "two");
  EXPECT_EQ(receiver.last_type(), 2);
  EXPECT_EQ(take(message_selection::exactly(2)), "two again");
  EXPECT_EQ(take(message_selection::exactly(2)), "nothing");
  EXPECT_EQ(take(message_selection::exactly(3)), "nothing");

  EXPECT_EQ(take(message_selection::lowest_up_to(4)), "nothing");
  fill();  // five nine five two nine two
  EXPECT_EQ(take(message_selection::lowest_up_to(5)), "two");
  EXPECT_EQ(take(message_selection::lowest_up_to(5)), "two again");
  EXPECT_EQ(take(message_selection::lowest_up_to(100)), "five");
  EXPECT_EQ(take(message_selection::lowest_up_to(std::numeric_limits<long>::max())), "five");

  EXPECT_EQ(take(message_selection::all_except(9)), "nothing");
  send("one", 1);
  EXPECT_EQ(take(message_selection::all_except(9)), "one");
  EXPECT_EQ(take(message_selection::all_except(1)), "nine");
  EXPECT_EQ(take(message_selection::all_except(1)), "nine");
  EXPECT_EQ(in_queue(), 0U);
}

TEST_F(SystemVMessages, wait_for_their_type_while_others_lie_there) {
  send("other", 1);
  EXPECT_EQ(receiver.receive(buffer, message_selection::exactly(7), 20ms).error(),
            std::errc::timed_out);
  for (const deadline until : {deadline::never(), deadline{patience}}) {
    child later{[this, parent = this_thread_id()] {
      wait_until_asleep(parent);
      send("wanted", 7);
    }};
    EXPECT_EQ(receiver.receive(buffer, message_selection::exactly(7), until).value(), 6U);
    EXPECT_EQ(receiver.last_type(), 7);
    later.wait_success();
  }
  EXPECT_EQ(take(), "other");
}

// H16: a type out of range would mean something else to the kernel, or be refused by it.
TEST_F(SystemVMessages, with_types_out_of_range_are_refused_before_the_call) {
  for (const long type : {0L, -1L, std::numeric_limits<long>::min()}) {
    EXPECT_EQ(sender.try_send(bytes_of("x"), type).error(), std::errc::invalid_argument);
    EXPECT_EQ(sender.send(bytes_of("x"), type).error(), std::errc::invalid_argument);
    for (const auto which :
         {message_selection::exactly(type), message_selection::lowest_up_to(type),
          message_selection::all_except(type)}) {
      EXPECT_EQ(receiver.try_receive(buffer, which).error(), std::errc::invalid_argument);
      EXPECT_EQ(receiver.receive(buffer, which).error(), std::errc::invalid_argument);
    }
  }
  EXPECT_EQ(in_queue(), 0U);
  send("largest", std::numeric_limits<long>::max());
  EXPECT_EQ(take(message_selection::exactly(std::numeric_limits<long>::max())), "largest");
}

TEST_F(SystemVMessages, stay_in_the_queue_when_the_buffer_is_too_small) {
  send("long enough", 3);
  const mutable_bytes small = mutable_bytes{buffer}.first(5);
  EXPECT_EQ(receiver.try_receive(small).error(), std::errc::no_buffer_space);
  EXPECT_EQ(receiver.try_receive(small, message_selection::exactly(3)).error(),
            std::errc::no_buffer_space);
  EXPECT_EQ(receiver.receive(small).error(), std::errc::no_buffer_space);
  EXPECT_EQ(in_queue(), 1U);
  // Asking for the size takes it out; it comes next, to whatever selection takes it.
  EXPECT_EQ(receiver.next_size().value(), 11U);
  EXPECT_EQ(in_queue(), 0U);
  EXPECT_EQ(receiver.try_receive(small).error(), std::errc::no_buffer_space);
  EXPECT_EQ(take(message_selection::all_except(3)), "nothing");
  EXPECT_EQ(take(message_selection::exactly(3)), "long enough");
  EXPECT_EQ(receiver.last_type(), 3);
}

TEST_F(SystemVMessages, that_are_kept_give_way_to_lower_types_and_stay_the_oldest) {
  send("five", 5);
  EXPECT_EQ(text_of(receiver.try_peek().value()), "five");
  EXPECT_EQ(receiver.last_type(), 5);
  send("five again", 5);
  send("two", 2);
  EXPECT_EQ(take(message_selection::lowest_up_to(9)), "two");
  EXPECT_EQ(take(message_selection::exactly(2)), "nothing");
  EXPECT_EQ(receiver.next_size().value(), 4U);
  EXPECT_EQ(take(message_selection::lowest_up_to(9)), "five");
  EXPECT_EQ(text_of(receiver.try_peek().value()), "five again");
  receiver.release();
  EXPECT_TRUE(would_block(receiver.try_peek().error()));
  receiver.release();
}

TEST_F(SystemVMessages, that_are_kept_belong_to_one_process) {
  send("mine", 1);
  EXPECT_EQ(receiver.next_size().value(), 4U);
  child copy{[this] { EXPECT_EQ(take(), "nothing"); }};
  copy.wait_success();
  EXPECT_EQ(take(), "mine");
}

TEST_F(SystemVMessages, stay_in_the_queue_while_somebody_waits_for_them) {
  for (const deadline until : {deadline::never(), deadline{patience}}) {
    child later{[this, parent = this_thread_id()] {
      wait_until_asleep(parent);
      send("some", 4);
    }};
    EXPECT_TRUE(receiver.wait_readable(until));
    EXPECT_EQ(in_queue(), 1U);
    EXPECT_EQ(take(), "some");
    later.wait_success();
  }
  // Without bytes the kernel hands it out; it is kept, with its type.
  child later{[this, parent = this_thread_id()] {
    wait_until_asleep(parent);
    send("", 4);
  }};
  EXPECT_TRUE(receiver.wait_readable(deadline::never()));
  EXPECT_TRUE(receiver.wait_readable(deadline::now()));
  EXPECT_EQ(take(message_selection::exactly(4)), "");
  later.wait_success();
  EXPECT_EQ(take(), "nothing");
}

// F27: whoever waits in the kernel, or looks again from time to time, is woken.
TEST_F(SystemVMessages, that_will_never_come_are_told_of_by_the_removal) {
  const auto wait_in = [](auto wait) {
    system_v_queue fresh = system_v_queue::create_private().value();
    child waiting{[&] { wait(fresh); }};
    wait_until_asleep(waiting.id());
    EXPECT_TRUE(fresh.unlink());
    waiting.wait_success();
  };
  for (const deadline until : {deadline::never(), deadline{patience}}) {
    wait_in([&](const system_v_queue& fresh) {
      auto mine = system_v_queue_receiver::over(fresh).value();
      EXPECT_EQ(mine.receive(buffer, until).error(), errc::removed);
    });
    wait_in([&](const system_v_queue& fresh) {
      auto mine = system_v_queue_receiver::over(fresh).value();
      EXPECT_EQ(mine.receive(buffer, message_selection::exactly(2), until).error(), errc::removed);
    });
    wait_in([&](const system_v_queue& fresh) {
      auto mine = system_v_queue_receiver::over(fresh).value();
      EXPECT_TRUE(mine.wait_readable(until));
      EXPECT_EQ(mine.next_size().error(), errc::removed);
    });
    wait_in([&](const system_v_queue& fresh) {
      auto mine = system_v_queue_sender::over(fresh).value();
      const std::vector<std::byte> large(mine.max_message_bytes());
      while (mine.try_send(large)) {
      }
      EXPECT_EQ(mine.send(large, 1, until).error(), errc::removed);
    });
  }
}

// F24
TEST_F(SystemVMessages, are_waited_for_through_any_number_of_interruptions) {
  const signal_storm storm;
  const auto before = deadline::clock::now();
  EXPECT_EQ(receiver.receive(buffer, message_selection::exactly(3), 50ms).error(),
            std::errc::timed_out);
  EXPECT_GE(deadline::clock::now() - before, 50ms);
  child later{[this, parent = this_thread_id()] {
    const deadline enough{20ms};  // of the storm, while the parent waits
    while (!enough.has_passed()) wait_until_asleep(parent);
    send("at last", 3);
  }};
  EXPECT_EQ(receiver.receive(buffer, message_selection::exactly(3)).value(), 7U);
  later.wait_success();
  EXPECT_GT(signal_storm::strikes(), 0);
}

TEST_F(SystemVMessages, larger_than_the_queue_are_refused_also_when_it_shrinks) {
  ASSERT_TRUE(queue.set({.capacity_bytes = 50}));
  const std::string large(60, 'x');
  for (const deadline until : {deadline::never(), deadline::now(), deadline{patience}}) {
    system_v_queue_sender fresh = system_v_queue_sender::over(queue).value();
    EXPECT_EQ(fresh.max_message_bytes(), 50U);
    EXPECT_EQ(fresh.send(bytes_of(large), until).error(), std::errc::message_size);
    // This one learnt the capacity before it shrank.
    system_v_queue_sender older = system_v_queue_sender::over(queue).value();
    ASSERT_TRUE(queue.set({.capacity_bytes = 40}));
    if (until != deadline::now()) {
      EXPECT_EQ(older.send(bytes_of(std::string(45, 'x')), until).error(), std::errc::message_size);
    }
    ASSERT_TRUE(queue.set({.capacity_bytes = 50}));
  }
  ASSERT_TRUE(queue.set({.capacity_bytes = 100}));
  EXPECT_TRUE(sender.try_send(bytes_of(large)));
}

// --- F29: limits are named, with their values, and nothing is truncated -------------------------

std::string explained(const error& reason) {
  return system_v_queue_limits::now().value().explain(reason);
}

TEST(SystemVLimits, are_those_that_the_kernel_has) {
  const auto limits = system_v_queue_limits::now().value();
  const auto sysctl = [](const char* name) {
    std::size_t value = 0;
    std::ifstream{std::string{"/proc/sys/kernel/"} + name} >> value;
    return value;
  };
  EXPECT_EQ(limits.message_bytes, sysctl("msgmax"));
  EXPECT_EQ(limits.queue_bytes, sysctl("msgmnb"));
  EXPECT_EQ(limits.queues, sysctl("msgmni"));
  const auto made = system_v_queue::create_private().value();
  EXPECT_GT(system_v_queue_limits::now().value().queues_in_use, 0U);
  EXPECT_EQ(made.status().value().capacity_bytes, limits.queue_bytes);
  const error other{std::errc::timed_out, "poll"};
  EXPECT_EQ(limits.explain(other), other.message());
}

TEST(SystemVLimits, of_queues_is_named_with_its_value) {
  if (!has_own_ipc()) GTEST_SKIP() << needs_own_ipc;
  const auto one = system_v_queue::create_private().value();
  const changed_sysctl few{"kernel/msgmni", 2};
  const auto two = system_v_queue::create("ticks").value();
  for (const auto& beyond : {system_v_queue::create_private(), system_v_queue::create("tocks"),
                             system_v_queue::create(system_v_name::key(unique_key()))}) {
    ASSERT_FALSE(beyond);
    EXPECT_EQ(beyond.error(), std::errc::no_space_on_device);
    EXPECT_NE(explained(beyond.error()).find("kernel.msgmni = 2, 2 in use"), std::string::npos)
        << explained(beyond.error());
  }
}

TEST(SystemVLimits, of_messages_is_named_with_its_value_and_followed_when_it_changes) {
  if (!has_own_ipc()) GTEST_SKIP() << needs_own_ipc;
  changed_sysctl limit{"kernel/msgmax", 100};
  auto queue = system_v_queue::create_private().value();
  auto sender = system_v_queue_sender::over(queue).value();
  auto receiver = system_v_queue_receiver::over(queue).value();
  EXPECT_EQ(sender.max_message_bytes(), 100U);
  auto beyond = sender.try_send(bytes_of(std::string(101, 'x')));
  EXPECT_EQ(beyond.error(), std::errc::message_size);
  EXPECT_NE(explained(beyond.error()).find("kernel.msgmax = 100"), std::string::npos);
  limit.write(5000);
  ASSERT_TRUE(sender.try_send(bytes_of(std::string(4000, 'y'))));
  EXPECT_EQ(sender.max_message_bytes(), 5000U);
  // The receiver grows with what comes.
  std::string got(6000, ' ');
  EXPECT_EQ(receiver.try_receive(std::as_writable_bytes(std::span{got})).value(), 4000U);
  EXPECT_EQ(got.substr(0, 4001), std::string(4000, 'y') + " ");
  ASSERT_TRUE(sender.try_send(bytes_of(std::string(5000, 'z'))));
  limit.write(100);
  EXPECT_EQ(sender.try_send(bytes_of(std::string(200, 'x'))).error(), std::errc::message_size);
  auto later = system_v_queue_receiver::over(queue).value();
  EXPECT_EQ(later.next_size().value(), 5000U);
  EXPECT_EQ(later.try_receive(std::as_writable_bytes(std::span{got})).value(), 5000U);
  EXPECT_EQ(got.substr(0, 5000), std::string(5000, 'z'));
}

TEST(SystemVLimits, of_a_queue_is_named_when_it_is_full) {
  if (!has_own_ipc()) GTEST_SKIP() << needs_own_ipc;
  const changed_sysctl small{"kernel/msgmnb", 300};
  auto queue = system_v_queue::create_private().value();
  auto sender = system_v_queue_sender::over(queue).value();
  while (sender.try_send(bytes_of(std::string(100, 'x')))) {
  }
  EXPECT_EQ(queue.status().value().bytes, 300U);
  auto full = sender.try_send(bytes_of("x"));
  EXPECT_TRUE(would_block(full.error()));
  EXPECT_NE(explained(full.error()).find("kernel.msgmnb = 300"), std::string::npos);
  // Messages without bytes count as well: not more of them than the capacity has bytes.
  auto counted = system_v_queue::create_private({.capacity_bytes = 3}).value();
  auto counting = system_v_queue_sender::over(counted).value();
  for (int count = 0; count < 3; ++count) EXPECT_TRUE(counting.try_send({}));
  EXPECT_TRUE(would_block(counting.try_send({}).error()));
  EXPECT_EQ(counting.wait_writable(deadline::now()).error(), std::errc::timed_out);
}

}  // namespace
}  // namespace sluice::test
