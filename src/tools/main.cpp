// The command line tool `sluice`: parses the command line, runs one command, and turns whatever
// ends it into a sentence and an exit code.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <functional>
#include <string>

#include "tools/bench.hpp"
#include "tools/byte_size.hpp"
#include "tools/capabilities.hpp"
#include "tools/standard_output.hpp"
#include "tools/tool_failure.hpp"
#include "tools/tour/tour.hpp"
#include "tools/version.hpp"

namespace {

using sluice::tools::exit_code;
using sluice::tools::tool_failure;

constexpr const char* exit_codes =
    "Exit codes: 0 all is well; 1 something was lost or differed, or a mechanism failed;\n"
    "2 the command line is wrong; 3 the input cannot be read; 4 the output cannot be written;\n"
    "5 interrupted.\n";

using command = std::function<exit_code()>;

command add_tour(CLI::App& app) {
  auto* tour = app.add_subcommand(
      "tour",
      "Sends real input as messages through every mechanism, from one process to\n"
      "another, checks every byte, and prints what each of them costs.");
  auto options = std::make_shared<sluice::tour::tour_options>();
  auto limit = std::make_shared<std::string>("32MiB");
  auto list = std::make_shared<bool>(false);
  options->paths = {"/usr/include"};
  tour->add_option("FILE or DIRECTORY", options->paths,
                   "What to send: each line is a small message, each file a large one;\n"
                   "directories with all files below them")
      ->type_name("")
      ->capture_default_str();
  tour->add_option("-m,--mechanism", options->mechanisms, "Only this one; may be repeated")
      ->type_name("NAME")
      ->allow_extra_args(false);  // else it would take the files after its value too
  tour->add_option("--limit", *limit, "How much input to take: bytes, or with K, M or G (of 1024)")
      ->type_name("SIZE")
      ->capture_default_str();
  tour->add_flag("--json", options->json, "Print a JSON document instead of tables");
  tour->add_flag("--list", *list, "Name the mechanisms and do nothing else");
  tour->set_version_flag("--version", fmt::format("sluice {}", sluice::tools::version));
  tour->footer(exit_codes);
  return [=] {
    if (*list) {
      sluice::tools::print(sluice::tour::list_of_mechanisms());
      return exit_code::success;
    }
    options->limit_bytes = sluice::tools::byte_size_of("--limit", *limit);
    return sluice::tour::run_tour(*options);
  };
}

command add_capabilities(CLI::App& app) {
  app.add_subcommand("capabilities", "Prints what each channel can do, as a table in Markdown.");
  return [] {
    sluice::tools::print(sluice::tools::capability_table());
    return exit_code::success;
  };
}

command add_bench(CLI::App& app) {
  auto* bench = app.add_subcommand(
      "bench",
      "Measures every channel beside raw system calls and other libraries, with all\n"
      "that sluice_bench takes: 'sluice bench --help'.");
  // Everything that follows is for that program.
  bench->prefix_command();
  bench->set_help_flag();
  return [bench] { return sluice::tools::run_bench(bench->remaining()); };
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

exit_code run(int count, char** arguments) {
  CLI::App app{"Inter-process communication on Linux, looked at from the command line.", "sluice"};
  app.set_version_flag("--version", fmt::format("sluice {}", sluice::tools::version));
  app.require_subcommand(1);
  app.footer(exit_codes);
  const command tour = add_tour(app);
  const command capabilities = add_capabilities(app);
  const command bench = add_bench(app);
  try {
    app.parse(count, arguments);
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    sluice::tools::print(chosen.empty() ? app.help() : chosen.front()->help("sluice"));
    return exit_code::success;
  } catch (const CLI::CallForVersion& version) {
    sluice::tools::print(fmt::format("{}\n", version.what()));
    return exit_code::success;
  } catch (const CLI::ParseError& wrong) {
    refuse(app, wrong);
  }
  if (app.got_subcommand("bench")) return bench();
  return app.got_subcommand("tour") ? tour() : capabilities();
}

}  // namespace

int main(int count, char** arguments) {
  sluice::tools::prepare_standard_streams();
  try {
    return static_cast<int>(run(count, arguments));
  } catch (const tool_failure& failed) {
    fmt::print(stderr, "sluice: {}\n", failed.what());
    return static_cast<int>(failed.code());
  } catch (const std::exception& failed) {
    fmt::print(stderr, "sluice: {}\n", failed.what());
    return static_cast<int>(exit_code::not_verified);
  }
}
