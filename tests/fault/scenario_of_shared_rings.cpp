// The scenarios of rings with many users: queues and topics.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <sluice/channel/ring_publisher.hpp>
#include <sluice/channel/ring_queue.hpp>
#include <sluice/channel/ring_subscriber.hpp>
#include <vector>

#include "fault/scenario.hpp"
#include "support/child.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* name = "shared_ring";

struct of_queues {
  using ring = ring_queue;
  using sender = ring_queue_sender;
  using receiver = ring_queue_receiver;
  static inline const ring_queue_options small{
      .capacity_bytes = 4096, .max_senders = 2, .max_receivers = 2};
};
struct of_topics {
  using ring = ring_topic;
  using sender = ring_publisher;
  using receiver = ring_subscriber;
  static inline const ring_topic_options small{
      .capacity_bytes = 4096, .max_publishers = 2, .max_subscribers = 2};
};

template <class End, class Ring>
End attach_sleepy(const Ring& ring) {
  return End::attach(ring, {.wait = {.spin = 0ns}}).value();
}

// A message passes, and nobody dead or half attached has a slot.
template <class Of>
void expect_works(const typename Of::ring& ring) {
  std::vector<typename Of::receiver> receivers;
  std::vector<typename Of::sender> senders;
  for (int count = 0; count < 2; ++count) {
    receivers.push_back(Of::receiver::attach(ring).value());
    senders.push_back(Of::sender::attach(ring).value());
  }
  EXPECT_TRUE(senders[1].try_send(bytes_of("message")));
  EXPECT_EQ(receivers[0].next_size().value(), 7U);
}

template <class Of>
void create_named(struck_step& step) {
  auto made = step([] { return Of::ring::create(name, Of::small); });
  if (made) expect_works<Of>(*made);
}

template <class Of>
void create_anonymous(struck_step& step) {
  auto made = step([] { return Of::ring::create_anonymous(Of::small); });
  if (made) expect_works<Of>(*made);
}

template <class Of>
void open_named(struck_step& step) {
  const auto made = Of::ring::create(name, Of::small).value();
  static_cast<void>(step([] { return Of::ring::open(name); }));
  expect_works<Of>(made);
}

template <class Of>
void adopt_handle(struck_step& step) {
  const auto made = Of::ring::create_anonymous(Of::small).value();
  unique_fd fd{::fcntl(made.native_handle(), F_DUPFD_CLOEXEC, 0)};
  static_cast<void>(step([&] { return Of::ring::from_native(std::move(fd)); }));
  expect_works<Of>(made);
}

template <class Of, class End>
void open_end(struck_step& step) {
  const auto ring = Of::ring::create(name, Of::small).value();
  static_cast<void>(step([] { return End::open(name); }));
  expect_works<Of>(ring);
}

template <class Of, class End>
void attach_end(struck_step& step) {
  const auto ring = Of::ring::create_anonymous(Of::small).value();
  static_cast<void>(step([&] { return End::attach(ring); }));
  expect_works<Of>(ring);
}

result<void> unless_in_vain(result<void> waited) {
  if (!waited && waited.error() == std::errc::timed_out) return {};
  return waited;
}

template <class Of>
void wait_for_message(struck_step& step) {
  const auto ring = Of::ring::create_anonymous(Of::small).value();
  auto sender = attach_sleepy<typename Of::sender>(ring);
  auto receiver = attach_sleepy<typename Of::receiver>(ring);
  static_cast<void>(step([&] { return unless_in_vain(receiver.wait_readable(1ms)); }));
  EXPECT_TRUE(sender.try_send(bytes_of("message")));
  EXPECT_EQ(sender.statistics().wake_ups, 0U) << "nobody sleeps any more";
  EXPECT_TRUE(receiver.wait_readable(deadline::never()));
}

template <class Of>
void wait_for_room(struck_step& step) {
  const auto ring = Of::ring::create_anonymous(Of::small).value();
  auto sender = attach_sleepy<typename Of::sender>(ring);
  auto receiver = attach_sleepy<typename Of::receiver>(ring);
  std::vector<std::byte> buffer(500);
  while (sender.try_send(buffer)) continue;
  static_cast<void>(step([&] { return unless_in_vain(sender.wait_writable(1ms)); }));
  while (receiver.try_receive(buffer)) continue;
  EXPECT_TRUE(sender.wait_writable(deadline::never()));
}

template <class Of>
void wait_for_a_peer(struck_step& step) {
  const auto ring = Of::ring::create_anonymous(Of::small).value();
  auto sender = attach_sleepy<typename Of::sender>(ring);
  static_cast<void>(step([&] { return unless_in_vain(sender.wait_for_peer(1ms)); }));
  const auto receiver = Of::receiver::attach(ring).value();
  EXPECT_TRUE(sender.wait_for_peer(deadline::never()));
}

// What a dead receiver had taken is had by the next one, whichever call fails it at first.
void see_to_a_dead_receiver(struck_step& step) {
  const auto queue = ring_queue::create_anonymous(of_queues::small).value();
  auto sender = ring_queue_sender::attach(queue).value();
  for (int count = 0; count < 3; ++count) EXPECT_TRUE(sender.try_send(bytes_of("message")));
  child gone{[&] {
    auto receiver = ring_queue_receiver::attach(queue).value();
    EXPECT_EQ(receiver.next_size().value(), 7U);
    ::kill(::getpid(), SIGKILL);
  }};
  static_cast<void>(gone.wait());
  {
    auto receiver = step([&] { return ring_queue_receiver::attach(queue); });
  }
  auto receiver = ring_queue_receiver::attach(queue).value();
  int received = 0;
  std::vector<std::byte> buffer(7);
  while (receiver.try_receive(buffer) ||
         (receiver.wait_readable(deadline::now()) && receiver.try_receive(buffer)))
    ++received;
  EXPECT_EQ(received, 3);
}

}  // namespace

const std::vector<scenario>& shared_ring_scenarios() {
  static const std::vector<scenario> table{
      {"create_queue_ring", create_named<of_queues>},
      {"create_topic", create_named<of_topics>},
      {"create_anonymous_queue_ring", create_anonymous<of_queues>},
      {"create_anonymous_topic", create_anonymous<of_topics>},
      {"open_queue_ring", open_named<of_queues>},
      {"open_topic", open_named<of_topics>},
      {"adopt_queue_handle", adopt_handle<of_queues>},
      {"adopt_topic_handle", adopt_handle<of_topics>},
      {"open_queue_sender", open_end<of_queues, ring_queue_sender>},
      {"open_queue_receiver", open_end<of_queues, ring_queue_receiver>},
      {"open_publisher", open_end<of_topics, ring_publisher>},
      {"open_subscriber", open_end<of_topics, ring_subscriber>},
      {"attach_queue_sender", attach_end<of_queues, ring_queue_sender>},
      {"attach_queue_receiver", attach_end<of_queues, ring_queue_receiver>},
      {"attach_publisher", attach_end<of_topics, ring_publisher>},
      {"attach_subscriber", attach_end<of_topics, ring_subscriber>},
      {"wait_for_queue_message", wait_for_message<of_queues>},
      {"wait_for_topic_message", wait_for_message<of_topics>},
      {"wait_for_queue_room", wait_for_room<of_queues>},
      {"wait_for_topic_room", wait_for_room<of_topics>},
      {"wait_for_queue_peer", wait_for_a_peer<of_queues>},
      {"wait_for_topic_peer", wait_for_a_peer<of_topics>},
      {"see_to_a_dead_queue_receiver", see_to_a_dead_receiver},
  };
  return table;
}

}  // namespace sluice::test
