#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <sluice/ring/patience.hpp>

namespace sluice {
namespace {

using namespace std::chrono_literals;
using ring::patience;

constexpr auto longest = 20us;

// So many waits of somebody who sleeps whenever it does not look, and whose looks do not help.
// How long it looked, all together.
std::chrono::nanoseconds waits_in_vain(patience& who, int count, std::chrono::nanoseconds lasted) {
  std::chrono::nanoseconds looked{0};
  for (int n = 0; n < count; ++n) {
    const auto look = who.next();
    looked += look;
    if (look > 0ns) who.looked_in_vain();
    who.slept(lasted, true);
  }
  return looked;
}

TEST(Patience, looks_as_long_as_it_may_at_first_and_while_it_helps) {
  patience who{longest};
  for (int n = 0; n < 100; ++n) {
    EXPECT_EQ(who.next(), longest);
    who.looked_with_success(n % 2 == 0 ? 100ns : 15us);
  }
}

TEST(Patience, without_a_look_allowed_never_looks) {
  patience who{0ns};
  for (int n = 0; n < 100; ++n) {
    EXPECT_EQ(who.next(), 0ns);
    who.slept(n % 2 == 0 ? 1us : 1ms, true);
  }
}

TEST(Patience, of_a_slow_sender_is_spent_after_a_few_waits_for_good) {
  patience who{longest};
  EXPECT_LE(waits_in_vain(who, 4, 1ms), 2 * longest);
  EXPECT_EQ(waits_in_vain(who, 10'000, 1ms), 0ns);
}

TEST(Patience, comes_back_after_a_few_short_waits) {
  patience who{longest};
  waits_in_vain(who, 1000, 1ms);
  int waits = 0;
  while (who.next() == 0ns) {
    who.slept(8us, true);  // of which most is the waking
    ASSERT_LT(++waits, 10);
  }
  // A gap of some microseconds is met by the first look.
  who.looked_with_success(3us);
  EXPECT_EQ(who.next(), longest);
}

TEST(Patience, survives_one_long_wait_among_short_ones) {
  patience who{longest};
  for (int n = 0; n < 10; ++n) who.looked_with_success(1us);
  who.slept(10ms, true);
  EXPECT_GT(who.next(), 0ns);
}

// As where both sides share a processor: waits are short, and looking only delays them.
TEST(Patience, that_never_helps_is_tried_shortly_and_seldom_though_waits_are_short) {
  patience who{longest};
  waits_in_vain(who, 1000, 2us);
  constexpr int more = 6400;
  const auto looked = waits_in_vain(who, more, 2us);
  EXPECT_GT(looked, 0ns);
  EXPECT_LE(looked, more / 64 * longest / 4);
}

TEST(Patience, that_never_helped_is_back_within_the_waits_between_two_looks) {
  patience who{longest};
  waits_in_vain(who, 1000, 2us);
  std::uint32_t waits = 0;
  while (who.next() == 0ns) {
    who.slept(2us, true);
    ASSERT_LE(++waits, patience::waits_between_looks);
  }
  who.looked_with_success(2us);
  EXPECT_EQ(who.next(), longest);
}

TEST(Patience, learns_nothing_from_who_gave_up_sooner) {
  patience slow{longest};
  waits_in_vain(slow, 1000, 1ms);
  for (int n = 0; n < 1000; ++n) {
    EXPECT_EQ(slow.next(), 0ns);
    slow.slept(10us, false);
  }
  // Who gave up late has learnt that it takes long.
  patience fast{longest};
  for (int n = 0; n < 10; ++n) fast.slept(1ms, false);
  EXPECT_EQ(fast.next(), 0ns);
}

}  // namespace
}  // namespace sluice
