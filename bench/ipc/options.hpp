#pragma once
// What the command line asks for.

#include <cstddef>
#include <regex>
#include <stdexcept>
#include <string>
#include <vector>

#include "stage.hpp"
#include "transport.hpp"

namespace bench {

struct run_options {
  int rounds = 9;
  double cell_seconds = 0.02;
  double limit_seconds = 10;
  int slow_messages = 500;  ///< Of who sends slowly, in a round.
  double idle_seconds = 2;  ///< How long nobody sends, in a round.
  std::size_t ring_bytes = default_ring_bytes;
  wait_loop wait;
  std::vector<std::size_t> sizes;  ///< Empty: those of docs/benchmarks.md.
  std::string filter = "";         ///< Of names of cells; searched for.
  std::string json_file;           ///< Empty: none.
  sabotage on_purpose = sabotage::none;
  bool lists = false;  ///< Print the names of the cells instead of running them.
  bool helps = false;
};

/// A command line that cannot be understood; the text is for the user.
struct bad_option : std::runtime_error {
  using std::runtime_error::runtime_error;
};

extern const char* const usage;

[[nodiscard]] run_options parse(const std::vector<std::string>& arguments);

}  // namespace bench
