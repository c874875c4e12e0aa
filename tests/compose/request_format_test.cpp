// Holds docs/request-format.md against the code, in both directions, and docs/endpoints.md against
// the table that addresses are parsed with.

#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "compose/endpoint_rules.hpp"
#include "compose/request_frame.hpp"

namespace sluice::test {
namespace {

using byte_vector = std::vector<std::byte>;
using kind = request_frame::kind;

constexpr std::uint64_t client = 0x0123'4567'89ab'cdef;
constexpr request_id id = 0x10000;

std::string page(const char* path) {
  std::ifstream file{path};
  std::ostringstream all;
  all << file.rdbuf();
  return all.str();
}

// The blocks "```hex <label>" of the page, by label.
std::map<std::string, byte_vector> golden_blocks() {
  std::istringstream lines{page(SLUICE_REQUEST_FORMAT_PAGE)};
  std::map<std::string, byte_vector> blocks;
  byte_vector* open = nullptr;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```hex ")) {
      open = &blocks[line.substr(7)];
    } else if (line.starts_with("```")) {
      open = nullptr;
    } else if (open != nullptr) {
      std::istringstream words{line.substr(0, line.find('#'))};
      for (std::string word; words >> word;)
        open->push_back(static_cast<std::byte>(std::stoi(word, nullptr, 16)));
    }
  }
  return blocks;
}
byte_vector golden(const std::string& label) {
  static const auto blocks = golden_blocks();
  return blocks.at(label);
}

byte_vector encoded(const request_frame& frame, std::string_view body = {}) {
  byte_vector bytes;
  frame.encode(bytes_of(body), bytes);
  return bytes;
}

void expect_both_ways(const std::string& label, const request_frame& frame,
                      std::string_view body = {}) {
  EXPECT_EQ(encoded(frame, body), golden(label)) << label;
  const auto seen = request_frame::decode(golden(label));
  ASSERT_TRUE(seen) << label;
  EXPECT_EQ(seen->what, frame.what);
  EXPECT_EQ(seen->client, client);
  EXPECT_EQ(seen->id, id);
  EXPECT_EQ(seen->value, frame.value);
  EXPECT_EQ(text_of(request_frame::body_of(golden(label))), body);
}

TEST(RequestFormat, the_bytes_are_those_of_the_page) {
  expect_both_ways("request-hello",
                   {.what = kind::request, .client = client, .id = id, .value = 1'000'000'000},
                   "hello");
  expect_both_ways("reply-empty", {.what = kind::reply, .client = client, .id = id});
  const request_error failed{std::errc::invalid_argument, "no"};
  expect_both_ways(
      "error-invalid-argument",
      {.what = kind::error, .client = client, .id = id, .value = request_frame::value_of(failed)},
      "no");
  expect_both_ways("cancel", {.what = kind::cancel, .client = client, .id = id});
  const ring_participant holder{.slot = 2, .generation = 7};
  expect_both_ways(
      "taken-by-slot-2",
      {.what = kind::taken, .client = client, .id = id, .value = request_frame::value_of(holder)});
  EXPECT_EQ(request_frame::decode(golden("taken-by-slot-2"))->as_holder(), holder);
  const ring_participant drawn{.slot = 0x5eed0123, .generation = 0};
  expect_both_ways(
      "taken-by-number-5eed0123",
      {.what = kind::taken, .client = client, .id = id, .value = request_frame::value_of(drawn)});
  const auto error = request_frame::decode(golden("error-invalid-argument"));
  EXPECT_EQ(error->as_error(bytes_of("no")), std::errc::invalid_argument);
}

TEST(RequestFormat, what_the_page_calls_malformed_is_refused) {
  EXPECT_FALSE(request_frame::decode(golden("malformed-cancel-with-body")));
  EXPECT_FALSE(request_frame::decode(golden("malformed-kind")));
  const auto whole = golden("cancel");
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(request_frame::decode(const_bytes{whole}.first(size)));
  EXPECT_FALSE(request_frame::decode(encoded({.what = kind::reply, .client = 1, .id = 0})));
  EXPECT_FALSE(
      request_frame::decode(encoded({.what = kind::reply, .client = 1, .id = 1, .value = 1})));
}

TEST(RequestFormat, times_codes_and_holders_survive_the_way) {
  EXPECT_EQ(request_frame::value_of(deadline::never()), 0U);
  EXPECT_EQ(request_frame::value_of(deadline::now()), 1U);  // 0 would be never
  request_frame frame;
  EXPECT_TRUE(frame.as_deadline().is_never());
  frame.value = ~std::uint64_t{0};
  EXPECT_FALSE(frame.as_deadline().has_passed());
  EXPECT_FALSE(frame.as_holder());
  frame.value = request_frame::value_of(request_error{-5, {}});
  EXPECT_EQ(frame.as_error({}).code, -5);
  EXPECT_EQ(request_frame::value_of(std::optional<ring_participant>{}), request_frame::nobody);
  frame.value = 99;  // a domain of a later version
  EXPECT_EQ(frame.as_error({}).domain, request_error_domain::service);
}

TEST(RequestFormat, the_name_of_a_clients_replies_is_that_of_the_page) {
  EXPECT_NE(page(SLUICE_REQUEST_FORMAT_PAGE).find("\n" + reply_name("work.reply", client) + "\n"),
            std::string::npos);
}

TEST(EndpointPage, names_every_scheme_and_every_option_of_it) {
  const std::string text = page(SLUICE_ENDPOINTS_PAGE);
  for (const scheme_rule& scheme : endpoint_rules::schemes()) {
    // "| `ring:` | ... | `create` `mode` ... |"
    const std::size_t row = text.find("\n| `" + std::string{scheme.name} + ":");
    ASSERT_NE(row, std::string::npos) << scheme.name;
    const std::string line = text.substr(row + 1, text.find('\n', row + 1) - row);
    for (const option_rule& rule : scheme.options)
      EXPECT_NE(line.find("`" + std::string{rule.name} + "`"), std::string::npos)
          << scheme.name << " takes " << rule.name;
  }
}

}  // namespace
}  // namespace sluice::test
