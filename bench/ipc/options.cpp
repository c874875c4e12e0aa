#include "options.hpp"

#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <map>
#include <optional>
#include <string_view>

namespace bench {

const char* const usage = R"(Usage: sluice_bench [OPTION...]

Measures floors, rivals and the rings between processes, and prints ratios.

  --rounds=N       rounds of every cell (9)
  --cell_ms=X      about how long a cell is measured in a round (20)
  --filter=REGEX   only cells whose name it is found in, such as 'latency/8/polling'
  --sizes=N,N...   bytes per message, multiples of 8, instead of the usual ones
  --ring_bytes=N   memory of each transport, a power of two (1048576); a cell whose messages are
                   more than a quarter of it has four times a message, every transport in it alike
  --wait=pause     who polls tells the processor so between two looks (the default)
  --wait=bare      it does not
  --wait=back_off  it does so many times
  --slow_messages=N
                   messages of who sends one each millisecond, in a round (500)
  --idle_s=X       how long nobody sends to who is idle, in a round (2)
  --json=FILE      writes all that was measured there
  --limit_s=X      a cell that is not done by then is killed (10)
  --list           prints the names of the cells
  --spoil          one bit of each batch is wrong; every cell has to notice
  --die, --hang    each sender does so; every cell has to be reported
)";

namespace {

constexpr std::size_t most_message_bytes = std::size_t{16} << 20;
constexpr std::size_t least_ring_bytes = 4096;
constexpr std::size_t most_ring_bytes = std::size_t{1} << 30;

template <class Number>
Number number(std::string_view flag, std::string_view text, Number low, Number high) {
  Number value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size() || !(value >= low) ||
      !(value <= high))
    throw bad_option{
        fmt::format("{}={}: a number from {} to {} is expected", flag, text, low, high)};
  return value;
}

std::vector<std::size_t> size_list(std::string_view flag, std::string_view text) {
  std::vector<std::size_t> sizes;
  while (true) {
    const std::size_t comma = text.find(',');
    const auto size =
        number<std::size_t>(flag, text.substr(0, comma), word_bytes, most_message_bytes);
    if (size % word_bytes != 0)
      throw bad_option{fmt::format("{}: {} is not a multiple of 8", flag, size)};
    sizes.push_back(size);
    if (comma == std::string_view::npos) return sizes;
    text.remove_prefix(comma + 1);
  }
}

std::size_t ring_size(std::string_view flag, std::string_view text) {
  const auto size = number<std::size_t>(flag, text, least_ring_bytes, most_ring_bytes);
  if (!std::has_single_bit(size))
    throw bad_option{fmt::format("{}: {} is not a power of two", flag, size)};
  return size;
}

wait_loop wait(std::string_view flag, std::string_view text) {
  if (text == "bare") return {.pauses = 0};
  if (text == "pause") return {.pauses = 1};
  if (text == "back_off") return {.pauses = wait_loop::many_pauses};
  throw bad_option{fmt::format("{}={}: it is pause, bare or back_off", flag, text)};
}

// Checked here, so that a bad one is told before anything runs.
std::string pattern(std::string_view flag, std::string_view text) {
  try {
    static_cast<void>(std::regex{std::string{text}});
  } catch (const std::regex_error& bad) {
    throw bad_option{fmt::format("{}={}: not a regular expression: {}", flag, text, bad.what())};
  }
  return std::string{text};
}

bool take_word(run_options& options, std::string_view flag) {
  if (flag == "--help" || flag == "-h") {
    options.helps = true;
  } else if (flag == "--list") {
    options.lists = true;
  } else if (flag == "--spoil") {
    options.on_purpose = sabotage::spoil;
  } else if (flag == "--die") {
    options.on_purpose = sabotage::die;
  } else if (flag == "--hang") {
    options.on_purpose = sabotage::hang;
  } else {
    return false;
  }
  return true;
}

bool take_value(run_options& options, std::string_view flag, std::string_view value) {
  if (flag == "--rounds") {
    options.rounds = number(flag, value, 1, 100000);
  } else if (flag == "--cell_ms") {
    options.cell_seconds = number(flag, value, 0.01, 60000.0) / 1000;
  } else if (flag == "--limit_s") {
    options.limit_seconds = number(flag, value, 0.01, 86400.0);
  } else if (flag == "--slow_messages") {
    options.slow_messages = number(flag, value, 1, 1000000);
  } else if (flag == "--idle_s") {
    options.idle_seconds = number(flag, value, 0.001, 3600.0);
  } else if (flag == "--ring_bytes") {
    options.ring_bytes = ring_size(flag, value);
  } else if (flag == "--sizes") {
    options.sizes = size_list(flag, value);
  } else if (flag == "--wait") {
    options.wait = wait(flag, value);
  } else if (flag == "--filter") {
    options.filter = pattern(flag, value);
  } else if (flag == "--json") {
    if (value.empty()) throw bad_option{"--json=: the name of a file is expected"};
    options.json_file = value;
  } else {
    return false;
  }
  return true;
}

}  // namespace

run_options parse(const std::vector<std::string>& arguments) {
  run_options options;
  for (const std::string& argument : arguments) {
    const std::size_t equals = argument.find('=');
    const bool understood = equals == std::string::npos
                                ? take_word(options, argument)
                                : take_value(options, std::string_view{argument}.substr(0, equals),
                                             std::string_view{argument}.substr(equals + 1));
    if (!understood)
      throw bad_option{
          fmt::format("{}: no such option, or its value is missing; see --help", argument)};
  }
  return options;
}

}  // namespace bench
