#include "os/process_table.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <sluice/os/process.hpp>

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

}  // namespace
}  // namespace sluice
