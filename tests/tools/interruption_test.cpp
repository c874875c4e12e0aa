// The tool when its surroundings fail while it works: readers, disks, children, directories.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sluice/channel/pipe.hpp>

#include "support/child.hpp"
#include "support/isolation.hpp"
#include "support/runtime_directory.hpp"
#include "tools/tool_run.hpp"

namespace {

using namespace sluice::test;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// The exit codes that the help text promises.
constexpr sluice::exit_status not_verified{.code = 1, .signal = 0};
constexpr sluice::exit_status output_failed{.code = 4, .signal = 0};
constexpr sluice::exit_status interrupted{.code = 5, .signal = 0};

TEST(Output, a_reader_that_is_gone_ends_the_tour_with_a_sentence) {
  const input_directory files;
  const std::string file = files.add("a", "text\n");
  auto pipe = sluice::pipe::create().value();
  { const auto gone = std::move(pipe.reader); }
  const tool_end end = run_tool({"tour", file}, {.output = pipe.writer.native_handle()});
  EXPECT_EQ(end.status, output_failed);
  EXPECT_THAT(end.error_output, StartsWith("sluice: nobody reads the output any more"));
}

TEST(Output, a_reader_that_leaves_after_the_first_line_ends_the_tour_like_head) {
  const input_directory files;
  const std::string file = files.add("a", numbered_lines(200'000));
  auto pipe = sluice::pipe::create().value();
  tool_run run{{"tour", file}, {.output = pipe.writer.native_handle()}};
  { const auto ours = std::move(pipe.writer); }
  // The heading comes at once, the first row after a pass: so the rest meets a closed pipe.
  std::array<std::byte, 7> first;
  ASSERT_TRUE(pipe.reader.read_exactly(first, patience));
  EXPECT_EQ(sluice::text_of(first), "sluice ");
  { const auto gone = std::move(pipe.reader); }
  const tool_end end = run.finish();
  EXPECT_EQ(end.status, output_failed);
  EXPECT_THAT(end.error_output, StartsWith("sluice: nobody reads the output any more"));
}

TEST(Output, a_reader_that_leaves_while_the_pipe_is_full_ends_the_tour) {
  const input_directory files;
  const std::string file = files.add("a", "text\n");
  auto pipe = sluice::pipe::create({.capacity_bytes = 4096}).value();
  const std::vector<std::byte> filling(pipe.writer.capacity_bytes().value());
  ASSERT_TRUE(pipe.writer.write_all(filling, patience));
  tool_run run{{"tour", file}, {.output = pipe.writer.native_handle()}};
  { const auto gone = std::move(pipe.reader); }
  EXPECT_EQ(run.finish().status, output_failed);
}

TEST(Output, a_signal_ends_a_tour_that_waits_for_its_reader) {
  const input_directory files;
  const std::string file = files.add("a", "text\n");
  auto pipe = sluice::pipe::create({.capacity_bytes = 4096}).value();
  const std::vector<std::byte> filling(pipe.writer.capacity_bytes().value());
  ASSERT_TRUE(pipe.writer.write_all(filling, patience));
  tool_run run{{"tour", file}, {.output = pipe.writer.native_handle()}};
  ASSERT_TRUE(run.handle().send_signal(SIGTERM));
  // There is nothing to put away yet, so the signal does what it does everywhere.
  EXPECT_EQ(run.finish().status, (sluice::exit_status{.code = 0, .signal = SIGTERM}));
}

TEST(Output, a_full_disk_is_noticed_in_every_command) {
  const input_directory files;
  const std::string file = files.add("a", "text\n");
  const sluice::unique_fd full{::open("/dev/full", O_WRONLY | O_CLOEXEC)};
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"tour", file}, {"tour", "--json", file}, {"tour", "--list"}, {"capabilities"}}) {
    const tool_end end = run_tool(arguments, {.output = full.get()});
    EXPECT_EQ(end.status, output_failed);
    EXPECT_THAT(end.error_output, HasSubstr("No space left on device"));
  }
}

TEST(Output, a_standard_output_that_is_closed_is_noticed_and_no_channel_takes_its_place) {
  const input_directory files;
  const std::string file = files.add("a", "text\n");
  const tool_end end = run_tool({"tour", "--json", file}, {.close_output = true});
  EXPECT_EQ(end.status, output_failed);
  EXPECT_THAT(end.error_output, StartsWith("sluice: cannot write to standard output"));
}

// 'R', 'S', 'T' ... as in proc(5); '-' when there is no such process.
char state_of(pid_t id) {
  std::ifstream file{"/proc/" + std::to_string(id) + "/stat"};
  std::string line;
  std::getline(file, line);
  const std::size_t end_of_name = line.rfind(')');
  return end_of_name == line.npos ? '-' : line.at(end_of_name + 2);
}

// Stops one of the tool's children, so that it certainly lives, and kills it then.
void kill_a_living_child(const tool_run& run) {
  const sluice::deadline until{patience};
  while (!until.has_passed()) {
    for (const pid_t id : run.children()) {
      if (::kill(id, SIGSTOP) != 0) continue;
      char state = state_of(id);
      while (state == 'R' || state == 'S' || state == 'D') state = state_of(id);
      if (state != 'T') continue;  // it had ended already
      ASSERT_EQ(::kill(id, SIGKILL), 0);
      return;
    }
  }
  FAIL() << "The tool has no child that lives.";
}

TEST(Tour, a_killed_child_fails_its_row_and_the_others_still_run) {
  const input_directory files;
  const std::string file = files.add("a", numbered_lines(100'000));
  tool_run run{{"tour", "--json", "-m", "pipe", "-m", "fifo", "-m", "fifo-messages-3", file}};
  kill_a_living_child(run);
  const tool_end end = run.finish();
  EXPECT_EQ(end.status, not_verified);
  EXPECT_THAT(end.error_output, StartsWith("sluice: not everything arrived"));
  const auto document = nlohmann::json::parse(end.output);
  EXPECT_FALSE(document.at("verified"));
  ASSERT_EQ(document.at("rows").size(), 6U);
  int failed = 0;
  for (const auto& row : document.at("rows")) {
    if (row.at("verified")) continue;
    ++failed;
    EXPECT_THAT(row.at("troubles").at(0), HasSubstr("was killed by signal 9"));
  }
  EXPECT_EQ(failed, 1) << end.output;
  EXPECT_TRUE(std::filesystem::is_empty(private_runtime_directory::current()));
}

TEST(Tour, a_signal_that_asks_for_the_end_stops_all_processes_and_removes_all_names) {
  const input_directory files;
  const std::string file = files.add("a", numbered_lines(300'000));
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    tool_run run{{"tour", "-m", "fifo-messages-3", file}};
    std::vector<pid_t> children;
    const sluice::deadline until{patience};
    while (children.empty() && !until.has_passed()) children = run.children();
    ASSERT_FALSE(children.empty());
    ASSERT_TRUE(run.handle().send_signal(number));
    const tool_end end = run.finish();
    EXPECT_EQ(end.status, interrupted);
    EXPECT_THAT(end.error_output, HasSubstr("sluice: interrupted"));
    for (const pid_t id : children) EXPECT_EQ(state_of(id), '-');
    EXPECT_TRUE(std::filesystem::is_empty(private_runtime_directory::current()));
  }
}

// F22: what cannot be created is reported with its reason; the other mechanisms are not affected.
void expect_only_named_mechanisms_to_fail(const tool_end& end, const std::string& reason) {
  EXPECT_EQ(end.status, not_verified) << end.error_output;
  const auto document = nlohmann::json::parse(end.output);
  for (const auto& row : document.at("rows")) {
    SCOPED_TRACE(row.dump());
    const std::string mechanism = row.at("mechanism");
    // With a file in the runtime directory: POSIX queues have names of another kind.
    const bool is_named = mechanism.starts_with("fifo") || mechanism == "system-v-queue" ||
                          mechanism == "mailbox" || mechanism == "unix-datagram" ||
                          mechanism == "ring-by-address" || mechanism == "ring-listener" ||
                          mechanism == "relay" || mechanism == "request-reply";
    EXPECT_EQ(row.at("verified"), !is_named);
    if (!is_named) continue;
    EXPECT_THAT(row.at("troubles").at(0), HasSubstr(reason));
    EXPECT_THAT(row.at("troubles").at(0), HasSubstr("SLUICE_RUNTIME_DIR"));
  }
}

TEST(Tour, a_runtime_directory_that_cannot_be_made_fails_named_mechanisms_alone) {
  const input_directory files;
  const std::string file = files.add("a", "text\n");
  expect_only_named_mechanisms_to_fail(
      run_tool({"tour", "--json", file}, {.runtime_directory = files / "no/such/place"}),
      "No such file or directory");
}

TEST(Tour, a_shared_memory_folder_that_may_not_be_written_fails_named_mechanisms_alone) {
  if (!has_own_ipc() || ::geteuid() != 0)
    GTEST_SKIP() << "Only root may change a /dev/shm, and only one of its own.";
  const input_directory files;
  const std::string file = files.add("a", "text\n");
  ASSERT_EQ(::chmod("/dev/shm", 0755), 0);
  // Without a directory of its own in the environment the tool makes one in /dev/shm.
  const tool_end end =
      run_tool({"tour", "--json", file}, {.as_nobody = true, .no_runtime_directory = true});
  ASSERT_EQ(::chmod("/dev/shm", 01777), 0);
  expect_only_named_mechanisms_to_fail(end, "Permission denied");
}

// The two ends of a new terminal.
struct terminal {
  sluice::unique_fd watcher{::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC)};
  sluice::unique_fd screen;
  terminal() {
    if (::grantpt(watcher.get()) == 0 && ::unlockpt(watcher.get()) == 0)
      screen = sluice::unique_fd{::open(::ptsname(watcher.get()), O_RDWR | O_NOCTTY | O_CLOEXEC)};
  }
};

TEST(Tour, progress_appears_on_a_terminal_and_is_wiped_in_the_end) {
  const input_directory files;
  const std::string file = files.add("a", "text\n");
  terminal made;
  ASSERT_TRUE(made.screen);
  const tool_end end = run_tool({"tour", "-m", "pipe", file}, {.error_output = made.screen.get()});
  made.screen.reset();
  EXPECT_TRUE(end.status.success());
  EXPECT_THAT(end.output, Not(HasSubstr("\x1b")));
  // Once nobody has the terminal open, what was written to it is read to its end, then EIO.
  std::string progress;
  std::array<char, 4096> seen;
  for (ssize_t got = 0; (got = ::read(made.watcher.get(), seen.data(), seen.size())) > 0;)
    progress.append(seen.data(), static_cast<std::size_t>(got));
  EXPECT_THAT(progress, HasSubstr("pipe, lines: transfer"));
  EXPECT_THAT(progress, EndsWith("\r\x1b[K"));
}

}  // namespace
