// F8, step by step: who attaches is killed at each edge of each system call.

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <cstdlib>
#include <sluice/os/liveness.hpp>

#include "support/traced_child.hpp"

namespace {

using namespace sluice;

TEST(LivenessCrash, killed_at_any_system_call_of_attach_and_detach_leaves_the_slot_free) {
  if (const char* reason = test::reason_not_to_trace(); *reason != '\0') GTEST_SKIP() << reason;
  const unique_fd file{::memfd_create("slots", MFD_CLOEXEC)};
  liveness judge = liveness::open(file.get()).value();
  liveness watcher = liveness::open(file.get()).value();
  const long killed = test::kill_at_each_step({
      .size = test::step_size::system_call,
      .operation =
          [&] {
            auto mine = liveness::open(file.get());
            if (!mine || !mine->try_hold(1) || !mine->let_go(1) || !mine->try_hold(2)) ::abort();
          },
      .judge =
          [&] {
            for (const std::uint32_t slot : {1U, 2U}) {
              EXPECT_FALSE(watcher.is_held_by_others(slot).value());
              EXPECT_TRUE(judge.try_hold(slot).value());
              EXPECT_TRUE(judge.let_go(slot));
            }
          },
  });
  EXPECT_GT(killed, 10);
}

}  // namespace
