// F12, H9: a peer that lives and makes no progress can be asked for, and nothing is done about it.

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/channel/ring_publisher.hpp>
#include <sluice/channel/ring_queue.hpp>
#include <sluice/channel/ring_subscriber.hpp>
#include <string>
#include <thread>
#include <vector>

#include "support/child.hpp"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::child;
using test::patience;
using test::rendezvous;

// Time passes between two questions, however slow the machine is.
template <class End>
bool has_stalled(End& end) {
  static_cast<void>(end.is_stalled(1ms).value());
  std::this_thread::sleep_for(2ms);
  return end.is_stalled(1ms).value();
}

struct channel_case {
  using ring = ring_channel;
  using sender = ring_sender;
  using receiver = ring_receiver;
};
struct queue_case {
  using ring = ring_queue;
  using sender = ring_queue_sender;
  using receiver = ring_queue_receiver;
};
struct topic_case {
  using ring = ring_topic;
  using sender = ring_publisher;
  using receiver = ring_subscriber;
};

template <class Case>
class RingStalled : public testing::Test {
 protected:
  typename Case::ring ring = Case::ring::create_anonymous({.capacity_bytes = 4096}).value();
  typename Case::sender sender = Case::sender::attach(ring).value();
};
struct case_names {
  template <class Case>
  static std::string GetName(int) {
    return std::string{channel_traits<typename Case::sender>.mechanism}.substr(5);
  }
};
using cases = testing::Types<channel_case, queue_case, topic_case>;
TYPED_TEST_SUITE(RingStalled, cases, case_names);

// F12
TYPED_TEST(RingStalled, F12_a_stopped_receiver_is_reported_until_it_goes_on) {
  const rendezvous attached;
  const rendezvous received;
  child other{[&] {
    auto receiver = TypeParam::receiver::attach(this->ring).value();
    attached.arrive();
    std::array<std::byte, 8> buffer{};
    for (int message = 0; message < 2; ++message) {
      ASSERT_TRUE(receiver.receive(buffer, deadline{patience}));
      received.arrive();
    }
    ASSERT_TRUE(receiver.receive(buffer, deadline{patience}));
  }};
  attached.wait();
  EXPECT_FALSE(has_stalled(this->sender)) << "there is nothing to do";
  ASSERT_TRUE(this->sender.try_send(bytes_of("first")));
  received.wait();
  other.send_signal(SIGSTOP);
  other.wait_stopped();
  ASSERT_TRUE(this->sender.try_send(bytes_of("second")));
  EXPECT_TRUE(has_stalled(this->sender));
  EXPECT_FALSE(this->sender.is_stalled(1h).value()) << "not for so long";
  other.send_signal(SIGCONT);
  received.wait();
  EXPECT_FALSE(this->sender.is_stalled(0ns).value()) << "it has gone on";
  ASSERT_TRUE(this->sender.try_send(bytes_of("third")));
  other.wait_success();
  EXPECT_FALSE(has_stalled(this->sender)) << "it has left";
}

TYPED_TEST(RingStalled, a_killed_receiver_is_dead_and_not_stalled) {
  const rendezvous attached;
  child other{[&] {
    auto receiver = TypeParam::receiver::attach(this->ring).value();
    attached.arrive();
    ::pause();
  }};
  attached.wait();
  ASSERT_TRUE(this->sender.try_send(bytes_of("message")));
  EXPECT_TRUE(has_stalled(this->sender));
  other.kill();
  EXPECT_FALSE(this->sender.is_stalled(0ns).value());
}

TYPED_TEST(RingStalled, is_refused_in_a_forked_child) {
  child other{
      [&] { EXPECT_EQ(this->sender.is_stalled(1ms).error(), std::errc::operation_not_permitted); }};
  other.wait_success();
}

// H9: what was begun and is not committed is not seen; that nothing comes can be.
TEST(RingStalledSender, H9_that_never_commits_is_reported_and_nothing_is_taken_from_it) {
  const auto ring = ring_channel::create_anonymous({.capacity_bytes = 4096}).value();
  auto receiver = ring_receiver::attach(ring).value();
  const rendezvous begun;
  const rendezvous go_on;
  child other{[&] {
    auto sender = ring_sender::attach(ring).value();
    auto window = sender.try_claim(100).value();
    copy_bytes(bytes_of("late"), window.bytes());
    begun.arrive();
    go_on.wait();
    window.commit(4);
  }};
  begun.wait();
  std::array<std::byte, 100> buffer{};
  EXPECT_TRUE(would_block(receiver.try_receive(buffer).error()));
  EXPECT_TRUE(has_stalled(receiver));
  EXPECT_TRUE(would_block(receiver.try_receive(buffer).error())) << "nothing was done about it";
  go_on.arrive();
  ASSERT_EQ(receiver.receive(buffer, deadline{patience}).value(), 4U);
  EXPECT_FALSE(receiver.is_stalled(0ns).value());
  other.wait_success();
}

// A topic that overwrites waits for nobody.
TEST(RingStalledSubscriber, holds_nobody_up_where_the_oldest_is_overwritten) {
  const auto topic = ring_topic::create_anonymous(
                         {.capacity_bytes = 4096, .when_full = ring_topic_policy::overwrite_oldest})
                         .value();
  auto publisher = ring_publisher::attach(topic).value();
  auto subscriber = ring_subscriber::attach(topic).value();
  for (int message = 0; message < 100; ++message)
    ASSERT_TRUE(publisher.try_send(std::vector<std::byte>(500)));
  EXPECT_FALSE(has_stalled(publisher));
}

}  // namespace
}  // namespace sluice
