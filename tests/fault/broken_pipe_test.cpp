// F34: a broken pipe is an error value. Dispositions, mask and pending set are as before, with the
// kernel's no-signal flag and with the fallback.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <functional>
#include <sluice/channel/fifo.hpp>
#include <sluice/channel/pipe.hpp>
#include <thread>
#include <vector>

#include "fault/failing_syscall.hpp"
#include "support/child.hpp"

namespace sluice::test {
namespace {

constexpr int no_signal_flag = 0x100;
constexpr int no_wait_flag = 0x8;

// What this kernel, or an older one, makes of the calls with flags.
struct kernel {
  const char* name;
  std::vector<fault> faults;
};

const std::vector<kernel>& kernels() {
  static const std::vector<kernel> all{
      {"this_one", {}},
      {"without_the_no_signal_flag", {{.with_flags = no_signal_flag, .error_number = EOPNOTSUPP}}},
      {"without_any_flag",
       {{.with_flags = no_signal_flag | no_wait_flag, .error_number = EOPNOTSUPP}}},
      {"without_calls_with_flags",
       {{.calls = {SYS_preadv2, SYS_pwritev2}, .error_number = ENOSYS}}},
      {"with_interruptions",
       {{.with_flags = no_signal_flag, .error_number = EOPNOTSUPP},
        {.every = 2, .error_number = EINTR}}},
  };
  return all;
}

pipe_writer broken_writer() {
  auto ends = pipe::create();
  EXPECT_TRUE(ends);
  return std::move(ends->writer);  // the reader goes
}

bool is_pending(int signal) {
  sigset_t pending;
  ::sigpending(&pending);
  return ::sigismember(&pending, signal) == 1;
}

bool is_blocked(int signal) {
  sigset_t mask;
  ::pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  return ::sigismember(&mask, signal) == 1;
}

void set_blocked(int signal, bool yes) {
  sigset_t one;
  ::sigemptyset(&one);
  ::sigaddset(&one, signal);
  ::pthread_sigmask(yes ? SIG_BLOCK : SIG_UNBLOCK, &one, nullptr);
}

class BrokenPipe : public testing::TestWithParam<kernel> {
 protected:
  // In a child: should SIGPIPE come after all, then it kills nobody but the child.
  static void in_child(const std::function<void()>& body) {
    child isolated{[&] {
      const fault_plan plan{GetParam().faults};
      body();
    }};
    isolated.wait_success();
  }

  static void expect_broken(pipe_writer& writer) {
    const const_bytes bytes = bytes_of("abc");
    auto tried = writer.try_write(bytes);
    ASSERT_FALSE(tried);
    EXPECT_TRUE(tried.error() == std::errc::broken_pipe) << tried.error().message();
    auto waited = writer.write_all(bytes);
    ASSERT_FALSE(waited);
    EXPECT_TRUE(waited.error() == std::errc::broken_pipe) << waited.error().message();
    EXPECT_STREQ(waited.error().operation(), "write");
  }
};

INSTANTIATE_TEST_SUITE_P(On, BrokenPipe, testing::ValuesIn(kernels()),
                         [](const auto& one) { return std::string{one.param.name}; });

TEST_P(BrokenPipe, is_an_error_value_where_the_signal_would_kill) {
  in_child([] {
    ::signal(SIGPIPE, SIG_DFL);
    pipe_writer writer = broken_writer();
    expect_broken(writer);
    EXPECT_FALSE(is_pending(SIGPIPE));
    EXPECT_FALSE(is_blocked(SIGPIPE));
  });
}

std::atomic<int> handled{0};

TEST_P(BrokenPipe, calls_no_handler) {
  in_child([] {
    struct sigaction mine {};
    mine.sa_handler = [](int) { ++handled; };
    ::sigaction(SIGPIPE, &mine, nullptr);
    pipe_writer writer = broken_writer();
    expect_broken(writer);
    EXPECT_EQ(handled, 0);
    struct sigaction after {};
    ::sigaction(SIGPIPE, nullptr, &after);
    EXPECT_EQ(after.sa_handler, mine.sa_handler);
  });
}

TEST_P(BrokenPipe, leaves_a_pending_signal_pending) {
  in_child([] {
    set_blocked(SIGPIPE, true);
    ::pthread_kill(::pthread_self(), SIGPIPE);
    ASSERT_TRUE(is_pending(SIGPIPE));
    pipe_writer writer = broken_writer();
    expect_broken(writer);
    EXPECT_TRUE(is_pending(SIGPIPE)) << "somebody else's signal was taken";
    EXPECT_TRUE(is_blocked(SIGPIPE));
  });
}

TEST_P(BrokenPipe, leaves_none_pending_where_the_signal_is_blocked) {
  in_child([] {
    set_blocked(SIGPIPE, true);
    pipe_writer writer = broken_writer();
    expect_broken(writer);
    EXPECT_FALSE(is_pending(SIGPIPE));
    EXPECT_TRUE(is_blocked(SIGPIPE));
  });
}

TEST_P(BrokenPipe, changes_no_mask_when_the_write_succeeds) {
  in_child([] {
    auto ends = pipe::create();
    ASSERT_TRUE(ends);
    EXPECT_TRUE(ends->writer.write_all(bytes_of("abc")));
    EXPECT_TRUE(ends->writer.try_write(bytes_of("abc")));
    EXPECT_FALSE(is_blocked(SIGPIPE));
  });
}

TEST_P(BrokenPipe, is_an_error_value_in_every_thread) {
  in_child([] {
    ::signal(SIGPIPE, SIG_DFL);
    constexpr int count = 4;
    std::vector<std::thread> threads;
    threads.reserve(count);
    for (int i = 0; i < count; ++i)
      threads.emplace_back([] {
        pipe_writer writer = broken_writer();
        for (int round = 0; round < 50; ++round) expect_broken(writer);
      });
    for (std::thread& one : threads) one.join();
    EXPECT_FALSE(is_pending(SIGPIPE));
  });
}

TEST_P(BrokenPipe, of_a_fifo_is_the_same) {
  auto made = fifo::create("log");
  ASSERT_TRUE(made);
  in_child([] {
    ::signal(SIGPIPE, SIG_DFL);
    auto reader = fifo_reader::open("log");
    auto writer = fifo_writer::open("log", deadline{patience});
    ASSERT_TRUE(reader && writer);
    std::move(*reader).release_handle().reset();
    for (int round = 0; round < 2; ++round) {
      auto taken = writer->try_write(bytes_of("abc"));
      ASSERT_FALSE(taken);
      EXPECT_TRUE(taken.error() == std::errc::broken_pipe) << taken.error().message();
    }
    EXPECT_FALSE(is_pending(SIGPIPE));
  });
}

TEST(NoSignalFlag, costs_one_system_call_where_the_kernel_has_it) {
  auto ends = pipe::create();
  ASSERT_TRUE(ends);
  const fault_plan plan;
  ASSERT_TRUE(ends->writer.write_all(bytes_of("abc")));
  if (plan.calls_of(SYS_rt_sigprocmask) != 0)
    GTEST_SKIP() << "this kernel has no RWF_NOSIGNAL (Linux 6.18)";
  EXPECT_EQ(plan.calls(), 1u);
  EXPECT_EQ(plan.calls_of(SYS_pwritev2), 1u);
}

TEST(NoSignalFlag, is_asked_for_no_more_once_the_kernel_had_it_not) {
  auto ends = pipe::create();
  ASSERT_TRUE(ends);
  const fault_plan plan{{.with_flags = no_signal_flag, .error_number = EOPNOTSUPP}};
  ASSERT_TRUE(ends->writer.write_all(bytes_of("abc")));
  const std::uint64_t struck = plan.struck();
  EXPECT_GT(struck, 0u);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(ends->writer.write_all(bytes_of("abc")));
  EXPECT_EQ(plan.struck(), struck);
}

}  // namespace
}  // namespace sluice::test
