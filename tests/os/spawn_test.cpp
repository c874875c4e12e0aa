// process::spawn: what the new program gets, and what it does not get.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <map>
#include <sluice/os/process.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "support/child.hpp"
#include "support/runtime_directory.hpp"

namespace sluice {
namespace {

using test::child;

constexpr const char* program = SLUICE_SPAWNED_PROGRAM;

unique_fd memory_file() { return unique_fd{::memfd_create("spawn_test", MFD_CLOEXEC)}; }

std::string identity_of(int fd) {
  struct stat found {};
  EXPECT_EQ(::fstat(fd, &found), 0);
  return std::to_string(found.st_dev) + ":" + std::to_string(found.st_ino);
}

std::string contents_of(const unique_fd& file) {
  std::string all;
  std::array<char, 4096> piece{};
  ssize_t got = 0;
  while ((got = ::pread(file.get(), piece.data(), piece.size(), static_cast<off_t>(all.size()))) >
         0)
    all.append(piece.data(), static_cast<std::size_t>(got));
  return all;
}

// Runs the program with these options and returns the lines that it printed.
std::vector<std::string> lines_of(spawn_options options) {
  const unique_fd output = memory_file();
  options.descriptors.push_back({.target = 1, .source = output.get()});
  auto spawned = process::spawn(options);
  EXPECT_TRUE(spawned) << spawned.error().message();
  if (!spawned) return {};
  EXPECT_TRUE(spawned->wait().value_or(exit_status{99, 0}).success());
  std::istringstream text(contents_of(output));
  std::vector<std::string> lines;
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  return lines;
}

// What the child has, as number and file.
std::map<int, std::string> descriptors_of(std::vector<passed_descriptor> passed) {
  std::map<int, std::string> found;
  for (const std::string& line :
       lines_of({.arguments = {program, "descriptors"}, .descriptors = std::move(passed)})) {
    std::istringstream fields(line);
    int fd = -1;
    fields >> fd;
    std::getline(fields >> std::ws, found[fd]);
  }
  return found;
}

error failure_of(const spawn_options& options) {
  auto spawned = process::spawn(options);
  EXPECT_FALSE(spawned);
  if (!spawned) return spawned.error();
  static_cast<void>(spawned->wait());
  return {std::errc::io_error, "this was to fail"};
}

TEST(Spawn, passes_the_arguments_as_they_are) {
  EXPECT_THAT(lines_of({.arguments = {program, "arguments", "", "two words", "*", "-n", "\xff"}}),
              testing::ElementsAre(std::string{"["} + program + "]", "[arguments]", "[]",
                                   "[two words]", "[*]", "[-n]", "[\xff]"));
}

TEST(Spawn, tells_the_exit_code) {
  for (const int code : {0, 1, 127, 255}) {
    auto spawned = process::spawn({.arguments = {program, "exit", std::to_string(code)}});
    ASSERT_TRUE(spawned);
    EXPECT_EQ(spawned->wait().value(), (exit_status{.code = code, .signal = 0}));
  }
}

TEST(Spawn, tells_the_signal_that_killed_the_program) {
  for (const int signal : {SIGKILL, SIGTERM, SIGUSR1}) {
    auto spawned = process::spawn({.arguments = {program, "die", std::to_string(signal)}});
    ASSERT_TRUE(spawned);
    const exit_status status = spawned->wait().value();
    EXPECT_EQ(status, (exit_status{.code = 0, .signal = signal}));
    EXPECT_FALSE(status.success());
  }
}

TEST(Spawn, looks_for_a_program_without_a_slash_in_the_path) {
  auto spawned = process::spawn({.arguments = {"sh", "-c", "exit 7"}});
  ASSERT_TRUE(spawned);
  EXPECT_EQ(spawned->wait().value().code, 7);
}

TEST(Spawn, reports_a_program_that_is_not_there) {
  for (const char* missing : {"/no/such/program", "no-such-program-in-any-path", "./"}) {
    const error reason = failure_of({.arguments = {missing}});
    EXPECT_TRUE(reason == std::errc::no_such_file_or_directory ||
                reason == std::errc::permission_denied)
        << reason.message();
    EXPECT_STREQ(reason.operation(), "posix_spawn");
  }
}

TEST(Spawn, reports_a_program_that_may_not_be_run) {
  const std::string path = test::private_runtime_directory::current() + "/plain_file";
  const unique_fd file{::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)};
  ASSERT_TRUE(file);
  EXPECT_TRUE(failure_of({.arguments = {path}}) == std::errc::permission_denied);
  EXPECT_TRUE(failure_of({.arguments = {"/"}}) == std::errc::permission_denied);
  ::unlink(path.c_str());
}

TEST(Spawn, reports_a_file_that_is_no_program) {
  const std::string path = test::private_runtime_directory::current() + "/no_program";
  {
    const unique_fd file{::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0700)};
    ASSERT_EQ(::write(file.get(), "text\n", 5), 5);
  }
  EXPECT_TRUE(failure_of({.arguments = {path}}) == std::errc::executable_format_error);
  ::unlink(path.c_str());
}

TEST(Spawn, refuses_options_that_cannot_be_meant) {
  using std::errc;
  const std::string nul{"a\0b", 3};
  EXPECT_TRUE(failure_of({}) == errc::invalid_argument);
  EXPECT_TRUE(failure_of({.arguments = {""}}) == errc::invalid_argument);
  EXPECT_TRUE(failure_of({.arguments = {program, nul}}) == errc::invalid_argument);
  for (const std::string& entry : {std::string{"NOVALUE"}, std::string{}, "A=" + nul}) {
    const error reason =
        failure_of({.arguments = {program}, .environment = std::vector<std::string>{entry}});
    EXPECT_TRUE(reason == errc::invalid_argument) << entry;
    EXPECT_STRNE(reason.hint(), "");
  }
  for (const passed_descriptor& one :
       {passed_descriptor{.target = -1, .source = 0}, passed_descriptor{.target = 3, .source = -1},
        passed_descriptor{.target = 3, .source = 9999}})
    EXPECT_TRUE(failure_of({.arguments = {program}, .descriptors = {one}}) ==
                errc::bad_file_descriptor);
  EXPECT_TRUE(failure_of({.arguments = {program},
                          .descriptors = {{.target = 5, .source = 0},
                                          {.target = 5, .source = 1}}}) == errc::invalid_argument);
}

TEST(Spawn, refuses_a_number_that_no_descriptor_may_have) {
  const error reason =
      failure_of({.arguments = {program}, .descriptors = {{.target = 1 << 30, .source = 0}}});
  EXPECT_TRUE(reason == std::errc::invalid_argument) << reason.message();
}

TEST(Spawn, gives_the_environment_that_is_named_and_no_other) {
  EXPECT_THAT(lines_of({.arguments = {program, "environment"},
                        .environment = std::vector<std::string>{"A=1", "EMPTY=", "B=x=y"}}),
              testing::ElementsAre("A=1", "EMPTY=", "B=x=y"));
  EXPECT_TRUE(
      lines_of({.arguments = {program, "environment"}, .environment = std::vector<std::string>{}})
          .empty());
}

TEST(Spawn, gives_the_callers_environment_by_default) {
  EXPECT_THAT(
      lines_of({.arguments = {program, "environment"}}),
      testing::Contains("SLUICE_RUNTIME_DIR=" + test::private_runtime_directory::current()));
}

// F19: nothing that was open here reaches a program that was not meant to have it, whether it
// closes on exec or not.
TEST(Spawn, gives_the_standard_descriptors_and_nothing_else) {
  const unique_fd careful = memory_file();
  const unique_fd careless{::fcntl(careful.get(), F_DUPFD, 100)};
  const auto found = descriptors_of({});
  EXPECT_THAT(found, testing::SizeIs(3));
  EXPECT_EQ(found.count(0) + found.count(1) + found.count(2), 3u);
}

TEST(Spawn, gives_the_descriptors_that_are_named_under_their_numbers) {
  const unique_fd first = memory_file();
  const unique_fd second = memory_file();
  const auto found = descriptors_of({{.target = 40, .source = first.get()},
                                     {.target = 7, .source = second.get()},
                                     {.target = 0, .source = first.get()}});
  EXPECT_THAT(found, testing::SizeIs(5));
  EXPECT_EQ(found.at(40), identity_of(first.get()));  // neither close-on-exec nor non-blocking
  EXPECT_EQ(found.at(7), identity_of(second.get()));
  EXPECT_EQ(found.at(0), identity_of(first.get()));
}

TEST(Spawn, may_swap_two_descriptors) {
  const unique_fd first = memory_file();
  const unique_fd second = memory_file();
  const auto found = descriptors_of({{.target = first.get(), .source = second.get()},
                                     {.target = second.get(), .source = first.get()}});
  EXPECT_THAT(found, testing::SizeIs(5));
  EXPECT_EQ(found.at(first.get()), identity_of(second.get()));
  EXPECT_EQ(found.at(second.get()), identity_of(first.get()));
}

TEST(Spawn, may_rotate_descriptors_through_each_others_numbers) {
  std::vector<unique_fd> files;
  files.reserve(5);
  for (int i = 0; i < 5; ++i) files.push_back(memory_file());
  std::vector<passed_descriptor> passed;
  passed.reserve(files.size());
  for (std::size_t i = 0; i < files.size(); ++i)
    passed.push_back({.target = files[(i + 1) % files.size()].get(), .source = files[i].get()});
  const auto found = descriptors_of(passed);
  EXPECT_THAT(found, testing::SizeIs(3 + files.size()));
  for (const passed_descriptor& one : passed)
    EXPECT_EQ(found.at(one.target), identity_of(one.source));
}

TEST(Spawn, may_pass_a_descriptor_under_its_own_number) {
  const unique_fd file = memory_file();  // close-on-exec here
  const auto found = descriptors_of({{.target = file.get(), .source = file.get()}});
  EXPECT_EQ(found.at(file.get()), identity_of(file.get()));
  EXPECT_EQ(::fcntl(file.get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST(Spawn, may_pass_one_descriptor_under_many_numbers) {
  const unique_fd file = memory_file();
  std::vector<passed_descriptor> passed;
  for (int target = 3; target < 60; ++target)
    passed.push_back({.target = target, .source = file.get()});
  const auto found = descriptors_of(passed);
  EXPECT_THAT(found, testing::SizeIs(3 + 57));
  for (const passed_descriptor& one : passed)
    EXPECT_EQ(found.at(one.target), identity_of(file.get()));
}

// F35: whatever the caller blocks and ignores is the caller's business.
TEST(Spawn, gives_a_clean_signal_mask_and_default_dispositions) {
  std::vector<std::string> lines;
  child blocker{[&] {
    sigset_t all;
    ::sigfillset(&all);
    ::sigprocmask(SIG_BLOCK, &all, nullptr);
    for (const int signal : {SIGPIPE, SIGINT, SIGHUP, SIGUSR1, SIGRTMIN}) ::signal(signal, SIG_IGN);
    EXPECT_THAT(lines_of({.arguments = {program, "signals"}}),
                testing::ElementsAre("SigBlk:\t0000000000000000", "SigIgn:\t0000000000000000"));
    sigset_t after;
    ::sigprocmask(SIG_SETMASK, nullptr, &after);
    EXPECT_EQ(::sigismember(&after, SIGTERM), 1) << "the caller's mask was changed";
    EXPECT_EQ(::signal(SIGPIPE, SIG_IGN), SIG_IGN) << "the caller's disposition was changed";
  }};
  blocker.wait_success();
}

}  // namespace
}  // namespace sluice
