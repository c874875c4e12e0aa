// The capability table of the README is what the tool prints from the traits.

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "tools/tool_run.hpp"

namespace {

using namespace sluice::test;

std::string between_marks(const std::string& text) {
  const std::string begin = "<!-- capabilities:begin -->\n";
  const std::string end = "<!-- capabilities:end -->";
  const std::size_t from = text.find(begin);
  const std::size_t to = text.find(end);
  if (from == text.npos || to == text.npos || to < from) return "(the marks are not there)";
  return text.substr(from + begin.size(), to - from - begin.size());
}

TEST(ReadmeTable, is_what_sluice_capabilities_prints) {
  std::ifstream file{SLUICE_README};
  std::ostringstream readme;
  readme << file.rdbuf();
  const tool_end printed = run_tool({"capabilities"});
  ASSERT_TRUE(printed.status.success()) << printed.error_output;
  EXPECT_EQ(between_marks(readme.str()), printed.output)
      << "Put the output of `sluice capabilities` between the marks in README.md.";
}

TEST(ReadmeTable, every_row_has_as_many_cells_as_the_heading) {
  const tool_end printed = run_tool({"capabilities"});
  std::istringstream lines{printed.output};
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  const auto cells = std::ranges::count(line, '|');
  std::size_t rows = 0;
  for (; std::getline(lines, line); ++rows) EXPECT_EQ(std::ranges::count(line, '|'), cells) << line;
  EXPECT_GT(rows, 1U);
}

}  // namespace
