// The tour on files that are easy to get wrong.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "support/runtime_directory.hpp"
#include "tools/tool_run.hpp"

namespace {

using namespace sluice::test;
using nlohmann::json;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::MatchesRegex;
using ::testing::StartsWith;

json rows_of(const tool_end& end) { return json::parse(end.output).at("rows"); }

// Columns as a terminal counts them: every UTF-8 character that is printed here is one wide.
std::size_t width(const std::string& line) {
  return static_cast<std::size_t>(std::ranges::count_if(
      line, [](char one) { return (static_cast<unsigned char>(one) & 0xc0) != 0x80; }));
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream{text};
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// A mechanism joins by one line in the tool's table, and these tests see it through that.
std::set<std::string> all_mechanisms() {
  std::set<std::string> names;
  for (const std::string& line : lines_of(run_tool({"tour", "--list"}).output))
    names.insert(line.substr(0, line.find(' ')));
  return names;
}

TEST(Tour, awkward_files_arrive_byte_for_byte_through_every_mechanism) {
  const input_directory files;
  files.add("empty", "");
  files.add("one byte", "x");
  files.add("no newline at the end", "first\n\nlast without newline");
  files.add("only newlines", "\n\n\n");
  files.add("zeros", std::string(1000, '\0'));
  files.add("binary", binary_bytes(std::size_t{5} << 18));  // larger than any default maximum
  files.add("long line", std::string(200'000, 'y') + "\n");
  files.add("deeper/and/deeper/lines", numbered_lines(25'000));

  const tool_end end = run_tool({"tour", "--json", files.path().string()});
  ASSERT_TRUE(end.status.success()) << end.error_output << end.output;
  EXPECT_THAT(end.error_output, IsEmpty());
  const json document = json::parse(end.output);
  EXPECT_TRUE(document.at("verified"));
  EXPECT_EQ(document.at("input").at("files"), 8);
  const std::size_t lines = document.at("input").at("lines");
  const std::size_t bytes = document.at("input").at("bytes");
  EXPECT_GT(bytes, std::size_t{1} << 20);
  std::map<std::string, std::set<std::string>> seen;
  for (const json& row : document.at("rows")) {
    SCOPED_TRACE(row.dump());
    const std::string kind = row.at("kind");
    seen[kind].insert(row.at("mechanism").get<std::string>());
    EXPECT_TRUE(row.at("verified"));
    EXPECT_THAT(row.at("troubles"), IsEmpty());
    EXPECT_GT(row.at("messages_per_second"), 0.0);
    EXPECT_GT(row.at("megabytes_per_second"), 0.0);
    if (row.at("mechanism") == "mailbox") {
      EXPECT_TRUE(row.at("system_calls_per_message").is_null());  // the C library makes them
    } else if (row.at("mechanism").get<std::string>().starts_with("ring") ||
               row.at("mechanism") == "request-reply") {
      EXPECT_GE(row.at("system_calls_per_message"), 0.0);  // none while both sides are awake
    } else {
      EXPECT_GT(row.at("system_calls_per_message"), 0.0);
    }
    if (row.at("sampled") && !row.at("request_and_reply")) {
      EXPECT_GT(row.at("messages"), 0);
      EXPECT_LE(row.at("bytes"), bytes);
    } else if (kind == "files") {
      EXPECT_EQ(row.at("messages"), 8);
      EXPECT_EQ(row.at("bytes"), bytes);
    } else if (row.at("request_and_reply")) {
      EXPECT_EQ(row.at("messages"), std::min<std::size_t>(lines, 20'000));
    } else {
      EXPECT_EQ(row.at("messages"), lines);
    }
    if (row.at("latency_median_us").is_null()) {
      EXPECT_THAT(row.at("mechanism").get<std::string>(), EndsWith("-3"));  // several senders
    } else {
      EXPECT_GT(row.at("latency_median_us"), 0.0);
      EXPECT_GE(row.at("latency_p99_us"), row.at("latency_median_us"));
    }
  }
  EXPECT_EQ(seen.at("lines"), all_mechanisms());
  EXPECT_EQ(seen.at("files"), all_mechanisms());
}

TEST(Tour, one_system_call_sends_a_small_message_and_reads_are_shared) {
  const input_directory files;
  const std::string file = files.add("lines", numbered_lines(50'000));
  const tool_end end = run_tool({"tour", "--json", "-m", "pipe", "-m", "fifo", file});
  ASSERT_TRUE(end.status.success()) << end.error_output;
  for (const json& row : rows_of(end)) {
    if (row.at("kind") != "lines") continue;
    // One write each. A reader that is always faster reads once for each and sleeps in the call.
    EXPECT_GE(row.at("system_calls"), 50'000);
    EXPECT_LT(row.at("system_calls"), 2 * 50'000 + 1'000);
  }
}

TEST(Tour, text_has_a_table_for_each_kind_of_message_with_aligned_columns) {
  const input_directory files;
  const std::string file = files.add("lines", numbered_lines(2'000));
  const tool_end end = run_tool({"tour", file});
  ASSERT_TRUE(end.status.success()) << end.error_output;
  EXPECT_THAT(end.error_output, IsEmpty());
  const auto lines = lines_of(end.output);
  ASSERT_GE(lines.size(), 2U);
  EXPECT_THAT(lines[0], AllOf(StartsWith("sluice "), HasSubstr(" core"), HasSubstr("Linux ")));
  EXPECT_EQ(lines[1], "input: 1 file with 2,000 lines, 18.4 KiB, from " + file);
  const std::set<std::string> mechanisms = all_mechanisms();
  std::size_t tables = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (!lines[i].starts_with("mechanism")) continue;
    ++tables;
    EXPECT_THAT(lines[i], MatchesRegex("mechanism +messages +messages/s +MB/s +median µs +p99 µs "
                                       "+CPU s +calls/message +verified"));
    ASSERT_LT(i + mechanisms.size(), lines.size());
    for (std::size_t row = i + 1; row <= i + mechanisms.size(); ++row) {
      EXPECT_EQ(width(lines[row]), width(lines[i])) << lines[row];
      EXPECT_TRUE(lines[row].ends_with(" yes")) << lines[row];
      EXPECT_TRUE(mechanisms.contains(lines[row].substr(0, lines[row].find(' '))));
    }
  }
  EXPECT_EQ(tables, 2U);
  EXPECT_THAT(end.output, HasSubstr("divided by two"));
}

TEST(Tour, visits_only_the_mechanisms_that_were_asked_for) {
  const input_directory files;
  const std::string file = files.add("a", "some\nlines\n");
  const tool_end end =
      run_tool({"tour", "--json", "--mechanism", "fifo", "--mechanism=pipe", file});
  ASSERT_TRUE(end.status.success()) << end.error_output;
  std::vector<std::string> names;
  for (const json& row : rows_of(end)) names.push_back(row.at("mechanism"));
  EXPECT_EQ(names, (std::vector<std::string>{"pipe", "fifo", "pipe", "fifo"}));
}

TEST(Tour, list_names_every_mechanism_and_says_what_it_is) {
  const tool_end end = run_tool({"tour", "--list"});
  EXPECT_TRUE(end.status.success());
  EXPECT_THAT(end.error_output, IsEmpty());
  for (const std::string& line : lines_of(end.output))
    EXPECT_THAT(line, MatchesRegex("[a-z0-9-]+ +[a-z].+[^.]"));
  EXPECT_THAT(
      all_mechanisms(),
      IsSupersetOf({"raw-pipe", "pipe", "pipe-cat", "fifo", "fifo-messages", "fifo-messages-3",
                    "duplex-pipe", "tcp", "udp", "unix-stream", "ring-by-address", "ring-listener",
                    "relay", "selector-3", "request-reply"}));
}

TEST(Tour, stops_before_the_file_that_would_exceed_the_limit) {
  const input_directory files;
  files.add("a", std::string(600, 'a'));
  files.add("b", std::string(400, 'b'));
  files.add("c", std::string(100, 'c'));
  files.add("too large", std::string(5000, 'd'));
  const tool_end end =
      run_tool({"tour", "--json", "-m", "pipe", "--limit", "1000", files.path().string()});
  ASSERT_TRUE(end.status.success()) << end.error_output;
  const json input = json::parse(end.output).at("input");
  EXPECT_EQ(input.at("files"), 2);
  EXPECT_EQ(input.at("bytes"), 1000);
  EXPECT_EQ(input.at("limit_bytes"), 1000);
  EXPECT_TRUE(input.at("stopped_at_limit"));
}

TEST(Tour, does_not_follow_links_below_a_directory_nor_open_special_files) {
  const input_directory files;
  const std::string file = files.add("sub/file", "text\n");
  std::filesystem::create_directory_symlink(files.path(), files / "sub/loop");
  std::filesystem::create_symlink(file, files / "link to a file");
  std::filesystem::create_symlink(files / "nowhere", files / "dangling");
  ASSERT_EQ(::mkfifo((files / "fifo").c_str(), 0600), 0);
  const tool_end end = run_tool({"tour", "--json", "-m", "pipe", files.path().string()});
  ASSERT_TRUE(end.status.success()) << end.error_output;
  const json input = json::parse(end.output).at("input");
  EXPECT_EQ(input.at("files"), 1);
  EXPECT_EQ(input.at("symbolic_links"), 3);
  EXPECT_EQ(input.at("special_files"), 1);
}

TEST(Tour, a_link_that_was_named_is_followed) {
  const input_directory files;
  std::filesystem::create_symlink(files.add("file", "text\n"), files / "link");
  const tool_end end = run_tool({"tour", "--json", "-m", "pipe", files / "link"});
  EXPECT_TRUE(end.status.success()) << end.error_output;
}

TEST(Tour, a_file_name_in_no_encoding_does_not_break_the_json) {
  const input_directory files;
  const std::string file = files.add("\xff\xfe", "text\n");
  const tool_end end = run_tool({"tour", "--json", "-m", "pipe", file});
  ASSERT_TRUE(end.status.success()) << end.error_output;
  EXPECT_EQ(json::parse(end.output).at("input").at("files"), 1);
}

TEST(Tour, leaves_no_name_in_the_runtime_directory) {
  const input_directory files;
  const std::string file = files.add("a", "some\nlines\n");
  ASSERT_TRUE(run_tool({"tour", file}).status.success());
  EXPECT_TRUE(std::filesystem::is_empty(private_runtime_directory::current()));
}

}  // namespace
