#pragma once
// What the user points at, read into memory: files, and directories with everything below them.

#include <cstddef>
#include <string>
#include <vector>

#include "tools/tour/messages.hpp"

namespace sluice::tour {

struct input_options {
  std::vector<std::string> paths;  ///< Files and directories.
  std::size_t limit_bytes = 0;     ///< Reading stops before the file that would exceed it.
};

/// What was read, and what was passed over and why.
struct tour_input {
  std::vector<std::vector<std::byte>> files;
  std::size_t total_bytes = 0;
  std::size_t lines = 0;
  bool stopped_at_limit = false;      ///< More would have been there.
  std::size_t larger_than_limit = 0;  ///< Files that alone exceed the limit.
  std::size_t symbolic_links = 0;     ///< Below a directory: not followed.
  std::size_t special_files = 0;      ///< Devices, FIFOs, sockets.
  std::size_t unreadable = 0;
  std::vector<std::string> unreadable_names;  ///< The first few, with the reason.
};

/// Directories are walked in the order of names. Throws `tools::tool_failure` (input) if something
/// that was named cannot be read, or if nothing remains to be sent.
[[nodiscard]] tour_input read_input(const input_options& options);

/// Each line is a message, without its newline; at most `most` of them.
[[nodiscard]] message_set lines_of(const tour_input& input, std::size_t most);
/// Each file is a message.
[[nodiscard]] message_set files_of(const tour_input& input);

}  // namespace sluice::tour
