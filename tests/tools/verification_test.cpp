// The judge of the tour: each way in which what arrived can differ is found and called by its name.

#include "tools/tour/verification.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tools/tour/messages.hpp"

namespace {

using sluice::bytes_of;
using sluice::tour::compare;
using sluice::tour::deal;
using sluice::tour::digest;
using sluice::tour::digest_of;
using sluice::tour::discrepancies;
using sluice::tour::message_set;
using sluice::tour::sample_of;
using digests = std::vector<digest>;

TEST(Verification, equal_sequences_have_no_discrepancy) {
  EXPECT_TRUE(compare(digests{1, 2, 2, 3}, digests{1, 2, 2, 3}).none());
  EXPECT_TRUE(compare(digests{}, digests{}).none());
}

TEST(Verification, what_did_not_come_is_lost) {
  EXPECT_EQ(compare(digests{1, 2, 3}, digests{1, 3}), discrepancies{.lost = 1});
  EXPECT_EQ(compare(digests{1, 2, 3}, digests{}), discrepancies{.lost = 3});
}

TEST(Verification, what_came_twice_is_extra) {
  EXPECT_EQ(compare(digests{1, 2}, digests{1, 1, 2}), discrepancies{.extra = 1});
}

TEST(Verification, what_was_never_sent_is_different) {
  EXPECT_EQ(compare(digests{1, 2}, digests{1, 9}), (discrepancies{.lost = 1, .different = 1}));
  EXPECT_EQ(compare(digests{}, digests{9}), discrepancies{.different = 1});
}

TEST(Verification, what_came_too_early_or_too_late_is_reordered_once) {
  EXPECT_EQ(compare(digests{1, 2, 3, 4}, digests{4, 1, 2, 3}), discrepancies{.reordered = 1});
  EXPECT_EQ(compare(digests{1, 2, 3, 4}, digests{2, 3, 4, 1}), discrepancies{.reordered = 1});
  EXPECT_EQ(compare(digests{1, 2, 3}, digests{3, 2, 1}), discrepancies{.reordered = 2});
}

TEST(Verification, a_lost_message_with_equals_does_not_look_reordered) {
  EXPECT_EQ(compare(digests{7, 1, 7, 2}, digests{1, 7, 2}), discrepancies{.lost = 1});
}

TEST(Verification, text_names_what_there_is) {
  EXPECT_EQ(discrepancies{}.to_text(), "");
  EXPECT_EQ((discrepancies{.lost = 2, .different = 1}.to_text()), "2 lost, 1 different");
}

// Texts with equals among them, and the messages made of them.
struct texts {
  std::vector<std::string> all;
  message_set set{.kind = "lines"};
  explicit texts(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) all.push_back(std::to_string(i % 50));
    for (const std::string& one : all) set.add(bytes_of(one));
  }
};

TEST(Verification, any_interleaving_of_senders_is_right_as_long_as_each_keeps_its_order) {
  const texts made{1000};
  const auto dealt = deal(made.set, 3);
  EXPECT_EQ(dealt[0].size() + dealt[1].size() + dealt[2].size(), 1000U);
  digests one_after_another;
  for (const message_set& lane : {dealt[2], dealt[0], dealt[1]})
    one_after_another.insert(one_after_another.end(), lane.digests.begin(), lane.digests.end());
  EXPECT_TRUE(compare(dealt, one_after_another).none());
  EXPECT_TRUE(compare(dealt, made.set.digests).none());

  digests disordered = made.set.digests;
  std::ranges::reverse(disordered);
  const discrepancies found = compare(dealt, disordered);
  EXPECT_GT(found.reordered, 0U);
  EXPECT_EQ(found.lost + found.extra + found.different, 0U);
}

TEST(Messages, equal_messages_are_dealt_to_one_sender) {
  const texts made{500};
  const auto dealt = deal(made.set, 3);
  for (std::size_t lane = 0; lane < dealt.size(); ++lane) {
    EXPECT_GT(dealt[lane].size(), 0U);
    for (const digest one : dealt[lane].digests) EXPECT_EQ(one % 3, lane);
  }
}

TEST(Messages, a_sample_is_spread_over_all_and_keeps_the_order) {
  const texts made{1000};
  const message_set sample = sample_of(made.set, 10);
  ASSERT_EQ(sample.size(), 10U);
  for (std::size_t i = 0; i < 10; ++i)
    EXPECT_EQ(sample.messages[i].data(), made.set.messages[i * 100].data());
  EXPECT_EQ(sample_of(made.set, 5000).size(), 1000U);
  EXPECT_EQ(sample_of(made.set, 5000).total_bytes, made.set.total_bytes);
}

TEST(Messages, the_digest_tells_messages_of_different_length_or_content_apart) {
  EXPECT_EQ(digest_of(bytes_of("abc")), digest_of(bytes_of("abc")));
  EXPECT_NE(digest_of(bytes_of("abc")), digest_of(bytes_of("abd")));
  EXPECT_NE(digest_of({}), digest_of(bytes_of(std::string(1, '\0'))));
}

}  // namespace
