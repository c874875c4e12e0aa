// The protocols of ring/ under every order that the language allows, and every order in them made
// weaker, one at a time.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string_view>

#include "programs.hpp"

namespace sluice::weak {
namespace {

struct reason {
  std::string_view text;  // of a site, or how it begins
  std::string_view why;
};

constexpr std::string_view by_the_lock =
    "who reads it holds the lock of the slot, which the kernel hands on with all that was done";
constexpr std::string_view by_taken = "`taken` is stored after it with release, and loaded before";
constexpr std::string_view by_the_check =
    "the check fits both words or none, and its own release and that of the words each suffice";
constexpr std::string_view by_the_fence = "a full fence, or the barrier for all, follows";

// Orders that may be weaker without harm, each for itself. They are kept where they cost nothing.
constexpr reason not_needed[] = {
    {"consumer.hpp consumer: load released, acquire", by_the_lock},
    {"log.hpp end_of: load header, acquire", by_the_lock},
    {"lane.hpp roll_forward: load lease, acquire", by_the_lock},
    {"lane.hpp operator(): load lease, acquire", "it is looked at again under the slot's lock"},
    {"log.hpp messages_before: load header, acquire",
     "nothing but headers is read there, and one of an earlier lap has another tag"},
    {"log.hpp read_checkpoint: load checkpoint.check, acquire",
     "who reads on from there makes a fence first"},
    {"log.hpp read_checkpoint: load mark.check, acquire",
     "who reads on from there makes a fence first"},
    {"log.hpp write_checkpoint: store", by_the_check},
    {"lane.hpp announce: modify receivers, acq_rel", by_taken},
    {"lane.hpp used: load receivers, acquire", by_taken},
    {"range.hpp take: store held, release", by_taken},
    {"range.hpp take: store range_from, release", by_the_lock},
    {"range.hpp take: store range_to, release", by_the_lock},
    {"range.hpp take: store range_base, release", by_the_lock},
    {"range.hpp take: store counters[0], release", by_the_lock},
    {"range.hpp take: store counters[1], release", by_the_lock},
    {"range.hpp walk: load header, acquire", "`try_peek` acquires the same header once more"},
    {"range.hpp try_peek: load header, acquire", "`walk` has acquired the same header before"},
    {"publisher.hpp admitted: store released, release", "a joiner only compares it"},
    {"publisher.hpp confirm: store released, release", "a joiner only compares it"},
    {"subscriber.hpp start: load released, acquire", "it is only compared"},
    {"topic.hpp slowest: load place, acquire", by_the_fence},
    {"wake_up.hpp is_granted: modify fences, seq_cst", by_the_fence},
    {"wake_up.hpp take_back: modify fences, seq_cst", by_the_fence},
    {"wake_up.hpp lie_down: store resting, release", by_the_fence},
    {"wake_up.hpp lie_down: modify sleepers, seq_cst", by_the_fence},
    {"wake_up.hpp rouse: modify resting, acq_rel", "who was woken and sees nothing fences again"},
    {"wake_up.hpp tells_of_sleep: fence, acquire",
     "of one who wakes: it is for two, of whom one has taken the question back"},
    // The same fence stands in many places; these need none.
    {"wake_up.hpp full_fence: fence, seq_cst, by thread 1 of a_sleeper_that_makes_the_barrier",
     by_the_fence},
    {"wake_up.hpp full_fence: fence, seq_cst, by thread 1 of one_whose_sleep_shows_in_a_summary",
     by_the_fence},
    {"wake_up.hpp full_fence: fence, seq_cst, by thread 0 of a_sender_is_woken_for_the_room",
     by_the_fence},
    {"wake_up.hpp full_fence: fence, seq_cst, by thread 0 of a_publisher_overwrites_what",
     "nobody joins there"},
    {"wake_up.hpp full_fence: fence, seq_cst, by thread 0 of a_subscriber_sees_whole_messages",
     "nobody joins there"},
};

const reason* reason_for(const site& one) {
  const auto* const found =
      std::find_if(std::begin(not_needed), std::end(not_needed),
                   [&](const reason& each) { return one.text.starts_with(each.text); });
  return found == std::end(not_needed) ? nullptr : found;
}

// The rest of the programs' text stands in for what calls the kernel, and is no part of ring/.
bool is_in_ring(const site& one) { return one.text.find("programs.cpp ") == std::string::npos; }

class WeakMemory : public ::testing::TestWithParam<program> {};

// Row F12 as far as it is orders; H5 and H7 are for tests of what two do at once.
TEST_P(WeakMemory, holds_in_every_run) {
  const verdict said = explore(GetParam());
  EXPECT_EQ(said.violation, "") << said.run;
  std::printf("%s: %llu runs, %llu of them cut short\n", GetParam().called.c_str(),
              static_cast<unsigned long long>(said.runs),
              static_cast<unsigned long long>(said.cut_short));
}

std::string name_of(const ::testing::TestParamInfo<program>& one) { return one.param.called; }
INSTANTIATE_TEST_SUITE_P(That, WeakMemory, ::testing::ValuesIn(all_programs()), name_of);

class WeakMemoryMistake : public ::testing::TestWithParam<program> {};

TEST_P(WeakMemoryMistake, is_found) { EXPECT_NE(explore(GetParam()).violation, ""); }

INSTANTIATE_TEST_SUITE_P(That, WeakMemoryMistake, ::testing::ValuesIn(mistaken_programs()),
                         name_of);

TEST(WeakMemoryOrders, that_are_weakened_are_missed_or_it_is_said_why_not) {
  std::vector<program> programs = all_programs();
  std::erase_if(programs, [](const program& one) { return one.is_large; });
  std::map<std::string, std::string> violated;  // by each order that was weakened
  std::uint64_t runs = 0;
  for (const program& what : programs) {
    for (const site& one : explore(what).sites) {
      std::string& already = violated[one.text];
      if (!already.empty() || !is_in_ring(one)) continue;
      const verdict said = explore(what, &one);
      runs += said.runs;
      if (!said.violation.empty()) already = said.violation + " (" + what.called + ")";
    }
  }
  int rejected = 0;
  for (const auto& [text, how] : violated) {
    if (!is_in_ring({text})) continue;
    const reason* const known = reason_for({text});
    EXPECT_TRUE(known != nullptr || !how.empty()) << text << " is missed by no program";
    EXPECT_TRUE(known == nullptr || how.empty()) << text << " is said not to matter: " << how;
    rejected += how.empty() ? 0 : 1;
    std::printf("%s: %s\n", text.c_str(), how.empty() ? "not needed" : how.c_str());
  }
  EXPECT_GE(rejected, 30);
  std::printf("%d orders are missed, in %llu runs\n", rejected,
              static_cast<unsigned long long>(runs));
  for (const reason& each : not_needed) {
    const auto found = std::find_if(violated.begin(), violated.end(), [&](const auto& one) {
      return one.first.starts_with(each.text);
    });
    EXPECT_NE(found, violated.end()) << each.text << " is not there any more";
  }
}

}  // namespace
}  // namespace sluice::weak
