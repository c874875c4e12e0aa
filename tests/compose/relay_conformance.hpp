#pragma once
// What a relay promises for every channel: into it and out of it.

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <sluice/channel/local_channel.hpp>
#include <sluice/compose/relay.hpp>
#include <stop_token>
#include <thread>
#include <utility>

#include "compose/numbered_messages.hpp"
#include "support/asleep.hpp"
#include "support/child.hpp"

namespace sluice::test {

using namespace std::chrono_literals;

template <class Link>
class RelayOver : public ::testing::Test {
 protected:
  Link link;
  // What the test fills, and what it empties: the other ends of the relays.
  local_channel source = local_channel::create({.capacity_messages = 4}).value();
  local_channel target = local_channel::create({.capacity_messages = 2}).value();
};
TYPED_TEST_SUITE_P(RelayOver);

// Into the channel by one relay, and out of it by another.
TYPED_TEST_P(RelayOver, passes_on_everything_in_order) {
  auto in = make_relay(std::move(this->source.receiver), std::move(*this->link.sender)).value();
  auto out = make_relay(std::move(*this->link.receiver), std::move(this->target.sender)).value();
  constexpr std::uint64_t messages = 1000;
  std::uint64_t received = 0;
  for (std::uint64_t sent = 0; received < messages;) {
    // Few under way: UDP loses what there is no room for.
    while (sent < messages && sent < received + 100 && this->source.sender.try_send(numbered(sent)))
      ++sent;
    EXPECT_EQ(in.run({}, deadline::now()).end, relay_end::timed_out);
    const auto outcome = out.run({}, 1ms);
    ASSERT_EQ(outcome.end, relay_end::timed_out) << outcome.reason->message();
    while (const auto number = next_of(this->target.receiver)) EXPECT_EQ(*number, received++);
  }
  EXPECT_EQ(in.statistics().messages, messages);
  EXPECT_EQ(out.statistics().messages, messages);
  EXPECT_EQ(out.statistics().bytes, messages * sizeof(std::uint64_t));
  EXPECT_GT(out.statistics().sender_waits, 0U) << "nobody held it up";
}

TYPED_TEST_P(RelayOver, stops_when_it_is_asked_while_nothing_comes) {
  auto out = make_relay(std::move(*this->link.receiver), std::move(this->target.sender)).value();
  std::stop_source stop;
  const pid_t relaying = this_thread_id();
  std::jthread asking{[&] {
    wait_until_asleep(relaying);
    stop.request_stop();
  }};
  EXPECT_EQ(out.run(stop.get_token(), deadline{patience}).end, relay_end::stopped);
  EXPECT_EQ(out.run(stop.get_token(), deadline{patience}).end, relay_end::stopped);
  // And it can be used again.
  ASSERT_TRUE(this->link.sender->send(numbered(7), deadline{patience}));
  ASSERT_TRUE(out.receiver().wait_readable(deadline{patience}));
  EXPECT_EQ(out.run({}, 1ms).end, relay_end::timed_out);
  EXPECT_EQ(next_of(this->target.receiver), 7U);
}

// Of those that have an end.
template <class Link>
class RelayOfEnds : public RelayOver<Link> {};
TYPED_TEST_SUITE_P(RelayOfEnds);

TYPED_TEST_P(RelayOfEnds, passes_the_end_on_behind_everything) {
  auto in = make_relay(std::move(this->source.receiver), std::move(*this->link.sender)).value();
  auto out = make_relay(std::move(*this->link.receiver), std::move(this->target.sender)).value();
  ASSERT_TRUE(this->source.sender.try_send(numbered(1)));
  { auto leaving = std::move(this->source.sender); }
  EXPECT_EQ(in.run().end, relay_end::passed_on);
  EXPECT_EQ(in.sender(), nullptr);
  EXPECT_EQ(out.run().end, relay_end::passed_on);
  EXPECT_EQ(next_of(this->target.receiver), 1U);
  EXPECT_EQ(this->target.receiver.next_size().error(), errc::closed);
  EXPECT_EQ(out.run().end, relay_end::passed_on) << "it stays over";
}

REGISTER_TYPED_TEST_SUITE_P(RelayOver, passes_on_everything_in_order,
                            stops_when_it_is_asked_while_nothing_comes);
REGISTER_TYPED_TEST_SUITE_P(RelayOfEnds, passes_the_end_on_behind_everything);

}  // namespace sluice::test
