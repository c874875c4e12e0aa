#include "options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <regex>
#include <string_view>

#include "crew_parts.hpp"
#include "transports.hpp"

namespace bench {

const char* const usage = R"(Usage: sluice_bench [OPTION...]

Measures the channels of Sluice, the raw system calls below them, what nothing can beat, and other
libraries, all between processes and in the same run; prints ratios.

What is measured:
  --mechanism=NAME,...   only these, such as ring_channel,pipe, and the floors they are set against
  --sizes=N,N...         bytes per message, multiples of 8, instead of the usual ones
  --mode=polling         only who polls, or only who sleeps: --mode=blocking
  --measure=NAME,...     of latency, throughput, wake, open_loop, produced, set_up, fan_in, fan_out,
                         slow_sender, idle, memory
  --filter=REGEX         only cells whose name it is found in, such as 'latency/8/polling'
  --list                 prints the names of the cells
How long:
  --budget=TIME          such as 60s or 10m: no round begins that would end later
  --rounds=N             rounds of every cell (9)
  --cell_ms=X            about how long a cell is measured in a round (20)
  --open_loop_s=X        how long messages come at a fixed rate, in a round (0.2)
  --slow_messages=N      messages of who sends one each millisecond, in a round (500)
  --idle_s=X             how long nobody sends to who is idle, in a round (2)
  --limit_s=X            a cell that is not done by then is killed (10)
How:
  --ring_bytes=N         memory of each transport, a power of two (1048576); a cell whose messages
                         are more than a quarter of it has four times a message, all alike
  --wait=pause           who polls tells the processor so between two looks (the default);
                         bare: it does not; back_off: it does so many times
What comes out:
  --json=FILE            writes all that was measured there
  --quiet                no progress on the standard error
To see it fail:
  --spoil                one bit of each batch is wrong; every cell has to notice
  --die, --hang          each sender does so; every cell has to be reported

Exit codes: 0 all is well; 1 a cell failed; 2 the command line is wrong; 4 the results cannot be
written; 5 interrupted: what was measured until then is printed and written.
)";

bool run_options::wants_mechanism(const std::string& name) const {
  return mechanisms.empty() || std::ranges::find(mechanisms, name) != mechanisms.end();
}

bool run_options::wants_measure(std::string_view measure) const {
  return measures.empty() || std::ranges::find(measures, measure) != measures.end();
}

bool run_options::has_name(const std::string& name) const {
  return filter.empty() || std::regex_search(name, std::regex{filter});
}

bool run_options::wants(const transport& one, std::string_view measure) const {
  if (!wants_measure(measure) || (mode && *mode != one.how)) return false;
  const bool is_raw = one.name.starts_with("raw_");
  if (one.what == role::floor && !is_raw) return true;
  if (wants_mechanism(one.name)) return true;
  // The raw calls below one that is wanted.
  return is_raw && std::ranges::any_of(all_transports(), [&](const transport& other) {
           return other.raw == one.name && wants_mechanism(other.name);
         });
}

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
  } else if (flag == "--quiet") {
    options.shows_progress = false;
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

// Seconds, or with s, m or h.
double duration(std::string_view flag, std::string_view text) {
  double unit = 1;
  std::string_view digits = text;
  if (!text.empty()) {
    const std::string_view units = "smh";
    const std::size_t which = units.find(text.back());
    if (which != std::string_view::npos) {
      unit = which == 0 ? 1 : which == 1 ? 60 : 3600;
      digits.remove_suffix(1);
    }
  }
  double value = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (problem != std::errc{} || end != digits.data() + digits.size() || !(value > 0))
    throw bad_option{fmt::format("{}={}: a time such as 60s or 10m is expected", flag, text)};
  return value * unit;
}

std::vector<std::string> one_of(std::string_view flag, std::string_view text,
                                const std::vector<std::string>& known) {
  std::vector<std::string> names;
  while (true) {
    const std::size_t comma = text.find(',');
    names.emplace_back(text.substr(0, comma));
    if (std::ranges::find(known, names.back()) == known.end())
      throw bad_option{
          fmt::format("{}={}: it is one of {}", flag, names.back(), fmt::join(known, ", "))};
    if (comma == std::string_view::npos) return names;
    text.remove_prefix(comma + 1);
  }
}

std::vector<std::string> known_mechanisms() {
  std::vector<std::string> names;
  const auto add = [&](const std::string& name) {
    if (std::ranges::find(names, name) == names.end()) names.push_back(name);
  };
  for (const transport& one : all_transports()) add(one.name);
  for (const crew_transport& one : all_crew_transports()) add(one.name);
  return names;
}

const std::vector<std::string> known_measures{"latency",     "throughput", "wake",   "open_loop",
                                              "produced",    "set_up",     "fan_in", "fan_out",
                                              "slow_sender", "idle",       "memory"};

waiting mode_of(std::string_view flag, std::string_view text) {
  if (text == "polling") return waiting::polling;
  if (text == "blocking") return waiting::blocking;
  throw bad_option{fmt::format("{}={}: it is polling or blocking", flag, text)};
}

bool take_selection(run_options& options, std::string_view flag, std::string_view value) {
  if (flag == "--mechanism") {
    options.mechanisms = one_of(flag, value, known_mechanisms());
  } else if (flag == "--measure") {
    options.measures = one_of(flag, value, known_measures);
  } else if (flag == "--mode") {
    options.mode = mode_of(flag, value);
  } else if (flag == "--sizes") {
    options.sizes = size_list(flag, value);
  } else if (flag == "--filter") {
    options.filter = pattern(flag, value);
  } else {
    return false;
  }
  return true;
}

bool take_value(run_options& options, std::string_view flag, std::string_view value) {
  if (take_selection(options, flag, value)) return true;
  if (flag == "--budget") {
    options.budget_seconds = duration(flag, value);
  } else if (flag == "--open_loop_s") {
    options.open_loop_seconds = number(flag, value, 0.0001, 3600.0);
  } else if (flag == "--rounds") {
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
  } else if (flag == "--wait") {
    options.wait = wait(flag, value);
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
