// The command line tool `sluice`: runs one command, and turns whatever ends it into a sentence and
// an exit code.

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "tools/bench.hpp"
#include "tools/capabilities.hpp"
#include "tools/command_line.hpp"
#include "tools/standard_output.hpp"
#include "tools/tool_failure.hpp"
#include "tools/tour/tour.hpp"

namespace {

using sluice::tools::command_line;
using sluice::tools::exit_code;
using sluice::tools::tool_failure;

exit_code run(const command_line& wanted) {
  using enum command_line::command;
  switch (wanted.what) {
    case tour:
      return sluice::tour::run_tour(wanted.tour);
    case bench:
      return sluice::tools::run_bench(wanted.bench);
    case list_mechanisms:
      sluice::tools::print(sluice::tour::list_of_mechanisms());
      break;
    case capabilities:
      sluice::tools::print(sluice::tools::capability_table());
      break;
    case print:
      sluice::tools::print(wanted.text);
      break;
  }
  return exit_code::success;
}

}  // namespace

int main(int count, char** arguments) {
  sluice::tools::prepare_standard_streams();
  try {
    // Without a single word, not even the program's name, there is no argument either.
    const std::vector<std::string> words(arguments + (count > 0 ? 1 : 0), arguments + count);
    return static_cast<int>(run(sluice::tools::read_command_line(words)));
  } catch (const tool_failure& failed) {
    fmt::print(stderr, "sluice: {}\n", failed.what());
    return static_cast<int>(failed.code());
  } catch (const std::exception& failed) {
    fmt::print(stderr, "sluice: {}\n", failed.what());
    return static_cast<int>(exit_code::not_verified);
  }
}
