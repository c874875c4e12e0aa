// Who takes a role in a ring, leaves it, takes over from a dead one, or makes and removes its name,
// is killed or stopped after each step that others can see.

#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "crash/ring_crash.hpp"
#include "support/asleep.hpp"
#include "support/runtime_directory.hpp"

namespace sluice::test {
namespace {

enum class role { sender, receiver };

class RingRoleCrash : public RingVictims, public ::testing::WithParamInterface<role> {
 protected:
  [[nodiscard]] static bool is_sender() { return GetParam() == role::sender; }
  void take_other_role() {
    if (is_sender()) {
      receiver_.emplace(ring_receiver::attach(*ring_).value());
    } else {
      sender_.emplace(ring_sender::attach(*ring_).value());
    }
  }
  void look_at_the_dead() { static_cast<void>(is_sender() ? receiver_->peer() : sender_->peer()); }
  void take_role() {
    if (is_sender()) {
      sender_.emplace(ring_sender::attach(*ring_).value());
    } else {
      receiver_.emplace(ring_receiver::attach(*ring_).value());
    }
  }
  [[nodiscard]] std::uint32_t own_slot() const { return is_sender() ? of_sender : of_receiver; }
  [[nodiscard]] ring_presence seen_by_the_other() {
    if (!is_sender()) return sender_.emplace(ring_sender::attach(*ring_).value()).peer().value();
    return receiver_.emplace(ring_receiver::attach(*ring_).value()).peer().value();
  }
  // Three messages wait in the ring; the role's last holder left in order, or died.
  void make_with_past(bool died) {
    make();
    attach();
    pass(2, 900);
    send(2, 3, 900);
    leave();
    if (!died) return;
    child gone{[this] {
      take_role();
      ::kill(::getpid(), SIGKILL);
    }};
    static_cast<void>(gone.wait());
  }
  void expect_all_there() {
    leave();
    receiver_.emplace(ring_receiver::attach(*ring_).value());
    EXPECT_EQ(drain(2), 5U);
    leave();
    expect_goes_on(5);
    EXPECT_EQ(ring_->counters().sent, ring_->counters().received);
  }
};

INSTANTIATE_TEST_SUITE_P(Of, RingRoleCrash, ::testing::Values(role::sender, role::receiver),
                         [](const auto& one) {
                           return one.param == role::sender ? "sender" : "receiver";
                         });

// F8; with a dead predecessor F11: who takes over is killed in its turn.
TEST_P(RingRoleCrash, killed_at_any_step_of_taking_a_role_the_next_one_takes_it) {
  for (const bool after_a_death : {false, true}) {
    for (const step_size size : {step_size::system_call, step_size::instruction}) {
      long taken = 0;
      long not_yet = 0;
      const bool by_system_calls = size == step_size::system_call;
      const long killed = kill_at_each_step({
          .size = size,
          .reset = [&] { make_with_past(after_a_death); },
          .operation = [&] { take_role(); },
          .judge =
              [&] {
                const ring_presence seen = seen_by_the_other();
                ++(seen == ring_presence::died ? taken : not_yet);
                EXPECT_NE(seen, ring_presence::alive);
                EXPECT_NE(seen, ring_presence::nobody);
                expect_all_there();
              },
          .image = by_system_calls ? std::function<const_bytes()>{} : [this] { return image(); },
          .recounts = !by_system_calls,
      });
      tell(by_system_calls ? "attach, system calls" : "attach, changes", killed, not_yet, taken);
      EXPECT_GT(taken, 0);
      EXPECT_EQ(not_yet > 0, !after_a_death);
    }
  }
}

// F8
TEST_P(RingRoleCrash, killed_at_any_step_of_leaving_it_has_left_or_died) {
  for (const step_size size : {step_size::system_call, step_size::instruction}) {
    long left = 0;
    long died = 0;
    const bool by_system_calls = size == step_size::system_call;
    const long killed = kill_at_each_step({
        .size = size,
        .reset = [&] { make_with_past(false); },
        .prepare = [&] { take_role(); },
        .operation = [&] { leave(); },
        .judge =
            [&] {
              const ring_presence seen = seen_by_the_other();
              ++(seen == ring_presence::left ? left : died);
              EXPECT_TRUE(seen == ring_presence::left || seen == ring_presence::died);
              expect_all_there();
            },
        .image = by_system_calls ? std::function<const_bytes()>{} : [this] { return image(); },
        .recounts = !by_system_calls,
    });
    tell(by_system_calls ? "leave, system calls" : "leave, changes", killed, died, left);
    EXPECT_GT(left, 0);
    EXPECT_GT(died, 0);
  }
}

// F11: who looks after a death holds the dead one's lock meanwhile, and may die with it.
TEST_P(RingRoleCrash, killed_at_any_step_of_noticing_a_death_the_next_one_notices_it) {
  const long killed = kill_at_each_step({
      .size = step_size::system_call,
      .reset = [&] { make_with_past(true); },
      .prepare = [&] { take_other_role(); },
      .operation = [&] { look_at_the_dead(); },
      .judge =
          [&] {
            EXPECT_EQ(seen_by_the_other(), ring_presence::died);
            expect_all_there();
          },
  });
  tell("noticing", killed, 0, 0);
  EXPECT_GT(killed, 6);
}

// F12: who stands still while it holds a dead one's lock delays the successor, and no longer.
TEST_P(RingRoleCrash, stopped_at_any_step_of_noticing_a_death_it_goes_on_beside_the_successor) {
  long delayed = 0;
  kill_at_each_step({
      .size = step_size::system_call,
      .reset = [&] { make_with_past(true); },
      .prepare = [&] { take_other_role(); },
      .operation = [&] { look_at_the_dead(); },
      .judge =
          [&] {
            if (!sender_ && !receiver_) {
              ++delayed;
              take_role();
            }
            // Whatever it had seen, it did not take the successor for dead.
            EXPECT_EQ(seen_by_the_other(), ring_presence::alive);
            expect_all_there();
          },
      .meanwhile =
          [&] {
            leave();
            if (is_sender()) {
              if (auto mine = ring_sender::attach(*ring_)) sender_.emplace(std::move(*mine));
            } else {
              if (auto mine = ring_receiver::attach(*ring_)) receiver_.emplace(std::move(*mine));
            }
          },
  });
  EXPECT_GT(delayed, 0);
}

using RingSuccessor = RingVictims;

// F11, step by step in both: who takes over a log was killed anywhere, and so is its successor.
TEST_F(RingSuccessor, successor_of_a_sender_killed_at_any_step_may_be_killed_at_any_step) {
  constexpr std::size_t capacity = 32768;
  constexpr std::size_t size = 900;
  long successors = 0;
  const auto last_words = numbered(17, size);
  kill_at_each_step({
      .reset = [&] { make(capacity); },
      .prepare =
          [&] {
            attach();
            pass(17, size);
          },
      .operation = [&] { static_cast<void>(sender_->try_send(last_words)); },
      .judge =
          [&] {
            // What it left, byte by byte, for each of the successors.
            const std::vector<std::byte> left(image().begin(), image().end());
            std::uint64_t first_seen = no_number;
            const ring::log lane = ring_->memory().lane(0);
            successors += kill_at_each_step({
                .reset =
                    [&] {
                      const auto whole = mutable_bytes{
                          reinterpret_cast<std::byte*>(&ring_->memory().header()), left.size()};
                      copy_bytes(left, whole);
                    },
                .operation =
                    [&] {
                      const auto end = ring::end_of(lane);
                      if (!end) return;
                      ring::producer mine{lane, *end};
                    },
                .judge =
                    [&] {
                      receiver_.emplace(ring_receiver::attach(*ring_).value());
                      const std::uint64_t next = drain(17);
                      EXPECT_LE(next, 18U);
                      if (first_seen == no_number) first_seen = next;
                      EXPECT_EQ(next, first_seen) << "successors do not agree";
                      leave();
                      expect_goes_on(next);
                    },
                .image = [&] { return image(); },
            });
          },
      .image = [&] { return image(); },
  });
  tell("successors of successors", successors, 0, 0);
  EXPECT_GT(successors, 30);
}

/// What a named ring leaves in the runtime directory.
class RingNameCrash : public RingVictims {
 protected:
  static std::size_t names() {
    namespace fs = std::filesystem;
    const fs::directory_iterator all{private_runtime_directory::current()};
    return static_cast<std::size_t>(std::distance(fs::begin(all), fs::end(all)));
  }
  static void use(std::string_view name) {
    auto sender = ring_sender::open(name);
    auto receiver = ring_receiver::open(name);
    ASSERT_TRUE(sender) << sender.error().message();
    ASSERT_TRUE(receiver) << receiver.error().message();
    while (receiver->try_peek()) continue;
    EXPECT_TRUE(sender->try_send(numbered(1, 100)));
    EXPECT_EQ(number_of(receiver->try_peek().value().bytes()), 1U);
  }
  // Whoever comes next has a ring that works, and when it goes nothing is left.
  static void expect_next_one_is_fine() {
    {
      auto next = ring_channel::open_or_create("ticks");
      ASSERT_TRUE(next) << next.error().message();
      use("ticks");
      EXPECT_EQ(names(), 1U);
    }
    EXPECT_EQ(names(), 0U);
  }
};

// F9
TEST_F(RingNameCrash, creator_killed_at_any_system_call_leaves_a_whole_ring_or_none) {
  long whole = 0;
  long none = 0;
  const long killed = kill_at_each_step({
      .size = step_size::system_call,
      .prepare = [] { static_cast<void>(ring_channel::create("other")); },
      .operation = [] { static_cast<void>(ring_channel::create("ticks")); },
      .judge =
          [&] {
            EXPECT_LE(names(), 1U);
            auto found = ring_channel::open("ticks");
            ++(found ? whole : none);
            if (found) {
              use("ticks");
            } else {
              EXPECT_EQ(found.error(), std::errc::no_such_file_or_directory);
            }
            found = failure{errc::removed, "let go"};
            expect_next_one_is_fine();
          },
  });
  tell("create and last to leave", killed, none, whole);
  EXPECT_GT(whole, 0);
  EXPECT_GT(none, 0);
}

// F10: the name is removed and made anew under the feet of others.
TEST_F(RingNameCrash, killed_while_it_makes_a_name_anew_everybody_knows_which_ring_is_whose) {
  long same = 0;
  long other = 0;
  std::optional<ring_channel> mine;
  kill_at_each_step({
      .size = step_size::system_call,
      .reset =
          [&] {
            mine.reset();
            mine.emplace(ring_channel::create("ticks").value());
          },
      .operation =
          [] {
            static_cast<void>(ring_channel::unlink("ticks"));
            static_cast<void>(ring_channel::create("ticks"));
          },
      .judge =
          [&] {
            auto theirs = ring_channel::open_or_create("ticks").value();
            const bool is_intact = mine->memory().is_intact().value();
            ++(is_intact ? same : other);
            // Ends of a ring that lost its name go on among themselves.
            sender_.emplace(ring_sender::attach(*mine).value());
            EXPECT_TRUE(sender_->try_send(numbered(1, 8)));
            receiver_.emplace(ring_receiver::attach(theirs).value());
            EXPECT_EQ(receiver_->next_size().has_value(), is_intact);
            leave();
          },
  });
  mine.reset();
  EXPECT_EQ(names(), 0U);
  EXPECT_GT(same, 0);
  EXPECT_GT(other, 0);
}

// F12: who makes a name, or removes it as the last one, stands still. Others wait for it, asleep.
TEST_F(RingNameCrash, stopped_with_the_name_in_its_hands_it_delays_others_and_confuses_nobody) {
  for (const bool makes_it : {true, false}) {
    std::optional<child> waiting;
    kill_at_each_step({
        .size = step_size::system_call,
        .prepare =
            [&] {
              if (!makes_it) ring_.emplace(ring_channel::create("ticks").value());
            },
        .operation =
            [&] {
              if (makes_it) static_cast<void>(ring_channel::create("ticks"));
              ring_.reset();
            },
        .judge =
            [&] {
              waiting->wait_success();
              waiting.reset();
            },
        .meanwhile =
            [&] {
              waiting.emplace([] {
                auto next = ring_channel::open_or_create("ticks");
                ASSERT_TRUE(next) << next.error().message();
                use("ticks");
              });
              // It is through, or it waits for the other one, without keeping a processor busy.
              wait_until_asleep_or_dead(waiting->id());
            },
    });
    EXPECT_EQ(names(), 0U);
  }
}

}  // namespace
}  // namespace sluice::test
