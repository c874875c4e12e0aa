// Programs that do not know each other, and take turns at semaphores that they find by name.

#include <gtest/gtest.h>

#include <sluice/primitive/posix_semaphore.hpp>
#include <sluice/primitive/system_v_semaphore_set.hpp>

#include "support/program.hpp"

namespace sluice::test {
namespace {

void run_two(const char* kind, bool second_comes_first) {
  const auto arguments = [kind](const char* which) -> std::vector<std::string> {
    return {SLUICE_SEMAPHORE_PROGRAM, kind, "turns", which, "300"};
  };
  program one{arguments(second_comes_first ? "second" : "first")};
  program other{arguments(second_comes_first ? "first" : "second")};
  one.wait_success();
  other.wait_success();
}

TEST(TwoPrograms, take_turns_at_posix_semaphores_whoever_makes_them) {
  for (const bool second_comes_first : {false, true}) {
    run_two("posix", second_comes_first);
    EXPECT_TRUE(posix_semaphore::unlink("turns-first"));
    EXPECT_TRUE(posix_semaphore::unlink("turns-second"));
  }
}

TEST(TwoPrograms, take_turns_at_a_set_of_semaphores_whoever_makes_it) {
  for (const bool second_comes_first : {false, true}) {
    run_two("set", second_comes_first);
    EXPECT_TRUE(system_v_semaphore_set::unlink("turns"));
  }
}

}  // namespace
}  // namespace sluice::test
