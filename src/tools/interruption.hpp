#pragma once
// An orderly end on SIGINT, SIGTERM and SIGHUP: while there are children and names to put away, the
// signals are noted, and whoever waits looks here from time to time.

#include <array>

namespace sluice::tools {

/// While one lives, these signals are noted; before and after they kill, as in any program.
///
/// *Semantics*: what was ignored from the start (nohup) stays ignored. *Threads*: one; one at a
/// time. *Errors*: none. *Lifetime*: the dispositions from before come back when it goes. *Crash*:
/// nothing stays.
class interruptions_noted {
 public:
  interruptions_noted();
  interruptions_noted(const interruptions_noted&) = delete;
  interruptions_noted& operator=(const interruptions_noted&) = delete;
  ~interruptions_noted();

 private:
  using handler = void (*)(int);
  std::array<handler, 3> before_;
};

/// Throws `tool_failure` (interrupted) if one of them came.
void throw_if_interrupted();

}  // namespace sluice::tools
