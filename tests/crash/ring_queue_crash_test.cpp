// Who sends into a queue, takes from it, joins it, leaves it or sees to its dead is killed or
// stopped after each step that others can see. Fresh ends judge what is left.

#include "crash/ring_queue_crash.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "support/shared_array.hpp"

namespace sluice::test {
namespace {

struct queue_sending {
  const char* name;
  std::uint64_t passed = 2;   // messages that were sent and received before
  std::uint64_t waiting = 0;  // sent, and still there
  std::size_t size = 24;
  std::uint64_t count = 1;  // what the victim sends, at once
  bool receiver_sleeps = false;
  bool finds_room = true;
};

const queue_sending all_sendings[] = {
    {.name = "empty"},
    {.name = "one_left", .waiting = 1},
    {.name = "across_the_end", .passed = 4, .size = 900},
    {.name = "full", .waiting = 4, .size = 900, .finds_room = false},
    {.name = "to_a_sleeper", .receiver_sleeps = true},
    {.name = "batch", .count = 3},
    {.name = "batch_to_a_sleeper", .count = 2, .receiver_sleeps = true},
};

class RingQueueSendCrash : public RingQueueVictims,
                           public ::testing::WithParamInterface<queue_sending> {
 protected:
  [[nodiscard]] std::uint64_t first() const { return GetParam().passed + GetParam().waiting; }
  void prepare() {
    attach_sender();
    attach_receiver();
    for (std::uint64_t n = 0; n < GetParam().passed; ++n) {
      send(n, 1, GetParam().size);
      EXPECT_EQ(receive_next(), n);
    }
    receiver_.reset();
    send(GetParam().passed, GetParam().waiting, GetParam().size);
    if (GetParam().receiver_sleeps) lay_receiver_down();
    for (std::uint64_t n = 0; n < GetParam().count; ++n)
      messages_.push_back(numbered(first() + n, GetParam().size));
  }
  void operation() {
    if (GetParam().count == 1) {
      static_cast<void>(sender_->try_send(messages_[0]));
      return;
    }
    for (const auto& message : messages_) static_cast<void>(sender_->try_stage(message));
    sender_->publish();
  }
  [[nodiscard]] crash_run run() {
    return {.reset = [this] { make(); },
            .prepare = [this] { prepare(); },
            .operation = [this] { operation(); },
            .judge = [] {},  // each test has its own
            .image = [this] { return image(); }};
  }
  std::vector<std::vector<std::byte>> messages_;
};

INSTANTIATE_TEST_SUITE_P(Of, RingQueueSendCrash, ::testing::ValuesIn(all_sendings),
                         [](const auto& one) { return std::string{one.param.name}; });

// F1, F3
TEST_P(RingQueueSendCrash, sender_killed_at_any_step_has_sent_all_or_nothing) {
  long all = 0;
  long nothing = 0;
  crash_run kills = run();
  kills.judge = [&] {
    attach_receiver();
    const std::uint64_t next = drain(GetParam().passed);
    const std::uint64_t sent = next - first();
    ++(sent == 0 ? nothing : all);
    EXPECT_TRUE(sent == 0 || (sent == GetParam().count && GetParam().finds_room)) << sent;
    expect_goes_on(next);
  };
  const long killed = kill_at_each_step(kills);
  tell(GetParam().name, killed, nothing, all);
  EXPECT_GT(nothing, 0);
  EXPECT_EQ(all > 0, GetParam().finds_room);
}

// F12: others send and receive beside who stands still.
TEST_P(RingQueueSendCrash, sender_stopped_at_any_step_delays_nobody) {
  constexpr std::uint64_t of_the_other = 1000;
  std::uint64_t next = 0;
  crash_run stops = run();
  stops.meanwhile = [&] {
    attach_sender();
    attach_receiver();
    next = drain(GetParam().passed);
    for (std::uint64_t n = 0; n < 200 && !HasFailure(); ++n) {
      send(of_the_other + n, 1, 100);
      EXPECT_EQ(receive_next(), of_the_other + n);
    }
  };
  stops.judge = [&] {
    const std::uint64_t end = drain(next);
    const std::uint64_t sent = end - first();
    // Where there was no room there may have come some while it stood still.
    EXPECT_TRUE(sent == GetParam().count || (sent == 0 && !GetParam().finds_room)) << sent;
    expect_goes_on(end);
  };
  EXPECT_GT(kill_at_each_step(stops), 2);
}

struct queue_receiving {
  const char* name;
  std::uint64_t waiting = 3;
  std::size_t size = 24;
  std::uint64_t count = 1;  // what the victim deals with
  bool copies = false;      // else looks at them in place
  // Of somebody who died before: what it had taken and dealt with.
  std::optional<std::uint64_t> inherited = {};
};

const queue_receiving own[] = {
    {.name = "copy", .copies = true},
    {.name = "last_one", .waiting = 1, .copies = true},
    {.name = "view"},
    {.name = "all", .count = 3},
    {.name = "large", .waiting = 4, .size = 900, .count = 2},
    {.name = "nothing", .waiting = 0},
};
const queue_receiving inherited[] = {
    {.name = "of_a_dead_one", .waiting = 4, .count = 2, .inherited = 1},
    {.name = "the_rest_of_a_dead_one", .waiting = 4, .count = 3, .inherited = 1},
};

class RingQueueReceiveCrash : public RingQueueVictims,
                              public ::testing::WithParamInterface<queue_receiving> {
 protected:
  [[nodiscard]] std::uint64_t first() const { return GetParam().inherited.value_or(0); }
  // In the tracer.
  void reset(ring_delivery delivery = ring_delivery::at_least_once) {
    make(delivery);
    attach_sender();
    send(0, GetParam().waiting, GetParam().size);
    leave();
    if (GetParam().inherited) die_with_messages(*GetParam().inherited);
    handed_[0] = handed_[1] = 0;
  }
  // In the victim.
  void prepare() {
    // Whoever died before is seen to here, step by step, and not in `prepare`.
    if (!GetParam().inherited) attach_receiver();
    for (std::uint64_t n = 0; n < GetParam().count; ++n)
      expected_.push_back(numbered(first() + n, GetParam().size));
  }
  void operation() {
    if (!receiver_) attach_receiver();
    if (GetParam().copies) {
      static_cast<void>(receiver_->try_receive(buffer_));
      return;
    }
    for (std::uint64_t n = 0; n < GetParam().count; ++n) {
      auto view = receiver_->try_peek();
      if (!view) return;
      handed_[0].store(n + 1);  // here it is dealt with, a step long
      const auto& wanted = expected_[n];
      if (view->bytes().size() != wanted.size() ||
          std::memcmp(view->bytes().data(), wanted.data(), wanted.size()) != 0)
        handed_[1].store(1);
    }
  }
  [[nodiscard]] crash_run run() {
    return {.reset = [this] { reset(); },
            .prepare = [this] { prepare(); },
            .operation = [this] { operation(); },
            .judge = [] {},  // each test has its own
            .image = [this] { return image(); },
            .recounts = GetParam().inherited.has_value()};
  }
  std::vector<std::vector<std::byte>> expected_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(900);
  shared_array handed_{2};  // how many; whether one of them was not what it should be
};

INSTANTIATE_TEST_SUITE_P(Of, RingQueueReceiveCrash, ::testing::ValuesIn(own),
                         [](const auto& one) { return std::string{one.param.name}; });
INSTANTIATE_TEST_SUITE_P(With, RingQueueReceiveCrash, ::testing::ValuesIn(inherited),
                         [](const auto& one) { return std::string{one.param.name}; });
/// Of messages that nobody had before.
class RingQueueTakeCrash : public RingQueueReceiveCrash {};
INSTANTIATE_TEST_SUITE_P(Of, RingQueueTakeCrash, ::testing::ValuesIn(own),
                         [](const auto& one) { return std::string{one.param.name}; });

// F5, F20 and, with somebody dead before, F11: nothing is lost, and one at most comes twice.
TEST_P(RingQueueReceiveCrash, receiver_killed_at_any_step_leaves_the_rest_to_others) {
  long some = 0;
  long nothing = 0;
  crash_run kills = run();
  kills.judge = [&] {
    EXPECT_EQ(handed_[1].load(), 0U) << "the victim saw something else";
    const std::uint64_t next = drain_up_to(GetParam().waiting);
    const std::uint64_t taken = next - first();
    ++(taken == 0 ? nothing : some);
    const std::uint64_t handed =
        GetParam().copies ? std::min<std::uint64_t>(taken, 1) : handed_[0].load();
    EXPECT_TRUE(taken == handed || taken + 1 == handed) << taken << " of " << handed;
    expect_goes_on(GetParam().waiting);
    EXPECT_EQ(queue_->counters().lost, 0U);
  };
  const long killed = kill_at_each_step(kills);
  tell(GetParam().name, killed, nothing, some);
  EXPECT_GT(nothing, 0);
  EXPECT_EQ(some > 0, GetParam().waiting > 0);
}

// F5 where a message must not come twice: what was taken and not dealt with is lost, and counted.
TEST_P(RingQueueTakeCrash, receiver_killed_at_any_step_repeats_nothing_where_that_is_wanted) {
  crash_run kills = run();
  kills.reset = [&] { reset(ring_delivery::at_most_once); };
  kills.judge = [&] {
    const std::uint64_t next = drain_up_to(GetParam().waiting);
    EXPECT_GE(next, handed_[0].load());
    expect_goes_on(GetParam().waiting);
    EXPECT_LE(queue_->counters().lost, next);
  };
  EXPECT_GT(kill_at_each_step(kills), 0);
}

// F12: who stands still keeps what it took, and nothing else.
TEST_P(RingQueueTakeCrash, receiver_stopped_at_any_step_keeps_what_it_took_and_delays_nobody) {
  constexpr std::uint64_t of_another_lane = 1000;
  std::vector<std::uint64_t> others;
  crash_run stops = run();
  stops.meanwhile = [&] {
    others.clear();
    attach_sender();  // the first lane again, of which the victim may have a lease
    auto second = ring_queue_sender::attach(*queue_).value();
    attach_receiver();
    for (std::uint64_t n = of_another_lane; n < of_another_lane + 100; ++n) {
      ASSERT_TRUE(second.try_send(numbered(n, 100)));
      while (const auto number = receive_next()) others.push_back(*number);
    }
  };
  stops.judge = [&] {
    EXPECT_EQ(handed_[1].load(), 0U) << "the victim saw something else";
    EXPECT_EQ(std::ranges::count_if(others, [](auto number) { return number >= of_another_lane; }),
              100);
    // The victim has ended, as if killed: its last message may come again.
    leave();
    attach_receiver();
    std::vector<std::uint64_t> seen(GetParam().waiting);
    for (const std::uint64_t number : others)
      if (number < seen.size()) ++seen[number];
    while (const auto number = receive_next()) ++seen.at(*number);
    for (std::uint64_t n = 0; n < seen.size(); ++n) EXPECT_LE(seen[n], 1U) << n;
    expect_goes_on(GetParam().waiting);
    EXPECT_EQ(queue_->counters().lost, 0U);
  };
  EXPECT_GT(kill_at_each_step(stops), GetParam().waiting == 0 ? 0 : 2);
}

using RingQueueRoleCrash = RingQueueVictims;

// F8, F11: who joins sees to the dead first.
TEST_F(RingQueueRoleCrash, killed_at_any_system_call_of_joining_or_leaving_nothing_is_lost) {
  for (const bool joins : {true, false}) {
    const long killed = kill_at_each_step({
        .size = step_size::system_call,
        .reset =
            [&] {
              make();
              attach_sender();
              send(0, 4);
              leave();
              die_with_messages(1);
            },
        .prepare =
            [&] {
              if (!joins) attach_receiver();
            },
        .operation =
            [&] {
              if (joins) {
                attach_receiver();
              } else {
                receiver_.reset();
              }
            },
        .judge =
            [&] {
              EXPECT_EQ(drain_up_to(4), 1U);
              expect_goes_on(4);
            },
    });
    tell(joins ? "joining" : "leaving", killed, 0, 0);
    EXPECT_GT(killed, 2);
  }
}

}  // namespace
}  // namespace sluice::test
