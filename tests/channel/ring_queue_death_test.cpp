#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <sluice/channel/ring_queue.hpp>
#include <string>
#include <vector>

#include "channel/ring_queue_ends.hpp"
#include "support/asleep.hpp"
#include "support/child.hpp"
#include "support/history.hpp"
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

const ring_queue_end_options quick{.wait = {.longest_sleep = 20ms}};

ring_queue make_queue(ring_queue_options options = {}) {
  options.capacity_bytes = 4096;
  return ring_queue::create_anonymous(options).value();
}

// A process that takes messages, deals with `finished` of them, looks at the next, and stays so.
child worker_with_a_range(const ring_queue& queue, const rendezvous& there, int finished) {
  return child{[&queue, &there, finished] {
    auto receiver = ring_queue_receiver::attach(queue).value();
    for (int i = 0; i < finished; ++i) next(receiver);
    const auto view = receiver.try_peek().value();
    there.arrive();
    for (;;) ::pause();
  }};
}

TEST(RingQueueDeath, a_killed_workers_range_goes_to_another_one) {
  // F5, F6: what it was dealing with comes again, what it had finished does not.
  const ring_queue queue = make_queue();
  auto sender = ring_queue_sender::attach(queue).value();
  send_all(sender, "abcdef");
  const rendezvous there;
  child worker = worker_with_a_range(queue, there, 2);
  there.wait();
  auto receiver = ring_queue_receiver::attach(queue).value();
  EXPECT_TRUE(would_block(receiver.next_size().error()));
  worker.kill();
  EXPECT_EQ(next(receiver, 4), "cdef");
  EXPECT_TRUE(would_block(receiver.next_size().error()));
  EXPECT_EQ(queue.counters().received, 6U);
  EXPECT_EQ(queue.counters().lost, 0U);
}

TEST(RingQueueDeath, who_works_off_a_dead_ones_range_may_be_killed_as_well) {
  // F11. The newcomers get what was left, also in the dead ones' slots.
  const ring_queue queue = make_queue({.max_receivers = 2});
  auto sender = ring_queue_sender::attach(queue).value();
  send_all(sender, "abcdef");
  const rendezvous there;
  child first = worker_with_a_range(queue, there, 1);
  there.wait();
  first.kill();
  child second = worker_with_a_range(queue, there, 2);  // in the slot of the first
  there.wait();
  second.kill();
  const auto other = ring_queue_receiver::attach(queue).value();  // has it in hand
  child third{[&] {
    auto receiver = ring_queue_receiver::attach(queue).value();
    EXPECT_TRUE(would_block(receiver.try_peek().error()));
    there.arrive();
    for (;;) ::pause();
  }};
  there.wait();
  third.kill();
  EXPECT_EQ(queue.counters().taken, 3U);
  auto handed_on = std::move(const_cast<ring_queue_receiver&>(other));
  EXPECT_EQ(next(handed_on, 3), "def");
}

TEST(RingQueueDeath, delivering_at_most_once_it_counts_what_a_killed_worker_had_taken) {
  const ring_queue queue = make_queue({.delivery = ring_delivery::at_most_once});
  auto sender = ring_queue_sender::attach(queue).value();
  send_all(sender, "abcdef");
  const rendezvous there;
  child worker = worker_with_a_range(queue, there, 2);
  there.wait();
  worker.kill();
  auto receiver = ring_queue_receiver::attach(queue).value();
  EXPECT_TRUE(would_block(receiver.next_size().error()));
  EXPECT_EQ(queue.counters().lost, 4U);
  EXPECT_EQ(queue.counters().received, 2U);
  send_all(sender, "g");
  EXPECT_EQ(next(receiver), "g");
  EXPECT_EQ(queue.counters().lost, 4U);
}

TEST(RingQueueDeath, who_leaves_in_order_leaves_its_range_to_the_others) {
  for (const ring_delivery delivery : {ring_delivery::at_least_once, ring_delivery::at_most_once}) {
    const ring_queue queue = make_queue({.delivery = delivery});
    auto sender = ring_queue_sender::attach(queue).value();
    send_all(sender, "abcd");
    auto first = std::optional{ring_queue_receiver::attach(queue).value()};
    EXPECT_EQ(next(*first), "a");
    first.reset();
    auto second = std::optional{ring_queue_receiver::attach(queue).value()};  // in the same slot
    auto receiver = ring_queue_receiver::attach(queue).value();
    EXPECT_EQ(next(*second), "b");
    second.reset();
    EXPECT_TRUE(receiver.wait_readable(deadline{patience}));
    EXPECT_EQ(next(receiver, 2), "cd");
    EXPECT_EQ(queue.counters().lost, 0U);
  }
}

TEST(RingQueueDeath, a_stopped_worker_keeps_its_range_and_nothing_else) {
  // F12
  const ring_queue queue = make_queue();
  auto sender = ring_queue_sender::attach(queue).value();
  send_all(sender, "abc");
  const rendezvous there;
  child worker = worker_with_a_range(queue, there, 1);
  there.wait();
  worker.send_signal(SIGSTOP);
  worker.wait_stopped();
  auto receiver = ring_queue_receiver::attach(queue, quick).value();
  send_all(sender, "de");
  EXPECT_EQ(next(receiver, 2), "de");
  EXPECT_EQ(receiver.wait_readable(50ms).error(), std::errc::timed_out);
  EXPECT_EQ(queue.counters().taken, 2U);
  // Its messages keep their room, and the rest of the lane is used.
  int more = 0;
  while (sender.try_send(std::vector<std::byte>(500))) {
    static_cast<void>(receiver.try_peek().value());
    ++more;
  }
  EXPECT_EQ(more, 7);
  worker.kill();
  EXPECT_EQ(next(receiver, 2), "bc");
  EXPECT_TRUE(sender.try_send(std::vector<std::byte>(500)));
}

TEST(RingQueueDeath, a_sleeping_worker_notices_a_death_and_takes_the_work_over) {
  const ring_queue queue = make_queue();
  auto sender = ring_queue_sender::attach(queue).value();
  send_all(sender, "ab");
  const rendezvous there;
  child worker = worker_with_a_range(queue, there, 0);
  there.wait();
  child other{[&] {
    auto receiver = ring_queue_receiver::attach(queue, quick).value();
    EXPECT_EQ(next(receiver, 2), "ab");
  }};
  test::wait_until_asleep(other.id());
  worker.kill();
  other.wait_success();
}

TEST(RingQueueDeath, a_wake_up_that_was_meant_for_a_dead_sleeper_goes_to_the_next) {
  const ring_queue queue = make_queue();
  auto sender = ring_queue_sender::attach(queue).value();
  const auto sleeps = [&queue] {
    auto receiver =
        ring_queue_receiver::attach(queue, {.wait = {.spin = 0ns, .longest_sleep = 1h}}).value();
    EXPECT_TRUE(receive_message(receiver));  // without a deadline, at which it would look again
  };
  child first{sleeps};
  test::wait_until_asleep(first.id());
  child second{sleeps};
  test::wait_until_asleep(second.id());
  test::wait_until_asleep(first.id());  // the second one's coming woke it
  first.kill();
  send_all(sender, "x");
  second.wait_success();
}

TEST(RingQueueDeath, a_blocked_sender_notices_that_the_last_receiver_died) {
  const ring_queue queue = make_queue();
  const rendezvous there;
  child worker{[&] {
    const auto receiver = ring_queue_receiver::attach(queue).value();
    there.arrive();
    for (;;) ::pause();
  }};
  there.wait();
  auto sender = ring_queue_sender::attach(queue, quick).value();
  while (sender.try_send(std::vector<std::byte>(500))) {
  }
  worker.kill();
  EXPECT_EQ(sender.send(std::vector<std::byte>(500)).error(), std::errc::broken_pipe);
}

// Processes that send and receive and are killed at random; what arrived is judged at the end.
class queue_soak {
 public:
  explicit queue_soak(ring_delivery delivery) : delivery_(delivery) {}

  void run(deadline until) {
    for (int i = 0; i < 2; ++i) senders_.push_back(start_sender());
    for (int i = 0; i < 3; ++i) receivers_.push_back(start_receiver());
    std::mt19937 random{7};
    while (!until.has_passed() && lives_ < most_lives) {
      ::usleep(static_cast<unsigned>(random() % 8000));
      const auto victim = random() % 5;
      if (victim < 2) {
        senders_[victim]->kill();
        senders_[victim] = start_sender();
      } else {
        receivers_[victim - 2]->kill();
        receiver_kills_ += 1;
        receivers_[victim - 2] = start_receiver();
      }
    }
    for (auto& one : senders_) one->kill();
    for (auto& one : receivers_) one->kill();
    receiver_kills_ += 3;
  }

  void judge() {
    auto last = ring_queue_receiver::attach(queue_, quick).value();
    while (last.wait_readable(10ms)) take_one(last);
    std::uint64_t sent = 0, lost = 0, twice = 0;
    for (std::uint32_t life = 0; life < lives_; ++life) {
      const std::uint64_t certain = sent_[life];
      sent += certain;
      for (std::uint64_t sequence = 0; sequence < per_life; ++sequence) {
        const std::uint64_t times = got_[life * per_life + sequence];
        if (sequence > certain) {
          EXPECT_EQ(times, 0U) << "invented";
        }
        if (sequence < certain && times == 0) ++lost;
        if (times > 1) twice += times - 1;
      }
    }
    EXPECT_GT(sent, 100U);
    EXPECT_EQ(torn_[0], 0U);
    const ring_queue_counters counters = queue_.counters();
    EXPECT_EQ(counters.taken, 0U);
    if (delivery_ == ring_delivery::at_least_once) {
      EXPECT_EQ(lost, 0U);
      EXPECT_LE(twice, receiver_kills_) << "what a killed one was just dealing with";
      EXPECT_EQ(counters.received, counters.sent);
    } else {
      EXPECT_EQ(twice, 0U);
      EXPECT_LE(lost, counters.lost);
      // One for each kill was handed out and counts as lost all the same; and a sender killed
      // between its message and its count has sent one that is not certain.
      EXPECT_LE(counters.lost, lost + receiver_kills_ + lives_);
    }
  }

 private:
  static constexpr std::uint32_t most_lives = 4000;
  static constexpr std::uint64_t per_life = 1000;

  std::unique_ptr<child> start_sender() {
    const std::uint32_t life = lives_++;
    return std::make_unique<child>([this, life] {
      auto sender = ring_queue_sender::attach(queue_).value();
      for (std::uint64_t sequence = 0; sequence < per_life; ++sequence) {
        const auto size = test::size_of_message(life, sequence, test::min_message_bytes, 300);
        ASSERT_TRUE(sender.send(test::make_message(life, sequence, size)));
        sent_[life].store(sequence + 1);
      }
      for (;;) ::pause();
    });
  }

  std::unique_ptr<child> start_receiver() {
    return std::make_unique<child>([this] {
      auto receiver = ring_queue_receiver::attach(queue_, quick).value();
      for (;;) {
        ASSERT_TRUE(receiver.wait_readable(deadline::never()));
        take_one(receiver);
      }
    });
  }

  void take_one(ring_queue_receiver& receiver) {
    auto view = receiver.try_peek();
    if (!view) return;
    const const_bytes message = view->bytes();
    test::message_label label;
    if (message.size() >= sizeof label)
      copy_bytes(message.first(sizeof label), writable_bytes_of(label));
    test::history_checker one;
    const bool whole = label.size >= sizeof label && label.sender < most_lives &&
                       label.sequence < per_life && one.check(message) != test::damage::torn;
    if (whole) got_[label.sender * per_life + label.sequence] += 1;
    torn_[0] += whole ? 0 : 1;
  }

  ring_delivery delivery_;
  ring_queue queue_ = ring_queue::create_anonymous({.capacity_bytes = 4096,
                                                    .max_senders = 3,
                                                    .max_receivers = 5,
                                                    .delivery = delivery_,
                                                    .departure = ring_departure::await_successor})
                          .value();
  shared_array sent_{most_lives};
  shared_array got_{most_lives * per_life};
  shared_array torn_{1};
  std::uint32_t lives_ = 0;
  std::uint64_t receiver_kills_ = 0;
  std::vector<std::unique_ptr<child>> senders_;
  std::vector<std::unique_ptr<child>> receivers_;
};

// SLUICE_SOAK_SECONDS makes it longer.
std::chrono::milliseconds soak_time() {
  const char* seconds = std::getenv("SLUICE_SOAK_SECONDS");  // NOLINT(concurrency-mt-unsafe)
  return seconds != nullptr ? std::chrono::seconds{std::atoi(seconds)} : 400ms;
}

TEST(RingQueueDeath, at_random_no_message_is_lost_and_few_come_twice) {
  queue_soak soak{ring_delivery::at_least_once};
  soak.run(deadline{soak_time()});
  soak.judge();
}

TEST(RingQueueDeath, at_random_no_message_comes_twice_and_all_that_are_lost_are_counted) {
  queue_soak soak{ring_delivery::at_most_once};
  soak.run(deadline{soak_time()});
  soak.judge();
}

}  // namespace
}  // namespace sluice
