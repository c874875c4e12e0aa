#pragma once
// The cells of a run, the rounds they are measured in, and what the rounds say. A group is the
// cells that are compared: one measure, size, way to wait and placement. In each round the
// transports of a group run one after the other, beginning with another one each time.

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "options.hpp"
#include "spread.hpp"
#include "supervisor.hpp"
#include "transport.hpp"

namespace bench {

enum class measure { latency, throughput, wake, open_loop, produced, set_up };

[[nodiscard]] const char* measure_name(measure what) noexcept;

/// A cell in one round.
struct observation {
  int round = 0;
  figures raw;
  delay_histogram::entries delays = {};  ///< Of an open loop.
  bool moved = false;                    ///< The probes before and after say different placements.
  bool disturbed = false;                ///< Somebody who polls did not have its core all the time.
  [[nodiscard]] bool kept() const noexcept { return !moved && !disturbed; }
};

struct cell {
  std::string name;  ///< "latency/8/polling/two_cores/slot_ring"
  transport subject;
  std::uint64_t messages = 0;  ///< Per round; found out in the first one.
  std::vector<observation> rounds;
  std::string failure;      ///< Empty if none; it is not run again then.
  std::string unavailable;  ///< Why it cannot be had; empty if it can.
};

struct group {
  measure what = measure::latency;
  std::size_t message_bytes = 0;
  waiting how = waiting::polling;
  placement where = placement::two_cores;
  bool pauses = true;  ///< Who polls; chooses the floor of latency.
  double rate = 0;     ///< Messages per second of an open loop.
  std::vector<cell> cells;

  [[nodiscard]] std::string name() const;
  /// Whether more is better: messages per second, not the time of one.
  [[nodiscard]] bool is_rate() const noexcept {
    return what == measure::throughput || what == measure::produced;
  }
  /// The floor that cells are set against: of throughput by polling the best one, else the one with
  /// the same way to wait. None where there is no figure of it.
  [[nodiscard]] const cell* floor() const;
  [[nodiscard]] const observation* find(const cell& of, int round) const;

  /// What each message costs both sides together, in the middle; a round trip is two.
  [[nodiscard]] double per_message(const cell& of, std::uint64_t costs::*kind) const;
  /// Half a round trip, the time until a sleeper has it, or that from one message to the next.
  [[nodiscard]] double seconds_per_message(const figures& raw) const noexcept;
  [[nodiscard]] spread seconds(const cell& of) const;
  [[nodiscard]] spread cpu_seconds(const cell& of) const;
  /// All delays of the rounds that count.
  [[nodiscard]] delay_histogram::entries delays(const cell& of) const;
  /// The cell of the raw system calls that a cell stands on; none if there is none here.
  [[nodiscard]] const cell* raw(const cell& of) const;
  /// A figure of every round that counts.
  [[nodiscard]] spread over_rounds(const cell& of,
                                   const std::function<double(const observation&)>& figure) const;

  /// Of latencies: one's time over the other's. Of throughput: one's messages per second over the
  /// other's. Of the rounds in which both count and ran at the same placement.
  struct comparison {
    spread ratio;
    std::size_t rounds = 0;
  };
  [[nodiscard]] comparison against(const cell& one, const cell& other) const;
  /// All others that have figures.
  [[nodiscard]] std::vector<const cell*> others_of(const cell& one) const;
  /// The rival, other than itself, that was best in the middle; none if there is none.
  [[nodiscard]] const cell* best_rival(const cell& of) const;
};

/// Everything that options and machine allow, in the order in which it is measured.
[[nodiscard]] std::vector<group> all_groups(const run_options& options);

/// Measures one cell once.
void measure_cell(const group& of, cell& one, int round, const run_options& options,
                  supervisor& runner, const std::string& address);

/// Whether two probes saw the cores at the same distance.
[[nodiscard]] bool same_placement(double one, double other) noexcept;

}  // namespace bench
