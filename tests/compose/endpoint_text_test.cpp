// Any text is an address or is complained about, and what is an address prints as an equal one.

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <random>
#include <sluice/compose/endpoint.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::test {
namespace {

// The seed is printed with a failure; the same texts come in each run.
using generator = std::mt19937;

std::size_t below(generator& random, std::size_t limit) {
  return std::uniform_int_distribution<std::size_t>{0, limit - 1}(random);
}
template <class T, std::size_t count>
const T& one_of(generator& random, const std::array<T, count>& all) {
  return all[below(random, count)];
}

std::string random_name(generator& random, std::string_view letters) {
  std::string name;
  for (std::size_t left = 1 + below(random, 12); left != 0; --left)
    name += letters[below(random, letters.size())];
  return name;
}

std::string random_option(generator& random) {
  static constexpr std::array<std::string_view, 14> all{
      "create=",    "persist=on",       "mode=06",      "capacity=",    "full=block",
      "directory=", "departure=await",  "max_message=", "spin=",        "messages=",
      "take=",      "policy=overwrite", "join=last",    "stay_open=off"};
  std::string option{one_of(random, all)};
  if (option == "create=") return option + (below(random, 2) != 0 ? "only" : "no");
  if (option == "mode=06") return option + std::to_string(below(random, 8)) + "0";
  if (option == "directory=") return option + "/x%" + std::to_string(21 + below(random, 9));
  if (!option.ends_with('=')) return option;
  constexpr std::array<std::string_view, 4> sizes{"", "K", "M", "G"};
  constexpr std::array<std::string_view, 4> times{"ns", "us", "ms", "s"};
  option += std::to_string(1 + below(random, 64));
  if (option.starts_with("spin")) return option.append(one_of(random, times));
  const bool is_size = option.starts_with("capacity") || option.starts_with("max_message");
  return is_size ? option.append(one_of(random, sizes)) : option;
}

std::string random_address(generator& random) {
  const auto number = [&](std::size_t most) { return std::to_string(below(random, most)); };
  constexpr std::string_view letters = "abcXYZ019_-";
  std::string text;
  switch (below(random, 6)) {
    case 0:
      text = "pipe:" + number(1000) + "," + (below(random, 2) != 0 ? "-" : number(1000));
      break;
    case 1:
      text = "tcp:" + number(256) + ".0.0." + number(256) + ":" + number(65'536);
      break;
    case 2:
      text = "udp:[fe80::" + number(10'000) + "]:" + number(65'536);
      break;
    case 3:
      text =
          "unix:" + std::string{below(random, 2) != 0 ? "@" : "/"} + random_name(random, letters);
      break;
    default: {
      constexpr std::array<std::string_view, 6> schemes{
          "ring:", "queue:", "topic:", "fifo:", "mq:", "mailbox:"};
      text = std::string{one_of(random, schemes)} + random_name(random, letters);
      if (below(random, 3) == 0) text += "%3F%25";
    }
  }
  char separator = '?';
  for (std::size_t options = below(random, 4); options != 0; --options, separator = '&')
    text.append({separator}).append(random_option(random));
  return text;
}

std::string mutated(generator& random, std::string text) {
  constexpr std::string_view special = ":?&=%,-@[]./0x1KMs\n\0\xff";
  for (std::size_t changes = 1 + below(random, 4); changes != 0 && !text.empty(); --changes) {
    const std::size_t at = below(random, text.size());
    switch (below(random, 4)) {
      case 0:
        text.erase(at, 1 + below(random, 3));
        break;
      case 1:
        text.insert(at, 1, special[below(random, special.size())]);
        break;
      case 2:
        text[at] = static_cast<char>(below(random, 256));
        break;
      default:
        text.insert(at, text.substr(below(random, text.size()), 8));
    }
  }
  return text;
}

// Whether it is an address; what must hold in either case is checked.
bool holds(const std::string& text) {
  endpoint_complaint complaint;
  const auto made = endpoint::parse(text, complaint);
  if (!made) {
    EXPECT_GE(complaint.column, 1U) << text;
    EXPECT_LE(complaint.column, text.size() + 1) << text;
    EXPECT_FALSE(complaint.what.empty()) << text;
    EXPECT_GT(complaint.explain(text).size(), complaint.what.size()) << text;
    return false;
  }
  const std::string printed = made->text();
  const auto again = endpoint::parse(printed, complaint);
  EXPECT_TRUE(again) << text << "\n" << complaint.explain(printed);
  if (again) {
    EXPECT_EQ(*again, *made) << text << " and " << printed;
    EXPECT_EQ(again->text(), printed);
  }
  return true;
}

TEST(EndpointText, what_is_parsed_prints_as_an_equal_address) {
  generator random{20'261};
  std::size_t addresses = 0;
  for (int round = 0; round < 20'000; ++round) addresses += holds(random_address(random)) ? 1U : 0U;
  // Most combinations of options are none that the scheme takes.
  EXPECT_GT(addresses, 4000U);
}

TEST(EndpointText, any_mutated_text_is_an_address_or_is_complained_about) {
  generator random{20'262};
  std::array<std::size_t, 2> outcomes{};
  for (int round = 0; round < 100'000; ++round)
    ++outcomes[holds(mutated(random, random_address(random))) ? 1 : 0];
  EXPECT_GT(outcomes[0], 1000U);
  EXPECT_GT(outcomes[1], 1000U);
}

TEST(EndpointText, the_longest_address_prints_as_one_although_numbers_may_grow) {
  // Found by tests/fuzz.
  for (const std::string_view text : {"ring:x?mode=7&directory=/", "ring:x?spin=0s&directory=/",
                                      "sysv:?key=9&directory=/", "ring:x?create=no&directory=/"}) {
    std::size_t addresses = 0;
    for (std::size_t size = endpoint::max_text_bytes - 8; size <= endpoint::max_text_bytes;
         ++size) {
      std::string longest{text};
      longest.append(size - text.size(), 'x');
      if (holds(longest)) ++addresses;
    }
    EXPECT_GE(addresses, 6U) << text;
  }
}

TEST(EndpointText, random_bytes_are_complained_about) {
  generator random{20'263};
  std::size_t refused = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text(below(random, 200), ' ');
    for (char& letter : text) letter = static_cast<char>(below(random, 256));
    refused += holds(text) ? 0U : 1U;
  }
  EXPECT_EQ(refused, 20'000U);
}

}  // namespace
}  // namespace sluice::test
