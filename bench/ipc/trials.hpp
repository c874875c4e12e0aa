#pragma once
// What is measured with crews: fan-in, fan-out, and what waiting costs. A set is the trials that
// are compared; as in contest.hpp they run one after the other in each round, beginning with
// another one each time, and every ratio is one of two figures of the same round.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "crew_parts.hpp"
#include "options.hpp"
#include "spread.hpp"

namespace bench {

/// What a trial says: messages per second, or what the receiver's waiting costs.
enum class quantity { rate, cpu_per_message, cpu_per_second };

/// A trial in one round.
struct trial_round {
  int round = 0;
  std::uint64_t messages = 0;
  double seconds = 0;
  double cpu_seconds = 0;   ///< Of the first of the crew.
  double lost_share = 0;    ///< Of the subscriber that lost most.
  double probe_before = 0;  ///< A hand-over between the two cores; 0 where only cost is told.
  double probe_after = 0;
  bool moved = false;  ///< The probes say different placements.
  [[nodiscard]] bool kept() const noexcept { return !moved; }
};

struct trial {
  std::string name = {};   ///< "fan_in/64/senders_on_one_core/ring_queue_2"
  std::string label = {};  ///< "ring_queue_2"
  role what = role::rival;
  std::function<crew(const task&)> make = {};
  std::uint64_t messages = 0;  ///< Per round; 0: to be found out.
  std::vector<trial_round> rounds = {};
  std::string failure = {};      ///< Empty if none; it is not run again then.
  std::string unavailable = {};  ///< Why it cannot be had here; empty if it can.
};

struct trial_set {
  std::string name;
  quantity what = quantity::rate;
  std::size_t message_bytes = 0;
  std::vector<int> cores = {};
  double idle_seconds = 0;
  bool tells_lost = false;               ///< Some may lose messages.
  const char* floor_label = "raw_pipe";  ///< What all are set against.
  std::vector<trial> trials = {};

  /// Messages per second, or processor time.
  [[nodiscard]] double figure(const trial_round& of) const noexcept;
  [[nodiscard]] spread figures_of(const trial& of) const;
  /// One's figure over the other's, of the rounds in which both count, at the same placement.
  [[nodiscard]] std::vector<double> ratios(const trial& one, const trial& other) const;
  /// The same transport with one sender or subscriber; null for that itself.
  [[nodiscard]] const trial* alone(const trial& of) const;
  /// What it is set against, with as many senders; null for that itself, and where there is none.
  [[nodiscard]] const trial* floor_of(const trial& of) const;
};

/// Everything that options and machine allow, and what the machine does not, with the reason.
[[nodiscard]] std::vector<trial_set> all_trials(const run_options& options);

/// Measures one trial once.
void measure_trial(const trial_set& of, trial& one, int round, const run_options& options,
                   supervisor& runner, const std::string& address);

}  // namespace bench
