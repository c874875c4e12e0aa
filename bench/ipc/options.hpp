#pragma once
// What the command line asks for.

#include <cstddef>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "stage.hpp"
#include "transport.hpp"

namespace bench {

struct run_options {
  int rounds = 9;
  double cell_ms = 20;
  double limit_seconds = 10;
  int slow_messages = 500;         ///< Of who sends slowly, in a round.
  double idle_seconds = 2;         ///< How long nobody sends, in a round.
  double open_loop_seconds = 0.2;  ///< Of messages at a fixed rate, in a round.
  double budget_seconds = 0;       ///< No round begins that would end after it; 0: none.
  std::size_t ring_bytes = default_ring_bytes;
  wait_loop wait;
  std::vector<std::size_t> sizes;       ///< Empty: those of docs/benchmarks.md.
  std::string filter = "";              ///< Of names of cells; searched for.
  std::vector<std::string> mechanisms;  ///< Names of transports; empty: all.
  std::vector<std::string> measures;    ///< "latency"; empty: all.
  std::optional<waiting> mode;          ///< How they wait; none: both.
  std::string json_file;                ///< Empty: none.
  sabotage on_purpose = sabotage::none;
  bool lists = false;          ///< Print the names of the cells instead of running them.
  bool shows_progress = true;  ///< On the standard error.
  std::string help = "";       ///< Not empty: what to print instead of running anything.

  [[nodiscard]] double cell_seconds() const noexcept { return cell_ms / 1000; }
  /// Whether this is one of those that were asked for, or a floor that they are set against.
  [[nodiscard]] bool wants(const transport& one, std::string_view measure) const;
  [[nodiscard]] bool wants_mechanism(const std::string& name) const;
  [[nodiscard]] bool wants_measure(std::string_view measure) const;
  /// Whether `filter` finds something in that name.
  [[nodiscard]] bool has_name(const std::string& name) const;
};

/// A command line that cannot be understood; the text is for the user.
struct bad_option : std::runtime_error {
  using std::runtime_error::runtime_error;
};

[[nodiscard]] run_options parse(const std::vector<std::string>& arguments);

}  // namespace bench
