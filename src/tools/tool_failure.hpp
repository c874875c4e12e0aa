#pragma once
// How the tool gives up: one sentence for people, one exit code for programs.

#include <stdexcept>
#include <string>

namespace sluice::tools {

/// What the process returns. The help text lists these, so keep both in step.
enum class exit_code {
  success = 0,
  not_verified = 1,  ///< A message was lost or differed, or a mechanism did not work.
  usage = 2,         ///< The command line makes no sense.
  input = 3,         ///< There is nothing to send, or it cannot be read.
  output = 4,        ///< What was to be printed could not be written.
  interrupted = 5,   ///< A signal asked for the end, and everything was put away.
};

/// Ends the command: main prints the sentence and returns the code.
class tool_failure : public std::runtime_error {
 public:
  tool_failure(exit_code code, const std::string& sentence)
      : std::runtime_error(sentence), code_(code) {}
  [[nodiscard]] exit_code code() const noexcept { return code_; }

 private:
  exit_code code_;
};

}  // namespace sluice::tools
