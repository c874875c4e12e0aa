#pragma once
// A victim for tests that kill at every point of an operation: a forked child that runs one
// instruction, or up to one system call, at a time.

#include <sys/types.h>

#include <functional>
#include <sluice/base/bytes.hpp>

namespace sluice::test {

/// How far a victim goes in one step.
enum class step_size { instruction, system_call };

/// A child that has run `prepare` and stands before `operation`.
class traced_child {
 public:
  traced_child(const std::function<void()>& prepare, const std::function<void()>& operation);
  traced_child(const traced_child&) = delete;
  traced_child& operator=(const traced_child&) = delete;
  /// SIGKILL where it stands, and waits for its death.
  ~traced_child();

  /// One step; with `system_call` to the next edge of one, before or after it. False: it ended.
  [[nodiscard]] bool step(step_size size);
  /// Up to so many steps; false: it ended before that.
  [[nodiscard]] bool step(step_size size, long count);

 private:
  pid_t id_;
  bool ended_ = false;
};

/// How victims die, and who judges.
struct crash_run {
  step_size size = step_size::instruction;
  std::function<void()> reset = [] {};    ///< In the tracer, before each victim.
  std::function<void()> prepare = [] {};  ///< In the victim, not stepped through.
  std::function<void()> operation;        ///< In the victim, stepped through.
  std::function<void()> judge;            ///< In the tracer, when the victim is dead.
  /// What others see of the operation. With it, victims die only after the steps that changed it;
  /// $SLUICE_EVERY_INSTRUCTION=1 makes them die after every step all the same.
  std::function<const_bytes()> image = {};
  /// Finds each of these steps by the change that it makes and not by its number, where that
  /// varies: reading the clock takes more or fewer instructions.
  bool recounts = false;
  /// With it, nobody dies: the victim stands still after each step, this runs in the tracer, and
  /// then the victim goes on to its end, before it is judged.
  std::function<void()> meanwhile = {};
};

/// Kills (or stops) a fresh victim after each step of its operation; returns how many there were.
long kill_at_each_step(const crash_run& run);

/// Whether this build and machine can do it; "" or the reason why not.
[[nodiscard]] const char* reason_not_to_trace();

}  // namespace sluice::test
