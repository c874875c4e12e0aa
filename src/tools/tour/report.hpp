#pragma once
// What the tour prints: a table for people, a document for programs. Nothing here writes.

#include <cstddef>
#include <string>
#include <vector>

#include "tools/tour/input.hpp"
#include "tools/tour/machine.hpp"
#include "tools/tour/row.hpp"

namespace sluice::tour {

/// What stands above all numbers.
struct report_heading {
  machine where;
  std::vector<std::string> sources;  ///< As the user named them.
  std::size_t files = 0;
  std::size_t lines = 0;
  std::size_t total_bytes = 0;
  std::size_t limit_bytes = 0;
  bool stopped_at_limit = false;
  std::size_t larger_than_limit = 0;
  std::size_t symbolic_links = 0;
  std::size_t special_files = 0;
  std::size_t unreadable = 0;
};

/// The text, in the order in which it is printed: each part as soon as it is known.
[[nodiscard]] std::string text_of(const report_heading& heading);
[[nodiscard]] std::string table_head(const message_set& messages, const report_heading& heading);
[[nodiscard]] std::string text_of(const row& measured);
/// What the columns mean, and what went wrong.
[[nodiscard]] std::string notes_on(const std::vector<row>& rows);

/// All of it as one JSON document, with a newline at its end.
[[nodiscard]] std::string json_of(const report_heading& heading, const std::vector<row>& rows);

}  // namespace sluice::tour
