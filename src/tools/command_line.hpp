#pragma once
// What the arguments of the tool ask for. Reads them and does nothing else, so that any arguments
// can be tried (tests/fuzz/command_lines.cpp).

#include <span>
#include <string>
#include <vector>

#include "tools/tour/tour.hpp"

namespace sluice::tools {

/// The command, and what was said with it.
struct command_line {
  enum class command { print, tour, list_mechanisms, capabilities, bench };

  command what = command::print;
  std::string text = {};                ///< To be printed: help, or the version.
  tour::tour_options tour = {};         ///< Of `sluice tour`.
  std::vector<std::string> bench = {};  ///< All arguments of `sluice bench`, unread.
};

/// Reads the arguments, the program's name not among them. Throws `tool_failure` (usage) with what
/// is wrong with them.
[[nodiscard]] command_line read_command_line(std::span<const std::string> arguments);

}  // namespace sluice::tools
