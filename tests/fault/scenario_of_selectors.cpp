#include <gtest/gtest.h>

#include <chrono>
#include <sluice/channel/local_channel.hpp>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/compose/relay.hpp>
#include <sluice/compose/selector.hpp>
#include <sluice/primitive/event.hpp>

#include "fault/scenario.hpp"

namespace sluice::test {

namespace {

using namespace std::chrono_literals;

// How many members a wait tells of; none for one that was in vain.
result<std::size_t> told_by(const selector& all, const result<selection>& found) {
  if (!found && found.error() == std::errc::timed_out) return std::size_t{0};
  if (!found) return failure{found.error()};
  std::size_t count = 0;
  for (const ready& one : *found) count += all.contains(one.key) ? 1U : 0U;
  return count;
}

// With one member that is ready.
struct one_ready {
  selector all = selector::create().value();
  event ready = event::create({.initial = 1}).value();
  selector_key key = all.add_readable(ready).value();

  [[nodiscard]] std::size_t told() { return told_by(all, all.wait(deadline::now())).value(); }
};

void create_selector(struck_step& step) {
  auto made = step([] { return selector::create(); });
  if (!made) return;
  event ready = event::create({.initial = 1}).value();
  EXPECT_TRUE(made->add_readable(ready));
  EXPECT_EQ(told_by(*made, made->wait(deadline::now())).value(), 1U);
}

void add_member(struck_step& step) {
  one_ready already;
  event other = event::create({.initial = 1}).value();
  auto added = step([&] { return already.all.add_readable(other); });
  EXPECT_EQ(already.all.size(), added ? 2U : 1U);
  EXPECT_EQ(already.told(), already.all.size());
  if (!added) {
    EXPECT_TRUE(already.all.add_readable(other)) << "nothing is left of the attempt";
  }
}

void add_ring(struck_step& step) {
  auto ring = ring_channel::create_anonymous({.capacity_bytes = 4096}).value();
  auto sender = ring_sender::attach(ring).value();
  auto receiver = ring_receiver::attach(ring).value();
  selector all = selector::create().value();
  auto added = step([&] { return all.add_readable(receiver); });
  EXPECT_TRUE(added || all.add_readable(receiver));
  EXPECT_TRUE(sender.try_send(bytes_of("message")));
  EXPECT_EQ(told_by(all, all.wait(deadline::now())).value(), 1U);
}

void pause_member(struck_step& step) {
  one_ready member;
  auto paused = step([&] { return member.all.pause(member.key); });
  EXPECT_EQ(member.told(), paused ? 0U : 1U);
}

void resume_member(struck_step& step) {
  one_ready member;
  EXPECT_TRUE(member.all.pause(member.key));
  auto resumed = step([&] { return member.all.resume(member.key); });
  EXPECT_EQ(member.told(), resumed ? 1U : 0U);
}

// Whatever the kernel says: it is told of no more.
void remove_member(struck_step& step) {
  one_ready member;
  event other = event::create().value();
  EXPECT_TRUE(member.all.add_readable(other));
  static_cast<void>(step([&]() -> result<void> {
    EXPECT_TRUE(member.all.remove(member.key));
    return {};
  }));
  EXPECT_EQ(member.told(), 0U);
  EXPECT_EQ(told_by(member.all, member.all.wait(1ms)).value(), 0U);
}

void wait_for_member(struck_step& step) {
  one_ready member;
  auto told = step([&] { return told_by(member.all, member.all.wait(1s)); });
  if (told) {
    EXPECT_EQ(*told, 1U);
  }
  EXPECT_EQ(member.told(), 1U);
}

// A timer that ran out in a wait that failed is not forgotten.
void wait_for_timer(struck_step& step) {
  one_ready member;
  EXPECT_TRUE(member.ready.try_wait());
  EXPECT_TRUE(member.all.add_timer(1ms));
  auto told = step([&] { return told_by(member.all, member.all.wait()); });
  if (!told) told = told_by(member.all, member.all.wait());
  EXPECT_EQ(told.value(), 1U);
}

// The message is on one side of it or in its hand, whatever failed.
void relay_message(struck_step& step) {
  auto ring = ring_channel::create_anonymous({.capacity_bytes = 4096}).value();
  auto sender = ring_sender::attach(ring).value();
  auto target = local_channel::create().value();
  auto pump = make_relay(ring_receiver::attach(ring).value(), std::move(target.sender)).value();
  // First in vain, so that it waits.
  const auto waited = step([&]() -> result<void> {
    const auto outcome = pump.run({}, 1ms);
    if (outcome.end == relay_end::timed_out) return {};
    EXPECT_EQ(outcome.end, relay_end::receiver_failed);
    return failure{outcome.reason.value()};
  });
  EXPECT_TRUE(sender.try_send(bytes_of("message")));
  EXPECT_EQ(pump.run({}, 1ms).end, relay_end::timed_out) << waited.has_value();
  EXPECT_EQ(target.receiver.next_size().value(), 7U);
}

void make_a_relay(struck_step& step) {
  auto source = local_channel::create().value();
  auto target = local_channel::create().value();
  auto pump =
      step([&] { return make_relay(std::move(source.receiver), std::move(target.sender)); });
  if (!pump) return;
  EXPECT_TRUE(source.sender.try_send(bytes_of("message")));
  EXPECT_EQ(pump->run({}, deadline::now()).end, relay_end::timed_out);
  EXPECT_EQ(target.receiver.next_size().value(), 7U);
}

}  // namespace

const std::vector<scenario>& selector_scenarios() {
  static const std::vector<scenario> table{
      {"create_selector", create_selector},
      {"add_member", add_member},
      {"add_ring", add_ring},
      {"pause_member", pause_member},
      {"resume_member", resume_member},
      {"remove_member", remove_member},
      {"wait_for_member", wait_for_member},
      {"wait_for_timer", wait_for_timer},
      {"make_a_relay", make_a_relay},
      {"relay_message", relay_message},
  };
  return table;
}

}  // namespace sluice::test
