// Arguments of the tool: read to a command, or refused in one sentence; nothing is run.

#include <algorithm>
#include <string>
#include <vector>

#include "fuzz/script.hpp"
#include "fuzz/target.hpp"
#include "fuzz/targets.hpp"
#include "tools/byte_size.hpp"
#include "tools/command_line.hpp"

namespace sluice::test {
namespace {

using tools::command_line;

void check_command(const command_line& read, const std::vector<std::string>& words) {
  using enum command_line::command;
  const auto is_said = [&](const std::string& word) {
    return std::ranges::count(words, word) != 0;
  };
  switch (read.what) {
    case print:
      return require(!read.text.empty() && read.text.ends_with('\n'), "help is printed");
    case tour:
      require(is_said("tour"), "a command is named");
      require(read.tour.limit_bytes >= 1 && read.tour.limit_bytes <= 0x7fff'ffff, "a limit is one");
      return require(!read.tour.paths.empty(), "there is something to send");
    case list_mechanisms:
    case capabilities:
      return;
    case bench:
      require(is_said("bench"), "a command is named");
      // What is for the other program is not read, and comes in its order.
      return require(std::ranges::all_of(read.bench, is_said), "no argument is invented");
  }
}

void check_size(const std::string& text) {
  try {
    const std::size_t bytes = tools::byte_size_of("--limit", text);
    require(bytes >= 1 && bytes <= 0x7fff'ffff, "a size is one that a message may have");
    require(tools::byte_size_of("--limit", std::to_string(bytes)) == bytes, "it can be printed");
  } catch (const tools::tool_failure& refused) {
    require(refused.code() == tools::exit_code::usage, "what is no size is a wrong command line");
  }
}

}  // namespace
}  // namespace sluice::test

// Words are separated by zero bytes, as the kernel has them.
int sluice_fuzz_command_lines(const std::uint8_t* data, std::size_t size) {
  using namespace sluice::test;
  const nothing_left_behind checked;
  const std::string all{sluice::text_of(script{data, size}.rest())};
  std::vector<std::string> words;
  for (std::size_t at = 0; at < all.size() && words.size() < 32;) {
    const std::size_t end = std::min(all.find('\0', at), all.size());
    words.push_back(all.substr(at, end - at));
    at = end + 1;
  }
  try {
    check_command(sluice::tools::read_command_line(words), words);
  } catch (const sluice::tools::tool_failure& refused) {
    require(refused.code() == sluice::tools::exit_code::usage,
            "it is the command line that is wrong");
    require(*refused.what() != '\0', "a refusal says why");
  }
  for (const std::string& word : words) check_size(word);
  return 0;
}
