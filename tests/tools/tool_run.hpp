#pragma once
// The real `sluice` binary, run as users run it: with arguments, descriptors, an environment.

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <sluice/os/process.hpp>
#include <sluice/os/unique_fd.hpp>
#include <string>
#include <vector>

namespace sluice::test {

struct tool_options {
  int output = -1;  ///< What is to be its standard output; -1: a file in memory, to be looked at.
  int error_output = -1;  ///< Likewise for standard error.
  bool close_output = false;
  bool as_nobody = false;              ///< Needs root.
  std::string runtime_directory = {};  ///< Instead of the test's own.
  bool no_runtime_directory = false;   ///< The environment names none.
};

/// What a run left.
struct tool_end {
  exit_status status;
  std::string output;
  std::string error_output;
};

/// A run that has begun.
class tool_run {
 public:
  explicit tool_run(std::vector<std::string> arguments, const tool_options& options = {});

  /// Waits for its end.
  [[nodiscard]] tool_end finish();
  [[nodiscard]] process& handle() noexcept { return *process_; }
  /// Those of its children that are there right now, dead ones included.
  [[nodiscard]] std::vector<pid_t> children() const;

 private:
  unique_fd output_;
  unique_fd error_output_;
  std::optional<process> process_;
};

/// Begins and finishes.
[[nodiscard]] tool_end run_tool(std::vector<std::string> arguments,
                                const tool_options& options = {});

/// A directory of files for one test; gone with the object.
class input_directory {
 public:
  input_directory();
  input_directory(const input_directory&) = delete;
  input_directory& operator=(const input_directory&) = delete;
  ~input_directory();

  /// Writes a file; returns its path.
  std::string add(const std::string& name, const std::string& content) const;
  [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
  [[nodiscard]] std::string operator/(const std::string& name) const {
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

/// `count` lines that all differ.
[[nodiscard]] std::string numbered_lines(std::size_t count);
/// Bytes of every value, without a pattern.
[[nodiscard]] std::string binary_bytes(std::size_t count);

}  // namespace sluice::test
