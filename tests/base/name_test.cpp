#include <gtest/gtest.h>

#include <ostream>
#include <sluice/base/name.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {
namespace {

struct accepted_name {
  std::string text;
  bool is_path;
  std::string directory;
  std::string leaf;
};

TEST(ChannelName, splits_what_it_accepts) {
  const std::vector<accepted_name> table{
      {"ticks", false, "", "ticks"},
      {"a", false, "", "a"},
      {"with space", false, "", "with space"},
      {"-n", false, "", "-n"},
      {"ticks..", false, "", "ticks.."},
      {"gr\xc3\xbc\xc3\x9f", false, "", "gr\xc3\xbc\xc3\x9f"},
      {"\xff", false, "", "\xff"},
      {std::string(200, 'x'), false, "", std::string(200, 'x')},
      {"/x", true, "/", "x"},
      {"//x", true, "/", "x"},
      {"./x", true, ".", "x"},
      {"../x", true, "..", "x"},
      {"a/b", true, "a", "b"},
      {"/tmp/a/b.fifo", true, "/tmp/a", "b.fifo"},
      {"/tmp/.hidden", true, "/tmp", ".hidden"},
      {"/tmp/...", true, "/tmp", "..."},
      {"/" + std::string(4094, 'x'), true, "/", std::string(4094, 'x')},
  };
  for (const accepted_name& row : table) {
    SCOPED_TRACE(row.text);
    auto parsed = channel_name::parse(row.text);
    ASSERT_TRUE(parsed) << parsed.error().message();
    EXPECT_EQ(parsed->text(), row.text);
    EXPECT_EQ(parsed->is_path(), row.is_path);
    EXPECT_EQ(parsed->directory(), row.directory);
    EXPECT_EQ(parsed->leaf(), row.leaf);
  }
}

struct refused_name {
  std::string text;
  std::errc code;
  std::string_view why;  // part of the hint
};

TEST(ChannelName, refuses_the_rest_and_says_why) {
  using std::errc;
  const std::vector<refused_name> table{
      {"", errc::invalid_argument, "empty"},
      {".", errc::invalid_argument, "directories"},
      {"..", errc::invalid_argument, "directories"},
      {".ticks", errc::invalid_argument, "leading dot"},
      {"...", errc::invalid_argument, "leading dot"},
      {"/", errc::invalid_argument, "slash"},
      {"///", errc::invalid_argument, "slash"},
      {"ticks/", errc::invalid_argument, "slash"},
      {"/tmp/", errc::invalid_argument, "slash"},
      {"/tmp/.", errc::invalid_argument, "directories"},
      {"/tmp/..", errc::invalid_argument, "directories"},
      {"./", errc::invalid_argument, "slash"},
      {std::string{"a\0b", 3}, errc::invalid_argument, "control"},
      {std::string{"\0", 1}, errc::invalid_argument, "control"},
      {std::string{"/tmp/a\0", 7}, errc::invalid_argument, "control"},
      {"a\nb", errc::invalid_argument, "control"},
      {"a\tb", errc::invalid_argument, "control"},
      {"\x1b[2J", errc::invalid_argument, "control"},
      {"\x7f", errc::invalid_argument, "control"},
      {std::string(201, 'x'), errc::filename_too_long, "200 bytes"},
      {"/" + std::string(4095, 'x'), errc::filename_too_long, "4095 bytes"},
      {std::string(1 << 20, 'x'), errc::filename_too_long, "200 bytes"},
  };
  for (const refused_name& row : table) {
    SCOPED_TRACE(row.text.substr(0, 40));
    auto parsed = channel_name::parse(row.text);
    ASSERT_FALSE(parsed);
    EXPECT_TRUE(parsed.error() == row.code) << parsed.error().message();
    EXPECT_NE(std::string_view{parsed.error().hint()}.find(row.why), std::string_view::npos)
        << parsed.error().message();
    EXPECT_STREQ(parsed.error().operation(), "channel_name::parse");
  }
}

TEST(ChannelName, refuses_every_control_character_wherever_it_stands) {
  for (int byte = 0; byte < 256; ++byte) {
    const char letter = static_cast<char>(byte);
    const bool is_control = byte < 0x20 || byte == 0x7f;
    for (const std::string& text : {letter + std::string{"x"}, std::string{"x"} + letter + "x"}) {
      if (text.front() == '.') continue;  // reserved for another reason
      EXPECT_EQ(channel_name::parse(text).has_value(), !is_control) << byte;
    }
  }
}

TEST(ChannelName, compares_by_its_text) {
  EXPECT_EQ(*channel_name::parse("a"), *channel_name::parse("a"));
  EXPECT_FALSE(*channel_name::parse("a") == *channel_name::parse("./a"));
}

}  // namespace
}  // namespace sluice
