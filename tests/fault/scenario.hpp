#pragma once
// Every factory and operation of the library that makes system calls, each as one scenario that can
// be run again and again while the kernel refuses this or that.

#include <functional>
#include <optional>
#include <ostream>
#include <sluice/base/error.hpp>
#include <sluice/base/result.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "fault/failing_syscall.hpp"

namespace sluice::test {

/// Runs the one step of a scenario that faults are meant for, under a plan, and keeps what came of
/// it and what the plan did.
class struck_step {
 public:
  explicit struck_step(std::vector<fault> faults) : faults_(std::move(faults)) {}

  /// The step's outcome; the plan is lifted before it is returned.
  template <class Step>
  auto operator()(Step&& step) {
    const fault_plan plan{faults_};
    auto outcome = std::forward<Step>(step)();
    if (!outcome) failed_ = outcome.error();
    has_run_ = true;
    struck_ = plan.struck();
    first_struck_ = plan.first_struck();
    return outcome;
  }

  [[nodiscard]] bool has_run() const noexcept { return has_run_; }
  [[nodiscard]] const std::optional<error>& failed() const noexcept { return failed_; }
  [[nodiscard]] std::uint64_t struck() const noexcept { return struck_; }
  [[nodiscard]] long first_struck() const noexcept { return first_struck_; }

 private:
  std::vector<fault> faults_;
  std::optional<error> failed_;
  bool has_run_ = false;
  std::uint64_t struck_ = 0;
  long first_struck_ = -1;
};

/// One scenario: prepares, runs its step once, and where the step succeeded checks that what it
/// made works.
struct scenario {
  std::string_view name;
  std::function<void(struck_step&)> run;
  friend std::ostream& operator<<(std::ostream& out, const scenario& one) {
    return out << one.name;
  }
};

/// Pipes, FIFOs, and messages over them.
[[nodiscard]] const std::vector<scenario>& channel_scenarios();
/// Signals, and messages over them.
[[nodiscard]] const std::vector<scenario>& signal_scenarios();
/// Message queues.
[[nodiscard]] const std::vector<scenario>& queue_scenarios();
/// Events, memory, processes and names.
[[nodiscard]] const std::vector<scenario>& system_scenarios();
/// Shared memory.
[[nodiscard]] const std::vector<scenario>& memory_scenarios();
/// Semaphores, and the event in shared memory.
[[nodiscard]] const std::vector<scenario>& semaphore_scenarios();

/// Rings: channels, those with many users, and those for two who do not trust each other.
[[nodiscard]] const std::vector<scenario>& ring_scenarios();
[[nodiscard]] const std::vector<scenario>& shared_ring_scenarios();
[[nodiscard]] const std::vector<scenario>& hardened_ring_scenarios();
/// Sockets: Unix, TCP, UDP.
[[nodiscard]] const std::vector<scenario>& socket_scenarios();
/// Waiting for many, and passing on.
[[nodiscard]] const std::vector<scenario>& selector_scenarios();
/// Channels by address, and questions and answers.
[[nodiscard]] const std::vector<scenario>& endpoint_scenarios();
/// Proof of life, and barriers.
[[nodiscard]] const std::vector<scenario>& liveness_scenarios();

}  // namespace sluice::test
