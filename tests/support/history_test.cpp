#include "support/history.hpp"

#include <gtest/gtest.h>

namespace {

using namespace sluice::test;

TEST(HistoryChecker, complete_histories_of_several_senders_pass) {
  history_checker checker;
  for (std::uint64_t sequence = 0; sequence < 20; ++sequence)
    for (std::uint32_t sender = 0; sender < 3; ++sender) {
      const auto size = size_of_message(sender, sequence, min_message_bytes, 500);
      EXPECT_EQ(checker.check(make_message(sender, sequence, size)), damage::none);
    }
  EXPECT_TRUE(checker.verdict(3, 20));
  EXPECT_EQ(checker.received(), 60U);
}

TEST(HistoryChecker, a_change_of_any_byte_is_torn) {
  const auto whole = make_message(1, 2, 100);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    auto changed = whole;
    changed[at] ^= std::byte{0x10};
    history_checker checker;
    EXPECT_EQ(checker.check(changed), damage::torn) << "byte " << at;
    EXPECT_EQ(checker.count(damage::torn), 1U);
  }
}

TEST(HistoryChecker, a_message_cut_at_any_byte_is_torn) {
  const auto whole = make_message(1, 2, 100);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    history_checker checker;
    EXPECT_EQ(checker.check(sluice::const_bytes{whole}.first(size)), damage::torn) << size;
  }
}

TEST(HistoryChecker, two_messages_in_one_are_torn) {
  auto joined = make_message(0, 0, 100);
  const auto second = make_message(0, 1, 100);
  joined.insert(joined.end(), second.begin(), second.end());
  history_checker checker;
  EXPECT_EQ(checker.check(joined), damage::torn);
}

TEST(HistoryChecker, halves_of_two_messages_are_torn) {
  auto mixed = make_message(0, 0, 200);
  const auto other = make_message(1, 0, 200);
  std::copy(other.begin() + 100, other.end(), mixed.begin() + 100);
  history_checker checker;
  EXPECT_EQ(checker.check(mixed), damage::torn);
}

TEST(HistoryChecker, a_message_that_comes_twice_is_noticed) {
  history_checker checker;
  static_cast<void>(checker.check(make_message(0, 0, 50)));
  EXPECT_EQ(checker.check(make_message(0, 0, 50)), damage::twice);
  EXPECT_FALSE(checker.verdict(1, 1));
}

TEST(HistoryChecker, a_message_that_comes_late_is_noticed) {
  history_checker checker;
  static_cast<void>(checker.check(make_message(0, 0, 50)));
  static_cast<void>(checker.check(make_message(0, 2, 50)));
  EXPECT_EQ(checker.check(make_message(0, 1, 50)), damage::reordered);
  EXPECT_FALSE(checker.verdict(1, 3));
}

TEST(HistoryChecker, a_lost_message_fails_the_verdict_wherever_it_was) {
  for (std::uint64_t lost = 0; lost < 5; ++lost) {
    history_checker checker;
    for (std::uint64_t sequence = 0; sequence < 5; ++sequence) {
      if (sequence == lost) continue;
      EXPECT_EQ(checker.check(make_message(7, sequence, 50)), damage::none);
    }
    const auto verdict = checker.verdict({{7, {.at_least = 5, .at_most = 5}}});
    EXPECT_FALSE(verdict);
    EXPECT_NE(std::string{verdict.message()}.find("lost: message " + std::to_string(lost)),
              std::string::npos)
        << verdict.message();
  }
}

TEST(HistoryChecker, a_message_that_nobody_sent_fails_the_verdict) {
  history_checker beyond;
  static_cast<void>(beyond.check(make_message(0, 0, 50)));
  EXPECT_TRUE(beyond.verdict(1, 1));
  static_cast<void>(beyond.check(make_message(0, 1, 50)));
  EXPECT_FALSE(beyond.verdict(1, 1));

  history_checker unknown;
  static_cast<void>(unknown.check(make_message(9, 0, 50)));
  EXPECT_FALSE(unknown.verdict(1, 0));

  history_checker absurd;
  EXPECT_EQ(absurd.check(make_message(0, std::uint64_t{1} << 62, 50)), damage::invented);
}

TEST(HistoryChecker, what_a_killed_sender_was_sending_may_have_arrived_or_not) {
  const std::map<std::uint32_t, sent_messages> sent{{0, {.at_least = 2, .at_most = 3}}};
  history_checker checker;
  static_cast<void>(checker.check(make_message(0, 0, 50)));
  EXPECT_FALSE(checker.verdict(sent));
  static_cast<void>(checker.check(make_message(0, 1, 50)));
  EXPECT_TRUE(checker.verdict(sent));
  static_cast<void>(checker.check(make_message(0, 2, 50)));
  EXPECT_TRUE(checker.verdict(sent));
  static_cast<void>(checker.check(make_message(0, 3, 50)));
  EXPECT_FALSE(checker.verdict(sent));
}

TEST(HistoryChecker, several_receivers_together_have_each_message_once) {
  history_checker even;
  history_checker odd;
  for (std::uint64_t sequence = 0; sequence < 10; sequence += 2) {
    static_cast<void>(even.check(make_message(0, sequence, 50)));
    static_cast<void>(odd.check(make_message(0, sequence + 1, 50)));
  }
  EXPECT_FALSE(even.verdict(1, 10));
  history_checker both = even;
  both.merge(odd);
  EXPECT_TRUE(both.verdict(1, 10));
  both.merge(odd);
  EXPECT_EQ(both.count(damage::twice), 5U);
  EXPECT_FALSE(both.verdict(1, 10));
}

}  // namespace
