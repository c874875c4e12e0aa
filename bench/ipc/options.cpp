#include "options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <regex>
#include <string_view>

#include "crew_parts.hpp"
#include "transports.hpp"

namespace bench {

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

constexpr const char* description =
    "Measures the channels of Sluice, the raw system calls below them, what nothing can beat, and\n"
    "other libraries, all between processes and in the same run; prints ratios.";
constexpr const char* exit_codes =
    "Exit codes: 0 all is well; 1 a cell failed; 2 the command line is wrong; 4 the results "
    "cannot\n"
    "be written; 5 interrupted: what was measured until then is printed and written.\n";
constexpr const char* names = "NAME,...";

template <class Number>
std::optional<Number> parsed(const std::string& text) {
  Number value{};
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class Number>
CLI::Validator number_between(Number low, Number high) {
  return {[=](std::string& text) {
            const auto value = parsed<Number>(text);
            if (value && *value >= low && *value <= high) return std::string{};
            return fmt::format("a number from {} to {} is expected, not '{}'", low, high, text);
          },
          ""};
}

CLI::Validator whole_words() {
  return {[](std::string& text) {
            return parsed<std::size_t>(text).value_or(1) % word_bytes == 0
                       ? std::string{}
                       : fmt::format("{} is not a multiple of 8", text);
          },
          ""};
}

CLI::Validator power_of_two() {
  return {[](std::string& text) {
            return std::has_single_bit(parsed<std::size_t>(text).value_or(0))
                       ? std::string{}
                       : fmt::format("{} is not a power of two", text);
          },
          ""};
}

// Checked here, so that a bad one is told before anything runs.
CLI::Validator regular_expression() {
  return {[](std::string& text) {
            try {
              static_cast<void>(std::regex{text});
              return std::string{};
            } catch (const std::regex_error& bad) {
              return fmt::format("no regular expression: {}", bad.what());
            }
          },
          ""};
}

// Seconds, or with s, m or h; turned into seconds.
CLI::Validator a_time() {
  return {
      [](std::string& text) {
        constexpr std::string_view units = "smh";
        const std::size_t which = text.empty() ? units.npos : units.find(text.back());
        const bool has_unit = which != units.npos;
        const auto value = parsed<double>(has_unit ? text.substr(0, text.size() - 1) : text);
        if (!value || !(*value > 0) || !std::isfinite(*value))
          return fmt::format("a time such as 60s or 10m is expected, not '{}'", text);
        text = fmt::format("{}", *value * (!has_unit || which == 0 ? 1 : which == 1 ? 60 : 3600));
        return std::string{};
      },
      ""};
}

CLI::Validator one_of(const std::vector<std::string>& known) {
  return {[=](std::string& text) {
            if (std::ranges::find(known, text) != known.end()) return std::string{};
            return fmt::format("it is one of {}, not '{}'", fmt::join(known, ", "), text);
          },
          ""};
}

std::vector<std::string> known_mechanisms() {
  std::vector<std::string> known;
  const auto add = [&](const std::string& name) {
    if (std::ranges::find(known, name) == known.end()) known.push_back(name);
  };
  for (const transport& one : all_transports()) add(one.name);
  for (const crew_transport& one : all_crew_transports()) add(one.name);
  return known;
}

const std::vector<std::string> known_measures{"latency",     "throughput", "wake",   "open_loop",
                                              "produced",    "set_up",     "fan_in", "fan_out",
                                              "slow_sender", "idle",       "memory"};

void add_selection(CLI::App& app, run_options& options) {
  const std::string group = "What is measured";
  app.add_option("--mechanism", options.mechanisms,
                 "Only these, such as ring_channel,pipe, and the floors they are set\nagainst")
      ->delimiter(',')
      ->check(one_of(known_mechanisms()))
      ->type_name(names)
      ->group(group);
  app.add_option("--sizes", options.sizes,
                 "Bytes per message, multiples of 8, instead of the usual ones")
      ->delimiter(',')
      ->check(number_between<std::size_t>(word_bytes, most_message_bytes))
      ->check(whole_words())
      ->type_name("N,...")
      ->group(group);
  app.add_option_function<std::string>(
         "--mode",
         [&](const std::string& name) {
           options.mode = name == "polling" ? waiting::polling : waiting::blocking;
         },
         "Only who polls, or only who sleeps: polling, blocking")
      ->check(one_of({"polling", "blocking"}))
      ->type_name("NAME")
      ->group(group);
  app.add_option("--measure", options.measures,
                 "Of latency, throughput, wake, open_loop, produced, set_up, fan_in,\n"
                 "fan_out, slow_sender, idle, memory")
      ->delimiter(',')
      ->check(one_of(known_measures))
      ->type_name(names)
      ->group(group);
  app.add_option("--filter", options.filter,
                 "Only cells whose name it is found in, such as 'latency/8/polling'")
      ->check(regular_expression())
      ->type_name("REGEX")
      ->group(group);
  app.add_flag("--list", options.lists, "Prints the names of the cells")->group(group);
}

void add_lengths(CLI::App& app, run_options& options) {
  const std::string group = "How long";
  const auto add = [&](const char* flag, auto& value, auto low, auto high, const char* what) {
    app.add_option(flag, value, what)
        ->check(number_between(low, high))
        ->type_name("N")
        ->capture_default_str()
        ->group(group);
  };
  app.add_option("--budget", options.budget_seconds,
                 "Such as 60s or 10m: no round begins that would end later")
      ->transform(a_time())
      ->type_name("TIME")
      ->group(group);
  add("--rounds", options.rounds, 1, 100'000, "Rounds of every cell");
  add("--cell_ms", options.cell_ms, 0.01, 60'000.0, "About how long a cell is measured in a round");
  add("--open_loop_s", options.open_loop_seconds, 0.0001, 3600.0,
      "How long messages come at a fixed rate, in a round");
  add("--slow_messages", options.slow_messages, 1, 1'000'000,
      "Messages of who sends one each millisecond, in a round");
  add("--idle_s", options.idle_seconds, 0.001, 3600.0,
      "How long nobody sends to who is idle, in a round");
  add("--limit_s", options.limit_seconds, 0.01, 86'400.0,
      "A cell that is not done by then is killed");
}

void add_ways(CLI::App& app, run_options& options) {
  const std::string group = "How";
  app.add_option("--ring_bytes", options.ring_bytes,
                 "Memory of each transport, a power of two; a cell whose messages\n"
                 "are more than a quarter of it has four times a message, all alike")
      ->check(number_between(least_ring_bytes, most_ring_bytes))
      ->check(power_of_two())
      ->type_name("N")
      ->capture_default_str()
      ->group(group);
  app.add_option_function<std::string>(
         "--wait",
         [&](const std::string& name) {
           options.wait.pauses = name == "bare" ? 0 : name == "pause" ? 1 : wait_loop::many_pauses;
         },
         "Who polls tells the processor so between two looks (pause, the\n"
         "default), does not (bare), or does so many times (back_off)")
      ->check(one_of({"pause", "bare", "back_off"}))
      ->type_name("NAME")
      ->group(group);
}

void add_outputs(CLI::App& app, run_options& options) {
  app.add_option("--json", options.json_file, "Writes all that was measured there")
      ->type_name("FILE")
      ->group("What comes out");
  app.add_flag_callback(
         "--quiet", [&] { options.shows_progress = false; }, "No progress on the standard error")
      ->group("What comes out");
  const auto add = [&](const char* flag, sabotage what, const char* text) {
    return app
        .add_flag_callback(
            flag, [&options, what] { options.on_purpose = what; }, text)
        ->group("To see it fail");
  };
  auto* spoil =
      add("--spoil", sabotage::spoil, "One bit of each batch is wrong; every cell has to notice");
  auto* die = add("--die", sabotage::die, "Each sender is killed; every cell has to be reported");
  auto* hang = add("--hang", sabotage::hang, "Each sender hangs; every cell has to be reported");
  die->excludes(spoil);
  hang->excludes(spoil)->excludes(die);
}

}  // namespace

run_options parse(const std::vector<std::string>& arguments) {
  run_options options;
  CLI::App app{description, "sluice_bench"};
  app.footer(exit_codes);
  add_selection(app, options);
  add_lengths(app, options);
  add_ways(app, options);
  add_outputs(app, options);
  try {
    app.parse(std::vector<std::string>{arguments.rbegin(), arguments.rend()});
  } catch (const CLI::CallForHelp&) {
    options.help = app.help();
  } catch (const CLI::ExtrasError&) {
    throw bad_option{
        fmt::format("{}: no such option; see --help", fmt::join(app.remaining(), ", "))};
  } catch (const CLI::ParseError& wrong) {
    throw bad_option{wrong.what()};
  }
  return options;
}

}  // namespace bench
