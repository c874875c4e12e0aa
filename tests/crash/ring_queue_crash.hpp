#pragma once
// What the crash tests of ring_queue have in common: a queue that is made anew for each victim, and
// the oracle that looks at it with fresh ends.

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <optional>
#include <sluice/channel/ring_queue.hpp>
#include <string>

#include "crash/ring_oracle.hpp"
#include "support/child.hpp"
#include "support/traced_child.hpp"

namespace sluice::test {

class RingQueueVictims : public ::testing::Test {
 protected:
  static constexpr std::uint32_t max_senders = 2;

  void SetUp() override {
    if (const char* reason = reason_not_to_trace(); *reason != '\0') GTEST_SKIP() << reason;
    // Each function once in the tracer, so that no victim steps through the dynamic linker.
    make();
    attach_sender();
    attach_receiver();
    send(0, 3);
    EXPECT_EQ(drain(0), 3U);
    leave();
  }

  void make(ring_delivery delivery = ring_delivery::at_least_once) {
    leave();
    queue_.emplace(ring_queue::create_anonymous({.capacity_bytes = 4096,
                                                 .max_senders = max_senders,
                                                 .max_receivers = 3,
                                                 .delivery = delivery,
                                                 .departure = ring_departure::await_successor})
                       .value());
  }
  void leave() {
    sender_.reset();
    receiver_.reset();
  }
  void attach_sender() { sender_.emplace(ring_queue_sender::attach(*queue_).value()); }
  void attach_receiver() { receiver_.emplace(ring_queue_receiver::attach(*queue_).value()); }

  void send(std::uint64_t first, std::uint64_t count, std::size_t size = 24) {
    for (std::uint64_t n = first; n < first + count; ++n) {
      auto sent = sender_->try_send(numbered(n, size));
      EXPECT_TRUE(sent) << sent.error().message();
    }
  }
  /// The next message's number; nothing when there is none, also after a look for the dead.
  std::optional<std::uint64_t> receive_next() {
    auto view = receiver_->try_peek();
    if (!view && would_block(view.error()) && receiver_->wait_readable(deadline::now()))
      view = receiver_->try_peek();
    if (!view) {
      EXPECT_TRUE(would_block(view.error())) << view.error().message();
      return std::nullopt;
    }
    const std::uint64_t number = number_of(view->bytes());
    EXPECT_NE(number, no_number) << "a message is torn";
    return number;
  }
  /// All that can be received, which must be the numbers from `next` on; the one behind the last.
  std::uint64_t drain(std::uint64_t next) {
    while (const auto number = receive_next()) EXPECT_EQ(*number, next++);
    return next;
  }
  /// A fresh receiver gets everything from some number up to `end`; that number, `end` if nothing.
  std::uint64_t drain_up_to(std::uint64_t end) {
    attach_receiver();
    const auto first = receive_next();
    if (!first) return end;
    EXPECT_EQ(drain(*first + 1), end);
    return *first;
  }
  /// Successors go on with `next`, through three laps of a lane and with all sizes; nothing is
  /// owed.
  void expect_goes_on(std::uint64_t next) {
    leave();
    attach_sender();
    attach_receiver();
    for (std::uint64_t sent = 0; sent < 3 * 4096 && !HasFailure(); ++next) {
      const std::size_t size = 8 + (next * 337) % (sender_->max_message_bytes() - 8);
      send(next, 1, size);
      EXPECT_EQ(receive_next(), next);
      sent += size;
    }
    leave();
    const ring_queue_counters counted = queue_->counters();
    EXPECT_EQ(counted.sent, counted.received + counted.lost);
    EXPECT_EQ(counted.taken, 0U);
  }

  [[nodiscard]] const_bytes image() const { return image_of(queue_->memory()); }
  /// The first receiver sleeps, as far as the memory tells.
  void lay_receiver_down() {
    queue_->memory()
        .slot(max_senders)
        .resting.store(static_cast<std::uint32_t>(ring::rest::parked));
    ring::queue_view::of(queue_->memory().extra(), max_senders, {}).words->sleepers.store(1);
  }
  /// Somebody takes all that is there, deals with `dealt_with` of it, and dies.
  void die_with_messages(std::uint64_t dealt_with) {
    child gone{[&] {
      attach_receiver();
      for (std::uint64_t n = 0; n < dealt_with; ++n) receive_next();
      static_cast<void>(receiver_->next_size());
      ::kill(::getpid(), SIGKILL);
    }};
    static_cast<void>(gone.wait());
  }

  // In the tracer: the oracle's. In a victim: its own.
  std::optional<ring_queue> queue_;
  std::optional<ring_queue_sender> sender_;
  std::optional<ring_queue_receiver> receiver_;
};

}  // namespace sluice::test
