// F24 for a whole program, as it is linked and installed: strace(1) answers its system calls with
// EINTR from outside.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <map>
#include <set>
#include <sluice/os/process.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "support/child.hpp"
#include "support/runtime_directory.hpp"

namespace sluice::test {
namespace {

constexpr const char* program = SLUICE_WHOLE_PROGRAM;

// What memory and the C library do for themselves: not through our door, and not to be interrupted.
const std::set<std::string>& calls_of_others() {
  static const std::set<std::string> names{
      "brk",
      "mmap",
      "munmap",
      "mprotect",
      "madvise",
      "clone",
      "futex",
      "rt_sigprocmask",
      "set_robust_list",
      "exit_group",
      "sched_yield",
      "sigaltstack",
      // strace makes no call that it answers itself, so a descriptor would stay open.
      "close",
      // Cannot be interrupted by the kernel either: their results are not looked at.
      "getpid",
      "geteuid",
      "gettid",
      "getppid",
  };
  return names;
}

std::string trace_path() { return private_runtime_directory::current() + "/trace"; }

exit_status run_under_strace(std::vector<std::string> options) {
  // The leak sanitizer cannot work in a traced process.
  std::vector<std::string> arguments{"strace", "-o", trace_path(), "-E",
                                     "ASAN_OPTIONS=detect_leaks=0"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  arguments.emplace_back(program);
  const unique_fd nowhere{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
  auto traced = process::spawn(
      {.arguments = arguments, .descriptors = {{.target = 2, .source = nowhere.get()}}});
  if (!traced) return {.code = 127, .signal = 0};
  return traced->wait(deadline{patience}).value_or(exit_status{.code = 126, .signal = 0});
}

struct use_of_call {
  int before = 0;  // the library is used
  int during = 0;
};

// What the program called, by name, as the trace says.
std::map<std::string, use_of_call> calls_in_trace() {
  std::map<std::string, use_of_call> calls;
  std::ifstream trace(trace_path());
  int marks = 0;
  for (std::string line; std::getline(trace, line);) {
    const std::string name = line.substr(0, line.find('('));
    if (name.empty() ||
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") != std::string::npos)
      continue;  // a signal, or the end
    if (name == "getppid") ++marks;
    if (marks == 0) ++calls[name].before;
    if (marks == 1) ++calls[name].during;
  }
  EXPECT_EQ(marks, 2);
  return calls;
}

// Answers these of its calls with EINTR: "3" is the third alone, "3+2" also every other after it.
exit_status run_interrupted(std::string_view call, std::string_view when) {
  std::string injection = "inject=";
  injection.append(call).append(":error=EINTR:when=").append(when);
  return run_under_strace({"-e", injection});
}

class WholeProgram : public testing::Test {
 protected:
  void SetUp() override {
    const exit_status traced = run_under_strace({});
    if (traced.code == 127) GTEST_SKIP() << "strace is not installed";
    std::ifstream trace(trace_path());
    if (trace.peek() == std::ifstream::traits_type::eof())
      GTEST_SKIP() << "tracing (ptrace) is not permitted here";
    ASSERT_EQ(traced, (exit_status{.code = 0, .signal = 0}));
    calls_ = calls_in_trace();
  }
  void TearDown() override { ::unlink(trace_path().c_str()); }

  std::map<std::string, use_of_call> calls_;
};

TEST_F(WholeProgram, does_not_notice_interruptions_of_any_kind_of_call) {
  std::size_t kinds = 0;
  for (const auto& [name, use] : calls_) {
    if (use.during == 0 || calls_of_others().contains(name)) continue;
    SCOPED_TRACE(name);
    ++kinds;
    EXPECT_EQ(run_interrupted(name, std::to_string(use.before + 1) + "+2"),
              (exit_status{.code = 0, .signal = 0}));
    std::ifstream trace(trace_path());
    const std::string all{std::istreambuf_iterator<char>{trace}, {}};
    EXPECT_NE(all.find("(INJECTED)"), std::string::npos) << "nothing was interrupted";
  }
  EXPECT_GE(kinds, 15u) << "the program makes fewer kinds of calls than it should";
}

// Each single call on its own: another one is struck in each run.
TEST_F(WholeProgram, does_not_notice_the_interruption_of_any_one_call) {
  for (const auto& [name, use] : calls_) {
    if (calls_of_others().contains(name)) continue;
    for (int k = 1; k <= use.during; ++k) {
      SCOPED_TRACE(name + ", call " + std::to_string(k));
      EXPECT_EQ(run_interrupted(name, std::to_string(use.before + k)),
                (exit_status{.code = 0, .signal = 0}));
    }
  }
}

}  // namespace
}  // namespace sluice::test
