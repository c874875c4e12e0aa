#pragma once
// The processes of one pass: started together, watched together, never left behind.

#include <functional>
#include <sluice/base/deadline.hpp>
#include <sluice/os/process.hpp>
#include <string>
#include <vector>

#include "tools/tour/board.hpp"

namespace sluice::tour {

/// Children of the coordinator that work on one pass.
///
/// *Semantics*: when one ends badly the others have a moment to notice by themselves, which shows
/// how the mechanism reports it; then they are killed. *Threads*: one. *Errors*: how each member
/// ended is told in sentences. *Lifetime*: whoever still runs when this goes is killed and reaped.
/// *Crash*: without the coordinator the members see the ends of their channels and leave.
class crew {
 public:
  using work = std::function<result<void>(side_report&)>;

  crew() = default;
  crew(const crew&) = delete;
  crew& operator=(const crew&) = delete;
  ~crew();

  /// Forks a process that does `todo` and reports on its page. It gets a copy of all that the
  /// coordinator has, open ends of channels included, and must drop what is not its own.
  [[nodiscard]] result<void> start(std::string role, side_report& report, const work& todo);
  /// Watches a program that runs already as if it had been started here.
  void adopt(std::string role, process program);

  /// Waits for all; calls `tick` some times a second. Returns what went wrong, nothing if all ended
  /// well. Throws `tools::tool_failure` (interrupted) when a signal asked for the end.
  [[nodiscard]] std::vector<std::string> wait(const std::function<void()>& tick);

 private:
  struct member {
    std::string role;
    process handle;
    const side_report* report = nullptr;  // none: it cannot tell
    bool ended = false;
  };
  [[nodiscard]] bool all_ended() const noexcept;
  void kill_all() noexcept;
  std::vector<member> members_;
};

}  // namespace sluice::tour
