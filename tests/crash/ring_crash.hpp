#pragma once
// What the crash tests of ring_channel have in common: a ring that is made anew for each victim,
// and the oracle that looks at it with fresh ends.

#include <gtest/gtest.h>

#include <optional>
#include <sluice/channel/ring_channel.hpp>
#include <string>
#include <vector>

#include "crash/ring_oracle.hpp"
#include "support/child.hpp"
#include "support/shared_array.hpp"
#include "support/traced_child.hpp"

namespace sluice::test {

class RingVictims : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const char* reason = reason_not_to_trace(); *reason != '\0') GTEST_SKIP() << reason;
    // Each function once in the tracer, so that no victim steps through the dynamic linker.
    make();
    sender_.emplace(ring_sender::attach(*ring_).value());
    receiver_.emplace(ring_receiver::attach(*ring_).value());
    send(0, 3, 900);
    EXPECT_EQ(receive_next(), 0U);
    leave();
  }

  void make(std::size_t capacity = 4096,
            ring_departure departure = ring_departure::await_successor) {
    leave();
    ring_.emplace(
        ring_channel::create_anonymous({.capacity_bytes = capacity, .departure = departure})
            .value());
  }
  void leave() {
    sender_.reset();
    receiver_.reset();
  }
  void attach() {
    sender_.emplace(ring_sender::attach(*ring_).value());
    receiver_.emplace(ring_receiver::attach(*ring_).value());
  }
  void send(std::uint64_t first, std::uint64_t count, std::size_t size) {
    for (std::uint64_t n = first; n < first + count; ++n) {
      auto sent = sender_->try_send(numbered(n, size));
      EXPECT_TRUE(sent) << sent.error().message();
    }
  }
  /// The next message's number; nothing when there is none.
  std::optional<std::uint64_t> receive_next() {
    auto view = receiver_->try_peek();
    if (!view) {
      EXPECT_TRUE(would_block(view.error())) << view.error().message();
      return std::nullopt;
    }
    const std::uint64_t number = number_of(view->bytes());
    EXPECT_NE(number, no_number) << "a message is torn";
    return number;
  }
  void pass(std::uint64_t count, std::size_t size) {
    for (std::uint64_t n = 0; n < count; ++n) {
      send(n, 1, size);
      EXPECT_EQ(receive_next(), n);
    }
  }
  /// All that can be received, which must be the numbers from `next` on; the one behind the last.
  std::uint64_t drain(std::uint64_t next) {
    while (const auto number = receive_next()) EXPECT_EQ(*number, next++);
    return next;
  }
  /// A successor in both roles goes on with `next`, through three laps and with all sizes.
  void expect_goes_on(std::uint64_t next) {
    attach();
    const std::uint64_t capacity = ring_->memory().shape().capacity_bytes;
    for (std::uint64_t sent = 0; sent < 3 * capacity; ++next) {
      const std::size_t size = 8 + (next * 337) % (sender_->max_message_bytes() - 8);
      send(next, 1, size);
      EXPECT_EQ(receive_next(), next);
      sent += size;
      if (HasFailure()) break;
    }
    leave();
  }

  [[nodiscard]] const_bytes image() const { return image_of(ring_->memory()); }
  [[nodiscard]] ring::participant_slot& slot(std::uint32_t index) const {
    return ring_->memory().slot(index);
  }
  static constexpr std::uint32_t of_sender = 0;
  static constexpr std::uint32_t of_receiver = 1;
  static void lay_down(ring::participant_slot& sleeper) {
    sleeper.resting.store(static_cast<std::uint32_t>(ring::rest::parked));
  }

  // In the tracer: the oracle's. In a victim: its own.
  std::optional<ring_channel> ring_;
  std::optional<ring_sender> sender_;
  std::optional<ring_receiver> receiver_;
};

}  // namespace sluice::test
