// What the tool says, and how it ends, when it cannot do what it was asked for.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tools/tool_run.hpp"

namespace {

using namespace sluice::test;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// The exit codes that the help text promises.
constexpr int usage = 2;
constexpr int input = 3;

// One line that names the tool, nothing on standard output, and this exit code.
void expect_one_sentence(const tool_end& end, int code, const std::vector<std::string>& parts) {
  EXPECT_EQ(end.status, (sluice::exit_status{.code = code, .signal = 0})) << end.error_output;
  EXPECT_THAT(end.output, IsEmpty());
  EXPECT_THAT(end.error_output, AllOf(StartsWith("sluice: "), EndsWith("\n")));
  EXPECT_EQ(std::ranges::count(end.error_output, '\n'), 1) << end.error_output;
  for (const std::string& part : parts) EXPECT_THAT(end.error_output, HasSubstr(part));
}

void expect_refusal(std::vector<std::string> arguments, int code,
                    const std::vector<std::string>& parts, const tool_options& options = {}) {
  SCOPED_TRACE(::testing::PrintToString(arguments));
  expect_one_sentence(run_tool(std::move(arguments), options), code, parts);
}

TEST(BadUsage, no_command_and_unknown_commands_are_pointed_to_the_help) {
  expect_refusal({}, usage, {"which command", "sluice --help"});
  expect_refusal({"tuor"}, usage, {"'tuor'", "sluice --help"});
}

TEST(BadUsage, unknown_options_are_named) {
  expect_refusal({"--wrong"}, usage, {"'--wrong'", "sluice --help"});
  expect_refusal({"tour", "--wrong"}, usage, {"'--wrong'", "sluice tour --help"});
  expect_refusal({"tour", "-x"}, usage, {"'-x'", "sluice tour --help"});
  expect_refusal({"capabilities", "more"}, usage, {"'more'", "sluice capabilities --help"});
}

TEST(BadUsage, an_option_without_its_value_is_named) {
  expect_refusal({"tour", "--limit"}, usage, {"--limit", "sluice tour --help"});
  expect_refusal({"tour", "--mechanism"}, usage, {"--mechanism", "sluice tour --help"});
}

TEST(BadUsage, an_unknown_mechanism_is_named_and_so_is_the_way_to_the_list) {
  expect_refusal({"tour", "--mechanism", "pigeon"}, usage, {"'pigeon'", "sluice tour --list"});
  expect_refusal({"tour", "--mechanism", ""}, usage, {"''", "sluice tour --list"});
}

TEST(BadUsage, a_bad_limit_is_shown_with_what_a_good_one_looks_like) {
  for (const char* wrong : {"x", "12x", "-1", "1.5M", "", " 1", "1 M", "0x10", "MiB", "1KiBB"})
    expect_refusal({"tour", std::string{"--limit="} + wrong, "/etc/passwd"}, usage, {"--limit"});
  for (const char* wrong :
       {"0", "0K", "2G", "2147483648", "99999999999999999999999", "9999999999G"})
    expect_refusal({"tour", "--limit", wrong}, usage, {"--limit", wrong, "2147483647"});
}

TEST(BadUsage, help_and_version_are_no_failures) {
  for (const char* asked : {"--help", "--version"}) {
    for (const auto& arguments : std::vector<std::vector<std::string>>{{asked}, {"tour", asked}}) {
      const tool_end end = run_tool(arguments);
      EXPECT_TRUE(end.status.success());
      EXPECT_THAT(end.output, HasSubstr("sluice"));
      EXPECT_THAT(end.error_output, IsEmpty());
    }
  }
  EXPECT_THAT(run_tool({"tour", "--help"}).output, HasSubstr("Exit codes"));
}

TEST(BadInput, what_is_not_there_is_named) {
  const input_directory files;
  expect_refusal({"tour", files / "nothing"}, input, {files / "nothing", "No such file"});
  expect_refusal({"tour", ""}, input, {"''"});
  expect_refusal({"tour", files.add("a", "text"), files / "nothing"}, input, {files / "nothing"});
  expect_refusal({"tour", std::string(5000, 'n')}, input, {"File name too long"});
}

TEST(BadInput, a_link_that_leads_to_itself_is_named) {
  const input_directory files;
  std::filesystem::create_symlink(files / "loop", files / "loop");
  expect_refusal({"tour", files / "loop"}, input, {files / "loop", "symbolic links"});
}

TEST(BadInput, special_files_are_not_input) {
  const input_directory files;
  ASSERT_EQ(::mkfifo((files / "fifo").c_str(), 0600), 0);
  expect_refusal({"tour", files / "fifo"}, input, {files / "fifo", "neither a file nor"});
  expect_refusal({"tour", "/dev/zero"}, input, {"/dev/zero", "neither a file nor"});
}

TEST(BadInput, nothing_to_send_says_why) {
  const input_directory files;
  expect_refusal({"tour", files.path().string()}, input, {"nothing to send", "no regular file"});
  files.add("empty", "");
  expect_refusal({"tour", files.path().string()}, input, {"nothing to send", "empty files"});
  expect_refusal({"tour", files / "empty"}, input, {"nothing to send", "empty files"});
  files.add("large", std::string(1000, 'l'));
  expect_refusal({"tour", "--limit", "999", files.path().string()}, input,
                 {"nothing to send", "999 bytes", "--limit"});
}

// As whoever runs the tests if permissions hold for them, else as nobody.
tool_options unprivileged(const std::string& runtime_directory = "") {
  return {.as_nobody = ::geteuid() == 0, .runtime_directory = runtime_directory};
}

TEST(BadInput, a_file_or_directory_that_may_not_be_read_is_named) {
  const input_directory files;
  const std::string file = files.add("secret", "text\n");
  ASSERT_EQ(::chmod(file.c_str(), 0), 0);
  expect_refusal({"tour", file}, input, {file, "Permission denied"}, unprivileged());
  files.add("closed/file", "text\n");
  const std::string closed = files / "closed";
  ASSERT_EQ(::chmod(closed.c_str(), 0), 0);
  expect_refusal({"tour", closed}, input, {closed, "Permission denied"}, unprivileged());
  // Nothing remains of a directory in which nothing can be read.
  expect_refusal({"tour", files.path().string()}, input, {"nothing to send", "Permission denied"},
                 unprivileged());
  ASSERT_EQ(::chmod(closed.c_str(), 0755), 0);
}

TEST(BadInput, what_cannot_be_read_inside_a_directory_is_noted_and_left_out) {
  const input_directory files;
  files.add("open", "text\n");
  const std::string file = files.add("secret", "text\n");
  ASSERT_EQ(::chmod(file.c_str(), 0), 0);
  files.add("closed/file", "text\n");
  const std::string closed = files / "closed";
  ASSERT_EQ(::chmod(closed.c_str(), 0), 0);
  const tool_end end =
      run_tool({"tour", "--json", "-m", "pipe", files.path().string()}, unprivileged());
  ASSERT_EQ(::chmod(closed.c_str(), 0755), 0);
  EXPECT_TRUE(end.status.success()) << end.error_output;
  EXPECT_THAT(end.error_output, AllOf(StartsWith("sluice: note: "), HasSubstr(file),
                                      HasSubstr(closed), HasSubstr("Permission denied")));
  const auto read = nlohmann::json::parse(end.output).at("input");
  EXPECT_EQ(read.at("files"), 1);
  EXPECT_EQ(read.at("unreadable"), 2);
}

TEST(BadInput, the_superuser_reads_what_others_may_not) {
  if (::geteuid() != 0) GTEST_SKIP() << "Only root reads files that nobody may read.";
  const input_directory files;
  const std::string file = files.add("secret", "text\n");
  ASSERT_EQ(::chmod(file.c_str(), 0), 0);
  EXPECT_TRUE(run_tool({"tour", "-m", "pipe", file}).status.success());
}

}  // namespace
