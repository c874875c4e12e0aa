#include "tools/command_line.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>

#include "tools/byte_size.hpp"
#include "tools/version.hpp"

namespace sluice::tools {

namespace {

using command = command_line::command;

constexpr const char* exit_codes =
    "Exit codes: 0 all is well; 1 something was lost or differed, or a mechanism failed;\n"
    "2 the command line is wrong; 3 the input cannot be read; 4 the output cannot be written;\n"
    "5 interrupted.\n";

std::string version_text() { return fmt::format("sluice {}", version); }

struct tour_words {
  std::string limit = "32MiB";
  bool list = false;
};

void add_tour(CLI::App& app, tour::tour_options& options, tour_words& words) {
  auto* tour = app.add_subcommand(
      "tour",
      "Sends real input as messages through every mechanism, from one process to\n"
      "another, checks every byte, and prints what each of them costs.");
  options.paths = {"/usr/include"};
  tour->add_option("FILE or DIRECTORY", options.paths,
                   "What to send: each line is a small message, each file a large one;\n"
                   "directories with all files below them")
      ->type_name("")
      ->capture_default_str();
  tour->add_option("-m,--mechanism", options.mechanisms, "Only this one; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);  // else it would take the files after its value too
  tour->add_option("--limit", words.limit,
                   "How much input to take: bytes, or with K, M or G (of 1024)")
      ->type_name("SIZE")
      ->capture_default_str();
  tour->add_flag("--json", options.json, "Print a JSON document instead of tables");
  tour->add_flag("--list", words.list, "Name the mechanisms and do nothing else");
  tour->set_version_flag("--version", version_text());
  tour->footer(exit_codes);
}

CLI::App* add_bench(CLI::App& app) {
  auto* bench = app.add_subcommand(
      "bench",
      "Measures every channel beside raw system calls and other libraries, with all\n"
      "that sluice_bench takes: 'sluice bench --help'.");
  // Everything that follows is for that program.
  bench->prefix_command();
  bench->set_help_flag();
  return bench;
}

// Says what CLI11 found wrong in our words where its own would not tell what to do.
[[noreturn]] void refuse(const CLI::App& app, const CLI::ParseError& wrong) {
  const auto chosen = app.get_subcommands();
  const std::string help =
      fmt::format("'sluice {}--help'", chosen.empty() ? "" : chosen.front()->get_name() + " ");
  const auto unknown = app.remaining(true);
  if (!unknown.empty())
    throw tool_failure{
        exit_code::usage,
        fmt::format("unknown argument '{}'; {} shows what there is", unknown.front(), help)};
  if (chosen.empty())
    throw tool_failure{exit_code::usage,
                       fmt::format("which command? {} shows what there is", help)};
  throw tool_failure{exit_code::usage, fmt::format("{}; {} shows how", wrong.what(), help)};
}

}  // namespace

command_line read_command_line(std::span<const std::string> arguments) {
  CLI::App app{"Inter-process communication on Linux, looked at from the command line.", "sluice"};
  app.set_version_flag("--version", version_text());
  app.require_subcommand(1);
  app.footer(exit_codes);
  command_line read;
  tour_words words;
  add_tour(app, read.tour, words);
  app.add_subcommand("capabilities", "Prints what each channel can do, as a table in Markdown.");
  const CLI::App* const bench = add_bench(app);
  try {
    std::vector<std::string> reversed{arguments.rbegin(), arguments.rend()};  // as CLI11 wants it
    app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    read.text = chosen.empty() ? app.help() : chosen.front()->help("sluice");
    return read;
  } catch (const CLI::CallForVersion& wanted) {
    read.text = fmt::format("{}\n", wanted.what());
    return read;
  } catch (const CLI::ParseError& wrong) {
    refuse(app, wrong);
  }
  if (app.got_subcommand("bench")) {
    read.what = command::bench;
    read.bench = bench->remaining();
  } else if (app.got_subcommand("capabilities")) {
    read.what = command::capabilities;
  } else if (words.list) {
    read.what = command::list_mechanisms;
  } else {
    read.what = command::tour;
    read.tour.limit_bytes = byte_size_of("--limit", words.limit);
  }
  return read;
}

}  // namespace sluice::tools
