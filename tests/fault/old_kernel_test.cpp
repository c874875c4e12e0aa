// F48: what the library does on kernels, or in sandboxes, that lack the calls it likes best.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <iterator>
#include <optional>
#include <sluice/sluice.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "fault/failing_syscall.hpp"
#include "support/runtime_directory.hpp"

namespace sluice::test {
namespace {

const fault no_flags_at_all{.calls = {SYS_preadv2, SYS_pwritev2}, .error_number = EOPNOTSUPP};
const fault no_such_calls{.calls = {SYS_preadv2, SYS_pwritev2}, .error_number = ENOSYS};

bool is_nonblocking(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }

class OldKernel : public testing::TestWithParam<fault> {};

INSTANTIATE_TEST_SUITE_P(That, OldKernel, testing::Values(no_flags_at_all, no_such_calls),
                         [](const auto& one) {
                           return one.param.error_number == ENOSYS ? "knows_no_such_call"
                                                                   : "knows_no_flag";
                         });

TEST_P(OldKernel, never_blocks_on_a_shared_pipe_all_the_same) {
  auto ends = pipe::create();
  ASSERT_TRUE(ends);
  const fault_plan plan{GetParam()};
  std::array<std::byte, 8> buffer;
  EXPECT_TRUE(would_block(ends->reader.try_read(buffer).error()));
  std::size_t written = 0;
  const std::vector<std::byte> block(4096);
  for (;;) {
    auto taken = ends->writer.try_write(const_bytes{block});
    if (!taken) {
      EXPECT_TRUE(would_block(taken.error())) << taken.error().message();
      break;
    }
    written += *taken;
  }
  EXPECT_EQ(written, ends->writer.capacity_bytes().value());
  // The descriptions that others share are as they were.
  EXPECT_FALSE(is_nonblocking(ends->reader.native_handle()));
  EXPECT_FALSE(is_nonblocking(ends->writer.native_handle()));
}

TEST_P(OldKernel, carries_bytes_to_the_end_of_the_stream) {
  auto ends = pipe::create();
  ASSERT_TRUE(ends);
  const fault_plan plan{GetParam()};
  std::array<std::byte, 3> buffer;
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(ends->writer.try_write(bytes_of("abc")));
    ASSERT_TRUE(ends->writer.write_all(bytes_of("def")));
    EXPECT_EQ(ends->reader.try_read(buffer).value(), 3u);
    EXPECT_EQ(text_of(buffer), "abc");
    ASSERT_TRUE(ends->reader.read_exactly(buffer));
    EXPECT_EQ(text_of(buffer), "def");
  }
  std::move(ends->writer).release_handle().reset();
  EXPECT_TRUE(ends->reader.try_read(buffer).error() == errc::closed);
}

TEST_P(OldKernel, learns_it_at_the_first_call_of_each_end) {
  auto ends = pipe::create();
  ASSERT_TRUE(ends);
  const fault_plan plan{GetParam()};
  std::array<std::byte, 8> buffer;
  std::uint64_t struck = 0;
  for (int round = 0; round < 5; ++round) {
    ASSERT_TRUE(ends->writer.try_write(bytes_of("abc")));
    ASSERT_TRUE(ends->reader.try_read(buffer));
    if (round == 0) struck = plan.struck();
  }
  EXPECT_GT(struck, 0u);
  EXPECT_EQ(plan.struck(), struck) << "asked again for what the kernel has not";
  EXPECT_EQ(plan.calls_of(SYS_openat), 2u);
}

TEST_P(OldKernel, tells_a_broken_pipe_also_before_the_first_try) {
  auto ends = pipe::create();
  ASSERT_TRUE(ends);
  std::move(ends->reader).release_handle().reset();
  const fault_plan plan{GetParam()};
  for (int round = 0; round < 2; ++round) {
    auto taken = ends->writer.try_write(bytes_of("abc"));
    ASSERT_FALSE(taken);
    EXPECT_TRUE(taken.error() == std::errc::broken_pipe) << taken.error().message();
  }
}

TEST_P(OldKernel, says_what_is_needed_where_proc_is_missing_too) {
  auto ends = pipe::create();
  ASSERT_TRUE(ends);
  const fault_plan plan{{GetParam(), {.calls = {SYS_openat}, .error_number = ENOENT}}};
  std::array<std::byte, 8> buffer;
  auto got = ends->reader.try_read(buffer);
  auto taken = ends->writer.try_write(bytes_of("abc"));
  ASSERT_FALSE(got);
  ASSERT_FALSE(taken);
  for (const error& reason : {got.error(), taken.error()}) {
    EXPECT_STREQ(reason.operation(), "openat");
    EXPECT_NE(std::string_view{reason.hint()}.find("/proc"), std::string_view::npos)
        << reason.message();
  }
  // Waiting needs neither.
  EXPECT_TRUE(ends->writer.write_all(bytes_of("abc")));
  EXPECT_EQ(ends->reader.read_some(buffer).value(), 3u);
}

// A kernel that refuses writing as such is not asked for ever.
TEST(OldKernelThat, refuses_every_write_is_reported) {
  auto ends = pipe::create();
  ASSERT_TRUE(ends);
  for (const int number : {EOPNOTSUPP, ENOSYS}) {
    const fault_plan plan{{.calls = {SYS_preadv2, SYS_pwritev2, SYS_write, SYS_writev, SYS_read},
                           .error_number = number}};
    auto waited = ends->writer.write_all(bytes_of("abc"));
    ASSERT_FALSE(waited);
    EXPECT_EQ(waited.error().code().value(), number);
    auto tried = ends->writer.try_write(bytes_of("abc"));
    ASSERT_FALSE(tried);
    EXPECT_EQ(tried.error().code().value(), number);
    std::array<std::byte, 8> buffer;
    auto got = ends->reader.try_read(buffer);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code().value(), number);
  }
}

TEST(OldKernelThat, lacks_the_exclusive_rename_still_publishes_in_one_step) {
  for (const int number : {ENOSYS, EINVAL}) {
    const fault_plan plan{{.calls = {SYS_renameat2}, .error_number = number}};
    auto made = fifo::create("log");
    ASSERT_TRUE(made) << made.error().message();
    auto again = fifo::create("log");
    ASSERT_FALSE(again);
    EXPECT_TRUE(again.error() == std::errc::file_exists);
    struct stat found {};
    ASSERT_EQ(::stat(made->path().c_str(), &found), 0);
    EXPECT_EQ(found.st_nlink, 1u) << "the temporary name is still there";
  }
}

TEST(OldKernelThat, sets_no_mode_of_what_is_only_named_does_it_through_proc) {
  const mode_t before = ::umask(0777);
  constexpr long fchmodat2 = 452;
  {
    const fault_plan plan{{.calls = {fchmodat2}, .error_number = ENOSYS}};
    auto made = fifo::create("log");
    EXPECT_TRUE(made);
    struct stat found {};
    EXPECT_EQ(::stat(made->path().c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777, 0600u);
  }
  {
    const fault_plan plan{{{.calls = {fchmodat2}, .error_number = ENOSYS},
                           {.calls = {SYS_fchmodat}, .error_number = ENOENT}}};
    auto made = fifo::create("log");
    ASSERT_FALSE(made);
    EXPECT_NE(std::string_view{made.error().hint()}.find("/proc"), std::string_view::npos);
  }
  ::umask(before);
}

TEST(OldKernelThat, lacks_pidfds_reports_it_and_leaves_no_child) {
  const fault_plan plan{{.calls = {SYS_pidfd_open}, .error_number = ENOSYS}};
  auto forked = process::fork([] {
    for (;;) ::pause();
    return 0;
  });
  ASSERT_FALSE(forked);
  EXPECT_TRUE(forked.error() == std::errc::function_not_supported);
  EXPECT_STRNE(forked.error().hint(), "");
  auto spawned = process::spawn({.arguments = {"sleep", "1000"}});
  ASSERT_FALSE(spawned);
  EXPECT_STREQ(spawned.error().operation(), "pidfd_open");
}

TEST_P(OldKernel, never_blocks_on_an_event_and_still_waits_for_it) {
  // Before Linux 5.8: the description becomes non-blocking at the first try, once.
  event one = event::create({.counting = true}).value();
  const fault_plan plan{GetParam()};
  EXPECT_TRUE(would_block(one.try_wait().error()));
  const std::uint64_t struck = plan.struck();
  EXPECT_EQ(struck, 1U);
  EXPECT_EQ(one.wait(deadline::now()).error(), std::errc::timed_out);
  ASSERT_TRUE(one.notify(3));
  EXPECT_EQ(one.try_take().value(), 1U);
  EXPECT_TRUE(one.wait(deadline::now()));
  EXPECT_TRUE(one.wait());
  EXPECT_TRUE(would_block(one.try_wait().error()));
  EXPECT_EQ(plan.struck(), struck) << "asked again for what the kernel has not";
}

// Before Linux 5.11, or in a sandbox: whole milliseconds, and never less than was asked for.
TEST(OldKernelThat, waits_in_whole_milliseconds_waits_no_shorter) {
  using namespace std::chrono_literals;
  for (const int number : {ENOSYS, EPERM}) {
    const fault_plan plan{{.calls = {SYS_epoll_pwait2}, .error_number = number}};
    selector all = selector::create().value();
    event one = event::create().value();
    const selector_key key = all.add_readable(one).value();
    const auto told = [&](deadline until) -> std::optional<std::size_t> {
      auto found = all.wait(until);
      if (!found && found.error() == std::errc::timed_out) return 0;
      if (!found) return std::nullopt;
      return static_cast<std::size_t>(std::ranges::distance(found->begin(), found->end()));
    };
    const auto begun = deadline::clock::now();
    EXPECT_EQ(told(2'300us), 0U);
    EXPECT_GE(deadline::clock::now() - begun, 2'300us);
    const selector_key timer = all.add_timer(1'700us).value();
    EXPECT_EQ(told(deadline::never()), 1U);
    EXPECT_GE(deadline::clock::now() - begun, 4ms);
    EXPECT_TRUE(all.remove(timer));
    EXPECT_GT(plan.struck(), 0U);
    ASSERT_TRUE(one.notify());
    EXPECT_EQ(told(1h), 1U);
    EXPECT_EQ(told(deadline::now()), 1U);
    EXPECT_EQ(told(deadline::never()), 1U);
    EXPECT_TRUE(all.remove(key));
  }
}

TEST(OldKernelThat, tells_nothing_of_its_memory_gives_memory_all_the_same) {
  const fault_plan plan{{.calls = {SYS_openat}, .error_number = ENOENT}};
  EXPECT_TRUE(memory_map::create_anonymous(4096));
}

}  // namespace
}  // namespace sluice::test
