#include "os/process_table.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <sluice/os/process.hpp>
#include <string>
#include <string_view>

#include "support/child.hpp"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::child;

// F15: the number of a dead user that somebody else has by now.
TEST(ProcessTable, a_process_that_began_later_is_not_the_one_that_was_meant) {
  child other{[] { ::pause(); }};
  const auto now = std::chrono::system_clock::now();
  EXPECT_TRUE(lived_at(other.id(), now + 1s));
  EXPECT_FALSE(lived_at(other.id(), now - 1h));
  other.kill();
  EXPECT_FALSE(lived_at(other.id(), now + 1s));
  EXPECT_FALSE(lived_at(0, now));
  EXPECT_FALSE(lived_at(-1, now));
}

// F14
TEST(ProcessTable, a_process_that_is_dead_and_not_reaped_does_not_live) {
  auto zombie = process::fork([] { return 0; }).value();
  ASSERT_TRUE(zombie.wait_for_exit(deadline{test::patience}));
  EXPECT_FALSE(lived_at(zombie.id(), std::chrono::system_clock::now() + 1s));
  ASSERT_TRUE(zombie.wait());
}

std::string stat_with(std::string_view ticks, char state = 'S') {
  return std::string{"7 (a) b) "} + state + " 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 " +
         std::string{ticks} + " 0 0\n";
}

TEST(ProcessTable, when_a_process_began_is_read_behind_any_name) {
  EXPECT_EQ(began_after_start(stat_with("1234")), 12'340ms);
  EXPECT_EQ(began_after_start(stat_with("0")), 0ms);
  for (const char state : {'Z', 'X'}) EXPECT_FALSE(began_after_start(stat_with("1", state)));
  for (const std::string_view none : {"", "7", "7 (a", "7 (a)", "7 (a) S 1 2 3"})
    EXPECT_FALSE(began_after_start(none)) << none;
}

TEST(ProcessTable, a_time_that_no_clock_counts_to_is_none) {
  // Found by tests/fuzz: sums with these do not fit.
  for (const char* ticks : {"-1", "400000000000", "922337203685477", "1844674407370955161",
                            "18446744073709551615", "99999999999999999999999"})
    EXPECT_FALSE(began_after_start(stat_with(ticks))) << ticks;
}

}  // namespace
}  // namespace sluice
