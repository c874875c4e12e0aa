#include "tools/tour/tour.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "tools/interruption.hpp"
#include "tools/standard_output.hpp"
#include "tools/tour/input.hpp"
#include "tools/tour/mechanisms.hpp"
#include "tools/tour/progress.hpp"
#include "tools/tour/report.hpp"

namespace sluice::tour {

namespace {

using tools::exit_code;
using tools::tool_failure;

// So that the default tour stays well below a minute on two cores.
constexpr std::size_t most_lines = 1'000'000;
constexpr std::size_t most_requests = 20'000;
constexpr std::size_t latency_samples = 4'000;

std::vector<const mechanism*> chosen(const std::vector<std::string>& names) {
  std::vector<const mechanism*> found = all_mechanisms();
  for (const std::string& name : names) {
    if (std::ranges::find(found, name, &mechanism::name) == found.end())
      throw tool_failure{
          exit_code::usage,
          fmt::format("there is no mechanism '{}'; 'sluice tour --list' names them all", name)};
  }
  std::erase_if(found, [&](const mechanism* one) {
    return !names.empty() && std::ranges::find(names, one->name) == names.end();
  });
  return found;
}

report_heading heading_of(const tour_options& options, const tour_input& input) {
  return {.where = machine::here(),
          .sources = options.paths,
          .files = input.files.size(),
          .lines = input.lines,
          .total_bytes = input.total_bytes,
          .limit_bytes = options.limit_bytes,
          .stopped_at_limit = input.stopped_at_limit,
          .larger_than_limit = input.larger_than_limit,
          .symbolic_links = input.symbolic_links,
          .special_files = input.special_files,
          .unreadable = input.unreadable};
}

void note_unreadable(const tour_input& input) {
  if (input.unreadable == 0) return;
  std::string names;
  for (const std::string& name : input.unreadable_names)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", name);
  fmt::print(stderr, "sluice: note: left out because they cannot be read: {}{}\n", names,
             input.unreadable > input.unreadable_names.size()
                 ? fmt::format(" and {} more", input.unreadable - input.unreadable_names.size())
                 : "");
}

}  // namespace

std::string list_of_mechanisms() {
  std::string list;
  for (const mechanism* one : all_mechanisms())
    list += fmt::format("{:<16} {}\n", one->name, one->what);
  return list;
}

exit_code run_tour(const tour_options& options) {
  const auto visited = chosen(options.mechanisms);
  progress line;
  line.show("reading the input", 0);
  const tour_input input = read_input({.paths = options.paths, .limit_bytes = options.limit_bytes});
  line.clear();
  note_unreadable(input);
  const report_heading heading = heading_of(options, input);
  const auto print = [&](const std::string& text) {
    line.clear();
    if (!options.json) tools::print(text);
  };

  print(text_of(heading));
  std::vector<row> rows;
  for (const message_set& messages : {lines_of(input, most_lines), files_of(input)}) {
    print(table_head(messages, heading));
    for (const mechanism* one : visited) {
      const auto show = [&](std::string_view part, double done) {
        line.show(fmt::format("{}, {}: {}", one->name, messages.kind, part), done);
      };
      rows.push_back(measure(
          *one, messages,
          {.latency_samples = latency_samples, .most_requests = most_requests, .progress = show}));
      print(text_of(rows.back()));
    }
  }
  print(notes_on(rows));
  if (options.json) tools::print(json_of(heading, rows));
  const bool all_verified = std::ranges::all_of(rows, &row::verified);
  if (!all_verified) {
    fmt::print(stderr, "sluice: not everything arrived as it was sent; {}\n",
               options.json ? "see \"troubles\" in the output" : "see \"Not verified\" above");
  }
  return all_verified ? exit_code::success : exit_code::not_verified;
}

}  // namespace sluice::tour
