// The seam that fails on demand does what its plans say: what the other tests here rest on.

#include "fault/failing_syscall.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <sluice/channel/pipe.hpp>
#include <sluice/primitive/event.hpp>
#include <vector>

#include "support/child.hpp"

namespace sluice::test {
namespace {

// Which of ten creations failed.
std::vector<int> failures_of_ten() {
  std::vector<int> failed;
  for (int i = 1; i <= 10; ++i) {
    auto made = event::create();
    if (!made) failed.push_back(i);
  }
  return failed;
}

using numbers = std::vector<int>;

TEST(FaultPlan, without_faults_only_counts) {
  const fault_plan plan;
  EXPECT_EQ(failures_of_ten(), numbers{});
  EXPECT_EQ(plan.calls_of(SYS_eventfd2), 10u);
  EXPECT_EQ(plan.calls(), 20u);  // each is closed again
  EXPECT_EQ(plan.struck(), 0u);
  EXPECT_EQ(plan.first_struck(), -1);
}

TEST(FaultPlan, strikes_the_calls_that_were_named) {
  const fault_plan plan{{.calls = {SYS_eventfd2}, .first = 4, .times = 1, .error_number = EMFILE}};
  EXPECT_EQ(failures_of_ten(), numbers{4});
  EXPECT_EQ(plan.struck(), 1u);
  EXPECT_EQ(plan.first_struck(), SYS_eventfd2);
}

TEST(FaultPlan, strikes_every_nth_call_up_to_a_number) {
  {
    const fault_plan plan{{.calls = {SYS_eventfd2}, .first = 2, .every = 3, .error_number = EIO}};
    EXPECT_EQ(failures_of_ten(), (numbers{2, 5, 8}));
  }
  {
    const fault_plan plan{{.calls = {SYS_eventfd2}, .every = 2, .times = 2, .error_number = EIO}};
    EXPECT_EQ(failures_of_ten(), (numbers{1, 3}));
  }
}

TEST(FaultPlan, ends_with_its_scope) {
  { const fault_plan plan{fault{.error_number = EIO}}; }
  EXPECT_EQ(failures_of_ten(), numbers{});
}

TEST(FaultPlan, closes_also_when_closing_fails) {
  auto made = event::create();
  ASSERT_TRUE(made);
  const int fd = made->native_handle();
  {
    const fault_plan plan{{.calls = {SYS_close}, .error_number = EINTR}};
    std::move(*made).release_handle().reset();
  }
  EXPECT_LT(::fcntl(fd, F_GETFD), 0);
}

TEST(FaultPlan, cuts_reads_and_writes_short) {
  auto ends = pipe::create();
  ASSERT_TRUE(ends);
  const std::array<const_bytes, 2> parts{bytes_of("abc"), bytes_of("def")};
  std::array<std::byte, 8> buffer;
  const fault_plan plan{{.calls = {SYS_preadv2, SYS_pwritev2}, .at_most_bytes = 4}};
  EXPECT_EQ(ends->writer.try_write(parts).value(), 4u);
  EXPECT_EQ(ends->writer.try_write(bytes_of("x")).value(), 1u);
  EXPECT_EQ(ends->reader.try_read(buffer).value(), 4u);
  EXPECT_EQ(text_of(const_bytes{buffer}.first(4)), "abcd");
}

TEST(FaultPlan, does_not_concern_a_forked_child) {
  const fault_plan plan{{.calls = {SYS_eventfd2}, .error_number = EIO}};
  child other{[] { EXPECT_EQ(failures_of_ten(), numbers{}); }};
  other.wait_success();
  EXPECT_EQ(failures_of_ten().size(), 10u);
}

}  // namespace
}  // namespace sluice::test
