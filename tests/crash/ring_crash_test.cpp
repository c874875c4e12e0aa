// Who sends through a ring, or receives from it, is killed or stopped after each step that others
// can see. Fresh ends judge what is left.

#include "crash/ring_crash.hpp"

#include <sched.h>
#include <signal.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "support/asleep.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

/// A victim that sends, in a ring that has a past.
struct sending {
  const char* name;
  std::size_t capacity = 4096;
  std::uint64_t passed = 2;   // messages that were sent and received before
  std::uint64_t waiting = 0;  // sent, and still there
  std::size_t size = 24;
  std::uint64_t count = 1;  // what the victim sends, at once
  bool in_place = false;
  bool receiver_sleeps = false;
  bool finds_room = true;
};

const sending all_sendings[] = {
    {.name = "empty"},
    {.name = "first_of_all", .passed = 0},
    {.name = "one_left", .waiting = 1},
    // F4: the record lies across the end of the data, and ends right there.
    {.name = "across_the_end", .passed = 4, .size = 900},
    {.name = "to_the_end", .passed = 3, .size = 1016},
    {.name = "full", .waiting = 4, .size = 900, .finds_room = false},
    {.name = "to_a_sleeper", .receiver_sleeps = true},
    {.name = "written_in_place", .size = 900, .in_place = true},
    // F3: all of a batch or nothing of it.
    {.name = "batch", .count = 3},
    {.name = "batch_across_the_end", .passed = 3, .size = 900, .count = 3},
    {.name = "batch_to_a_sleeper", .count = 2, .receiver_sleeps = true},
};

class RingSendCrash : public RingVictims, public ::testing::WithParamInterface<sending> {
 protected:
  // In the victim.
  void prepare() {
    attach();
    pass(GetParam().passed, GetParam().size);
    send(GetParam().passed, GetParam().waiting, GetParam().size);
    receiver_.reset();
    if (GetParam().receiver_sleeps) lay_down(slot(of_receiver));
    for (std::uint64_t n = 0; n < GetParam().count; ++n)
      messages_.push_back(numbered(first() + n, GetParam().size));
  }
  void operation() {
    if (GetParam().in_place) {
      auto window = sender_->try_claim(GetParam().size);
      if (!window) return;
      copy_bytes(messages_[0], window->bytes());
      window->commit();
    } else if (GetParam().count == 1) {
      static_cast<void>(sender_->try_send(messages_[0]));
    } else {
      for (const auto& message : messages_) static_cast<void>(sender_->try_stage(message));
      sender_->publish();
    }
  }
  [[nodiscard]] std::uint64_t first() const { return GetParam().passed + GetParam().waiting; }

  // In the tracer. What was sent is a prefix: all that was there, then all of the victim's or none.
  void judge() {
    receiver_.emplace(ring_receiver::attach(*ring_).value());
    const std::uint64_t next = drain(GetParam().passed);
    const std::uint64_t sent = next - first();
    ++(sent == 0 ? nothing_ : all_);
    EXPECT_TRUE(sent == 0 || (sent == GetParam().count && GetParam().finds_room)) << sent;
    EXPECT_EQ(receiver_->peer().value(), ring_presence::died);
    leave();
    expect_goes_on(next);
    const ring_counters counted = ring_->counters();
    EXPECT_EQ(counted.sent, counted.received);
  }
  [[nodiscard]] crash_run run() {
    return {.reset = [this] { make(GetParam().capacity); },
            .prepare = [this] { prepare(); },
            .operation = [this] { operation(); },
            .judge = [this] { judge(); },
            .image = [this] { return image(); }};
  }
  std::vector<std::vector<std::byte>> messages_;
  long all_ = 0;
  long nothing_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Of, RingSendCrash, ::testing::ValuesIn(all_sendings),
                         [](const auto& one) { return std::string{one.param.name}; });

// F1, F3, F4
TEST_P(RingSendCrash, sender_killed_at_any_step_has_sent_all_or_nothing) {
  const long killed = kill_at_each_step(run());
  tell(GetParam().name, killed, nothing_, all_);
  EXPECT_GT(nothing_, 0);
  EXPECT_EQ(all_ > 0, GetParam().finds_room);
}

// F12
TEST_P(RingSendCrash, sender_stopped_at_any_step_lives_and_goes_on) {
  crash_run stops = run();
  std::uint64_t next = 0;
  stops.meanwhile = [&] {
    receiver_.emplace(ring_receiver::attach(*ring_).value());
    next = drain(GetParam().passed);
    EXPECT_EQ(receiver_->peer().value(), ring_presence::alive);
  };
  stops.judge = [&] {
    const std::uint64_t end = drain(next);
    const std::uint64_t sent = end - first();
    // Where there was no room there may have come some while it stood still.
    EXPECT_TRUE(sent == GetParam().count || (sent == 0 && !GetParam().finds_room)) << sent;
    leave();
    expect_goes_on(end);
  };
  EXPECT_GT(kill_at_each_step(stops), 2);
}

/// A victim that receives.
struct receiving {
  const char* name;
  std::size_t capacity = 4096;
  std::uint64_t passed = 2;
  std::uint64_t waiting = 2;
  std::size_t size = 24;
  bool copies = false;  // else looks at them in place
  std::uint64_t count = 1;
  bool sender_sleeps = false;
};

const receiving all_receivings[] = {
    {.name = "copy", .copies = true},
    {.name = "last_one", .waiting = 1, .copies = true},
    {.name = "view"},
    {.name = "across_the_end", .passed = 4, .size = 900},
    {.name = "drain", .waiting = 4, .count = 3},
    {.name = "from_a_sleeper", .waiting = 4, .size = 900, .sender_sleeps = true},
    {.name = "nothing", .waiting = 0},
};

class RingReceiveCrash : public RingVictims, public ::testing::WithParamInterface<receiving> {
 protected:
  // In the tracer.
  void reset() {
    make(GetParam().capacity);
    attach();
    pass(GetParam().passed, GetParam().size);
    send(GetParam().passed, GetParam().waiting, GetParam().size);
    leave();
    if (GetParam().sender_sleeps) {
      slot(of_sender).needed.store(0);
      lay_down(slot(of_sender));
    }
    handed_[0] = handed_[1] = 0;
  }
  // In the victim.
  void operation() {
    if (GetParam().copies) {
      static_cast<void>(receiver_->try_receive(buffer_));
      return;
    }
    for (std::uint64_t n = 0; n < GetParam().count; ++n) {
      auto view = receiver_->try_peek();
      if (!view) return;
      // Here it is dealt with, a step long.
      handed_[0].store(n + 1);
      const auto& wanted = expected_[n];
      if (view->bytes().size() != wanted.size() ||
          std::memcmp(view->bytes().data(), wanted.data(), wanted.size()) != 0)
        handed_[1].store(1);
    }
  }
  void judge() {
    EXPECT_EQ(handed_[1].load(), 0U) << "the victim saw something else";
    receiver_.emplace(ring_receiver::attach(*ring_).value());
    const std::uint64_t end = GetParam().passed + GetParam().waiting;
    const std::uint64_t next = [&] {
      auto view = receiver_->try_peek();
      if (!view) return end;
      const std::uint64_t number = number_of(view->bytes());
      view->put_back();
      return number;
    }();
    const std::uint64_t taken = next - GetParam().passed;
    ++(taken == 0 ? nothing_ : all_);
    // F5: what was looked at and not released comes again, that one alone; nothing is lost.
    const std::uint64_t handed =
        GetParam().copies ? std::min<std::uint64_t>(taken, 1) : handed_[0].load();
    EXPECT_TRUE(taken == handed || taken + 1 == handed) << taken << " of " << handed;
    EXPECT_EQ(drain(next), end);
    EXPECT_EQ(ring_->counters().received, end) << "what came again was counted twice";
    leave();
    expect_goes_on(end);
  }
  [[nodiscard]] crash_run run() {
    return {.reset = [this] { reset(); },
            .prepare =
                [this] {
                  receiver_.emplace(ring_receiver::attach(*ring_).value());
                  for (std::uint64_t n = 0; n < GetParam().count; ++n)
                    expected_.push_back(numbered(GetParam().passed + n, GetParam().size));
                },
            .operation = [this] { operation(); },
            .judge = [this] { judge(); },
            .image = [this] { return image(); }};
  }
  std::vector<std::vector<std::byte>> expected_;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(900);
  shared_array handed_{2};  // how many; whether one of them was not what it should be
  long all_ = 0;
  long nothing_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Of, RingReceiveCrash, ::testing::ValuesIn(all_receivings),
                         [](const auto& one) { return std::string{one.param.name}; });

// F5, F6: also with a view in its hands.
TEST_P(RingReceiveCrash, receiver_killed_at_any_step_loses_nothing_and_repeats_one_at_most) {
  const long killed = kill_at_each_step(run());
  tell(GetParam().name, killed, nothing_, all_);
  EXPECT_GT(nothing_, 0);
  EXPECT_EQ(all_ > 0, GetParam().waiting > 0);
}

// F12: a lap is over when there is no room left; what the stopped one looks at stays.
TEST_P(RingReceiveCrash, receiver_stopped_at_any_step_keeps_what_it_looks_at_while_others_lap) {
  crash_run stops = run();
  std::uint64_t end = 0;
  stops.meanwhile = [&] {
    sender_.emplace(ring_sender::attach(*ring_).value());
    end = GetParam().passed + GetParam().waiting;
    while (sender_->try_send(numbered(end, GetParam().size))) ++end;
    EXPECT_EQ(sender_->peer().value(), ring_presence::alive);
  };
  stops.judge = [&] {
    EXPECT_EQ(handed_[1].load(), 0U) << "the victim saw something else";
    // Where it stood before its look, it found what was sent meanwhile.
    std::uint64_t taken = std::min(GetParam().count, end - GetParam().passed);
    leave();
    receiver_.emplace(ring_receiver::attach(*ring_).value());
    if (GetParam().waiting == 0 && handed_[0] == 0) taken = 0;
    EXPECT_EQ(drain(GetParam().passed + taken), end);
    leave();
    expect_goes_on(end);
  };
  EXPECT_GT(kill_at_each_step(stops), GetParam().waiting == 0 ? 0 : 2);
}

/// A process that waits until its message comes, or room for one.
class RingSleeper : public RingVictims {
 protected:
  void SetUp() override {
    RingVictims::SetUp();
    if (IsSkipped()) return;
    make();
  }
  static inline const ring_end_options short_sleeps{.wait = {.spin = 0ns, .longest_sleep = 50ms}};
  [[nodiscard]] const std::atomic<std::uint32_t>& resting(std::uint32_t index) const {
    return slot(index).resting;
  }
};

// F2: killed when the message is there, or when the sleep was taken away, before the wake-up.
TEST_F(RingSleeper, finds_the_message_whose_sender_was_killed_before_the_wake_up) {
  for (const bool is_roused : {false, true}) {
    child sleeper{[&] {
      receiver_.emplace(ring_receiver::attach(*ring_, short_sleeps).value());
      EXPECT_TRUE(receiver_->wait_readable(deadline{patience}));
      EXPECT_EQ(receive_next(), 7U);
      receiver_.reset();
    }};
    {
      const auto message = numbered(7, 24);
      traced_child victim{[&] {
                            sender_.emplace(ring_sender::attach(*ring_).value());
                            while (resting(of_receiver) == 0) ::sched_yield();
                          },
                          [&] { static_cast<void>(sender_->try_send(message)); }};
      const auto is_there = [&] {
        return is_roused ? resting(of_receiver) == 0 : ring_->counters().sent == 1;
      };
      while (!is_there()) ASSERT_TRUE(victim.step(step_size::instruction));
    }
    sleeper.wait_success();
  }
}

TEST_F(RingSleeper, finds_the_room_whose_receiver_was_killed_before_the_wake_up) {
  attach();
  send(0, 4, 900);
  leave();
  child sleeper{[&] {
    sender_.emplace(ring_sender::attach(*ring_, short_sleeps).value());
    EXPECT_TRUE(sender_->send(numbered(4, 900), deadline{patience}));
    sender_.reset();
  }};
  {
    traced_child victim{[&] {
                          receiver_.emplace(ring_receiver::attach(*ring_).value());
                          while (resting(of_sender) == 0) ::sched_yield();
                        },
                        [&] { static_cast<void>(receiver_->try_peek()); }};
    while (resting(of_sender) != 0) ASSERT_TRUE(victim.step(step_size::instruction));
  }
  sleeper.wait_success();
  receiver_.emplace(ring_receiver::attach(*ring_).value());
  EXPECT_EQ(drain(1), 5U);
}

// F7: killed when it has lain down, at the edges of the calls that follow, and fast asleep.
TEST_F(RingSleeper, killed_at_any_step_of_its_sleep_costs_one_wake_up_at_most) {
  const ring_end_options sleeps_on{.wait = {.spin = 0ns, .longest_sleep = patience}};
  const auto prepare = [&] {
    receiver_.emplace(ring_receiver::attach(*ring_, sleeps_on).value());
    static_cast<void>(receiver_->wait_readable(1us));
  };
  const auto sleep = [&] { static_cast<void>(receiver_->wait_readable(deadline{patience})); };
  constexpr long before_its_futex = 3;
  for (long edges = 0; edges <= before_its_futex + 1; ++edges) {
    make();
    if (edges <= before_its_futex) {
      traced_child victim{prepare, sleep};
      while (resting(of_receiver) == 0) ASSERT_TRUE(victim.step(step_size::instruction));
      EXPECT_TRUE(victim.step(step_size::system_call, edges));
    } else {
      child victim{[&] {
        prepare();
        sleep();
      }};
      while (resting(of_receiver) == 0) ::sched_yield();
      wait_until_asleep(victim.id());
      victim.kill();
    }
    sender_.emplace(ring_sender::attach(*ring_).value());
    send(0, 3, 24);
    EXPECT_LE(sender_->statistics().wake_ups, 1U);
    leave();
    receiver_.emplace(ring_receiver::attach(*ring_).value());
    EXPECT_EQ(drain(0), 3U);
  }
}

// Each sender's death is told once, also that of a successor.
TEST_F(RingSleeper, is_told_of_every_death_once) {
  make(4096, ring_departure::report);
  receiver_.emplace(ring_receiver::attach(*ring_, short_sleeps).value());
  std::byte byte{};
  for (int round = 0; round < 2; ++round) {
    child gone{[this] {
      sender_.emplace(ring_sender::attach(*ring_).value());
      ::raise(SIGKILL);
    }};
    static_cast<void>(gone.wait());
    EXPECT_EQ(receiver_->receive({&byte, 1}).error(), std::errc::connection_reset);
    EXPECT_EQ(receiver_->receive({&byte, 1}).error(), errc::closed);
  }
}

// F16: what the parent has begun, the child can neither finish nor undo.
TEST_F(RingSleeper, that_forks_keeps_its_window_and_its_view_to_itself) {
  attach();
  send(0, 1, 24);
  std::optional<ring_view> view{receiver_->try_peek().value()};
  std::optional<ring_window> window{sender_->try_claim(24).value()};
  ASSERT_TRUE(sender_->try_stage(numbered(1, 24)));
  child other{[&] {
    view.reset();
    window->commit();
    sender_->publish();
  }};
  other.wait_success();
  EXPECT_EQ(number_of(view->bytes()), 0U);
  EXPECT_EQ(ring_->counters().sent, 1U);
  EXPECT_EQ(ring_->counters().received, 0U);
  view.reset();
  sender_->publish();
  EXPECT_EQ(receive_next(), 1U);
}

}  // namespace
}  // namespace sluice::test
