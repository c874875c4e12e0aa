// Rings where the kernel lacks calls, where signals rain, and where memory is short.

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sluice/channel/ring_channel.hpp>
#include <string>
#include <thread>
#include <vector>

#include "fault/failing_syscall.hpp"
#include "support/asleep.hpp"
#include "support/child.hpp"
#include "support/isolation.hpp"
#include "support/runtime_directory.hpp"
#include "support/signal_storm.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

const ring_channel_options small{.capacity_bytes = 4096};
const ring_end_options sleepy{.wait = {.spin = 0ns, .longest_sleep = 20s}};

bool all_must_fence(const ring_channel& ring) {
  const ring::segment_header& header = ring.memory().header();
  return (header.fences_for_receivers.load() & header.fences_for_senders.load() &
          ring::segment_header::always_fence) != 0;
}

// F48: who has no barrier for all fences, and has the other side fence.
TEST(RingCalls, without_membarrier_both_sides_fence_and_no_sleeper_is_missed) {
  for (const int number : {ENOSYS, EPERM, EINVAL}) {
    const fault_plan plan{{.calls = {SYS_membarrier}, .error_number = number}};
    auto ring = ring_channel::create_anonymous(small).value();
    auto sender = ring_sender::attach(ring, sleepy).value();
    auto receiver = ring_receiver::attach(ring, sleepy).value();
    EXPECT_TRUE(all_must_fence(ring));
    const pid_t us = this_thread_id();
    std::thread other{[&] {
      for (int n = 0; n < 5; ++n) {
        wait_until_asleep(us);
        EXPECT_TRUE(sender.try_send(bytes_of("x")));
      }
    }};
    for (int n = 0; n < 5; ++n) {
      std::byte one{};
      EXPECT_EQ(receiver.receive({&one, 1}, deadline{patience}).value(), 1U);
    }
    other.join();
  }
}

// F48: a receiver that is refused the barrier later than its sender was registered for it.
TEST(RingCalls, losing_membarrier_later_begins_to_fence) {
  auto ring = ring_channel::create_anonymous(small).value();
  auto receiver = ring_receiver::attach(ring, sleepy).value();
  EXPECT_EQ(ring.memory().header().fences_for_receivers.load(), 0U);
  const fault_plan plan{{.calls = {SYS_membarrier}, .error_number = EPERM}};
  EXPECT_EQ(receiver.wait_readable(5ms).error(), std::errc::timed_out);
  EXPECT_TRUE(all_must_fence(ring));
  EXPECT_EQ(plan.calls_of(SYS_membarrier), 1U) << "asked again for what it has not";
}

// A receiver that sleeps for each message has its sender fence, and makes the barrier for both
// once.
TEST(RingCalls, sleeping_for_each_message_makes_one_barrier_until_many_come_at_once) {
  if (!ring::has_fences) GTEST_SKIP() << "this build has no fences to ask for";
  auto ring = ring_channel::create_anonymous({.capacity_bytes = 65536}).value();
  auto sender = ring_sender::attach(ring, sleepy).value();
  auto receiver = ring_receiver::attach(ring, sleepy).value();
  std::byte one{};
  const fault_plan plan;
  const auto sleep = [&] {
    EXPECT_EQ(receiver.wait_readable(1ms).error(), std::errc::timed_out);
    EXPECT_TRUE(sender.try_send(bytes_of("x")));
    EXPECT_TRUE(receiver.try_receive({&one, 1}));
  };
  for (int n = 0; n < 20; ++n) sleep();
  EXPECT_EQ(plan.calls_of(SYS_membarrier), 1U);
  EXPECT_EQ(ring.memory().header().fences_for_receivers.load(), 1U);
  // The sender has no need of it any more, and the receiver must make another one.
  for (std::uint32_t n = 0; n < ring::lookout::most_in_vain; ++n)
    EXPECT_TRUE(sender.try_send(bytes_of("x")));
  EXPECT_EQ(ring.memory().header().fences_for_receivers.load(), 0U);
  while (receiver.try_receive({&one, 1})) continue;
  sleep();
  EXPECT_EQ(plan.calls_of(SYS_membarrier), 2U);
}

// Who comes next does not count on fences that another one asked for.
TEST(RingCalls, successor_of_a_sleeper_makes_a_barrier_of_its_own) {
  if (!ring::has_fences) GTEST_SKIP() << "this build has no fences to ask for";
  auto ring = ring_channel::create_anonymous(small).value();
  ring.memory().header().fences_for_receivers.store(1);  // as somebody leaves it who dies
  auto receiver = ring_receiver::attach(ring, sleepy).value();
  EXPECT_EQ(ring.memory().header().fences_for_receivers.load(), 0U);
  const fault_plan plan;
  EXPECT_EQ(receiver.wait_readable(1ms).error(), std::errc::timed_out);
  EXPECT_EQ(plan.calls_of(SYS_membarrier), 1U);
}

// F48, F41: anonymous memory that cannot be sealed is not handed out.
TEST(RingCalls, without_seals_or_memfd_an_anonymous_ring_is_refused_and_a_named_one_works) {
  for (const long call : {long{SYS_memfd_create}, long{SYS_fcntl}}) {
    {
      const fault_plan plan{{.calls = {call}, .times = 1, .error_number = EINVAL}};
      auto refused = ring_channel::create_anonymous(small);
      ASSERT_FALSE(refused);
      EXPECT_EQ(refused.error(), std::errc::invalid_argument);
    }
    const fault_plan plan{{.calls = {SYS_memfd_create}, .error_number = ENOSYS}};
    auto ring = ring_channel::create("ring", small);
    ASSERT_TRUE(ring);
    EXPECT_TRUE(ring_sender::attach(*ring));
  }
}

// Nor while a poll handle is there: as long as looks find messages nothing is asked of the kernel.
TEST(RingCalls, polled_ends_make_no_system_call_while_messages_keep_coming) {
  auto ring = ring_channel::create_anonymous(small).value();
  auto sender = ring_sender::attach(ring, sleepy).value();
  auto receiver = ring_receiver::attach(ring, sleepy).value();
  ASSERT_TRUE(sender.poll_handle() && receiver.poll_handle());
  ASSERT_TRUE(sender.try_send(bytes_of("rings")));
  const fault_plan plan;
  for (int n = 0; n < 1000; ++n) {
    EXPECT_TRUE(sender.try_send(bytes_of("next")));
    EXPECT_TRUE(receiver.try_peek());
  }
  EXPECT_EQ(plan.calls(), 0U);
}

// F24
TEST(RingCalls, a_storm_of_signals_neither_ends_nor_prolongs_a_wait) {
  auto ring = ring_channel::create_anonymous(small).value();
  auto sender = ring_sender::attach(ring, sleepy).value();
  auto receiver = ring_receiver::attach(ring, sleepy).value();
  std::vector<std::byte> message(1000);
  while (sender.try_send(message)) continue;
  const signal_storm storm;
  const long before = signal_storm::strikes();
  const auto start = deadline::clock::now();
  EXPECT_EQ(sender.wait_writable(30ms).error(), std::errc::timed_out);
  EXPECT_TRUE(ring_channel::create_anonymous(small));
  while (receiver.try_peek()) continue;
  EXPECT_EQ(receiver.wait_readable(30ms).error(), std::errc::timed_out);
  EXPECT_GE(deadline::clock::now() - start, 60ms);
  EXPECT_GT(signal_storm::strikes(), before);
}

/// A file system of 256 KiB, as /dev/shm in a container.
class SmallMemory : public testing::Test {
 protected:
  void SetUp() override {
    if (!has_own_ipc()) GTEST_SKIP() << "needs root, to mount a small file system";
    std::filesystem::create_directory(path_);
    ASSERT_EQ(::mount("small", path_.c_str(), "tmpfs", 0, "size=256k,mode=0700"), 0);
    is_mounted_ = true;
  }
  void TearDown() override {
    if (!is_mounted_) return;
    EXPECT_EQ(::umount(path_.c_str()), 0);
    std::filesystem::remove(path_);
  }
  std::string path_ = private_runtime_directory::current() + "/small";
  bool is_mounted_ = false;
};

// F22
TEST_F(SmallMemory, is_an_error_at_the_creation_of_a_ring_and_nothing_is_left) {
  for (int round = 0; round < 3; ++round) {
    auto made = ring_channel::create(path_ + "/much", {.capacity_bytes = std::size_t{1} << 20});
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error(), std::errc::no_space_on_device);
    EXPECT_NE(*made.error().hint(), '\0');
    EXPECT_TRUE(std::filesystem::is_empty(path_));
  }
  EXPECT_TRUE(ring_channel::create(path_ + "/little", {.capacity_bytes = 65536}));
}

// F23
TEST_F(SmallMemory, that_is_full_later_does_not_concern_a_ring_that_exists) {
  {
    auto ring = ring_channel::create(path_ + "/ring.ring", {.capacity_bytes = 65536}).value();
    {
      std::ofstream rest(path_ + "/rest");
      const std::vector<char> block(4096);
      while (rest.write(block.data(), 4096).flush()) continue;
    }
    EXPECT_EQ(std::filesystem::space(path_).available, 0U);
    auto sender = ring_sender::attach(ring).value();
    auto receiver = ring_receiver::attach(ring).value();
    const std::vector<std::byte> message(30'000, std::byte{1});
    for (int n = 0; n < 10; ++n) {  // several laps: every byte is touched
      EXPECT_TRUE(sender.try_send(message));
      EXPECT_EQ(receiver.try_peek().value().bytes().size(), message.size());
    }
  }
  std::filesystem::remove(path_ + "/rest");
}

}  // namespace
}  // namespace sluice::test
