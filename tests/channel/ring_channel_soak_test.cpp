// Messages of many sizes between a sender and a receiver that are killed at random, and whose
// successors go on: whole, in order, none lost, and after the death of a receiver one at most
// twice.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <sluice/channel/ring_channel.hpp>
#include <thread>

#include "support/child.hpp"
#include "support/history.hpp"
#include "support/shared_array.hpp"
#include "support/watchdog.hpp"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::child;

// $SLUICE_SOAK_MESSAGES makes it long.
std::uint64_t soak_messages() {
  const char* text = std::getenv("SLUICE_SOAK_MESSAGES");  // NOLINT(concurrency-mt-unsafe)
  return text == nullptr ? 50'000 : std::strtoull(text, nullptr, 10);
}

const ring_end_options naps{.wait = {.longest_sleep = 20ms}};

class channel_soak {
 public:
  void run(std::uint64_t count) {
    count_ = count;
    auto sender = start_sender();
    auto receiver = start_receiver();
    std::minstd_rand random{7};
    while (next() < count_) {
      std::this_thread::sleep_for(std::chrono::milliseconds{1 + random() % 40});
      if (next() >= count_) break;
      // Who was done a moment ago is started once more, and finds nothing to do.
      if (random() % 2 == 0) {
        sender->kill();
        sender = start_sender();
      } else {
        receiver->kill();
        receiver = start_receiver();
      }
      ++kills_;
    }
    sender->wait_success();
    receiver->wait_success();
  }
  void judge() const {
    EXPECT_EQ(wrong_[0].load(), 0U) << "messages torn, lost, invented, or twice without a death";
    EXPECT_EQ(next(), count_);
    EXPECT_EQ(ring_.counters().sent, count_);
    EXPECT_EQ(ring_.counters().received, count_);
    EXPECT_LE(repeated_[0].load(), kills_);
    std::printf("%lu messages, %lu kills, %lu messages came again\n", count_, kills_,
                repeated_[0].load());
  }

 private:
  [[nodiscard]] std::uint64_t next() const { return next_[0].load(); }

  [[nodiscard]] std::unique_ptr<child> start_sender() {
    return std::make_unique<child>([this] {
      auto sender = ring_sender::attach(ring_, naps).value();
      for (std::uint64_t n = sender.counters().sent; n < count_; ++n) {
        const auto size = test::size_of_message(0, n, test::min_message_bytes, 700);
        ASSERT_TRUE(sender.send(test::make_message(0, n, size)));
        if (n % 4096 == 0) std::this_thread::sleep_for(1ms);  // so that the other one sleeps
      }
    });
  }
  [[nodiscard]] std::unique_ptr<child> start_receiver() {
    return std::make_unique<child>([this] {
      auto receiver = ring_receiver::attach(ring_, naps).value();
      bool is_first = true;
      while (receiver.counters().received < count_) {
        ASSERT_TRUE(receiver.wait_readable(deadline::never()));
        for (auto& view : receiver.drain()) {
          test::message_label label;
          copy_bytes(view.bytes().first(sizeof label), writable_bytes_of(label));
          const std::uint64_t wanted = next();
          const bool is_repeated = is_first && label.sequence + 1 == wanted;
          const auto same = test::make_message(0, label.sequence, view.bytes().size());
          const bool is_whole = std::equal(same.begin(), same.end(), view.bytes().begin());
          if (!is_whole || (label.sequence != wanted && !is_repeated)) wrong_[0].fetch_add(1);
          if (is_repeated) repeated_[0].fetch_add(1);
          is_first = false;
          next_[0].store(label.sequence + 1);
          if (label.sequence % 5000 == 0) std::this_thread::sleep_for(1ms);
        }
      }
    });
  }

  ring_channel ring_ = ring_channel::create_anonymous(
                           {.capacity_bytes = 16384, .departure = ring_departure::await_successor})
                           .value();
  test::shared_array next_{1};  // the number of the message that must come next
  test::shared_array wrong_{1};
  test::shared_array repeated_{1};
  std::uint64_t count_ = 0;
  std::uint64_t kills_ = 0;
};

TEST(RingChannelSoak, killed_at_random_nothing_is_lost_or_torn_and_little_comes_twice) {
  channel_soak soak;
  soak.run(soak_messages() / test::slowness());
  soak.judge();
}

}  // namespace
}  // namespace sluice
