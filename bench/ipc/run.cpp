#include "run.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "stage.hpp"

namespace bench {

namespace {

/// Thrown inside a round that the budget does not allow any more.
struct budget_is_used_up {};

/// Who looks after the time, and says how far we are: on a terminal one line that changes, else one
/// for each round.
class watch {
 public:
  watch(const run_options& options, std::size_t cells)
      : options_(options), cells_(cells), is_terminal_(::isatty(STDERR_FILENO) != 0) {}
  watch(const watch&) = delete;
  watch& operator=(const watch&) = delete;
  ~watch() {
    if (is_terminal_) fmt::print(stderr, "\r{:78}\r", "");
  }

  void begin_round(int round) {
    round_ = round;
    done_ = 0;
    round_began_ = monotonic_seconds();
    // One that would not get to its end says nothing about those that come last in it.
    if (round > 0 && has_budget() && seconds() + longest_round_ > options_.budget_seconds)
      throw budget_is_used_up{};
    if (!is_terminal_ && options_.shows_progress)
      fmt::print(stderr, "sluice_bench: round {} of {}, {} cells, {:.0f} s so far\n", round + 1,
                 options_.rounds, cells_, seconds());
  }
  void end_round() {
    longest_round_ = std::max(longest_round_, monotonic_seconds() - round_began_);
  }
  void begin_cell(const std::string& name) {
    if (has_budget() && seconds() > options_.budget_seconds) throw budget_is_used_up{};
    ++done_;
    if (is_terminal_ && options_.shows_progress)
      fmt::print(stderr, "\r{:78.78}",
                 fmt::format("round {}/{} cell {}/{} {:.0f} s {}", round_ + 1, options_.rounds,
                             done_, cells_, seconds(), name));
  }
  [[nodiscard]] double seconds() const noexcept { return monotonic_seconds() - began_; }

 private:
  [[nodiscard]] bool has_budget() const noexcept { return options_.budget_seconds > 0; }
  const run_options& options_;
  std::size_t cells_;
  bool is_terminal_;
  double began_ = monotonic_seconds();
  double round_began_ = 0;
  double longest_round_ = 0;
  int round_ = 0;
  std::size_t done_ = 0;
};

template <class Cell>
bool is_over(const Cell& one) {
  return !one.failure.empty() || !one.unavailable.empty();
}

/// Visits every cell of what is compared, beginning with another one in each round.
template <class Cells>
void visit(Cells& cells, int round, watch& time, auto&& measure) {
  for (std::size_t turn = 0; turn < cells.size(); ++turn) {
    auto& one = cells[(turn + static_cast<std::size_t>(round)) % cells.size()];
    if (is_over(one)) continue;
    time.begin_cell(one.name);
    measure(one);
  }
}

/// All numbers below `count`, each one far from those before it: where the time does not suffice
/// for a round, some of every measure and size are done rather than all of the first ones.
std::vector<std::size_t> spread_out(std::size_t count) {
  auto step = static_cast<std::size_t>(0.618 * static_cast<double>(count));
  while (std::gcd(step, count) != 1) ++step;
  std::vector<std::size_t> order(count);
  for (std::size_t at = 0; at < count; ++at) order[at] = at * step % count;
  return order;
}

std::size_t count(const std::vector<group>& groups, const std::vector<trial_set>& sets,
                  bool only_without_rounds) {
  std::size_t found = 0;
  const auto look = [&](const auto& one) {
    found += !only_without_rounds || (one.rounds.empty() && !is_over(one)) ? 1U : 0U;
  };
  for (const group& of : groups) std::ranges::for_each(of.cells, look);
  for (const trial_set& of : sets) std::ranges::for_each(of.trials, look);
  return found;
}

void measure_trial_or_note(const trial_set& of, trial& one, int round, const run_options& options,
                           supervisor& runner, const std::string& address) {
  try {
    measure_trial(of, one, round, options, runner, address);
  } catch (const unavailable& why) {
    one.unavailable = why.what();
  } catch (const interrupted&) {
    throw;
  } catch (const std::exception& failed) {
    one.failure = failed.what();
  }
}

}  // namespace

run_outcome carry_out(std::vector<group>& groups, std::vector<trial_set>& sets,
                      const run_options& options, supervisor& runner,
                      const std::string& directory) {
  run_outcome outcome;
  watch time{options, count(groups, sets, false)};
  std::size_t number = 0;
  const auto address = [&] { return fmt::format("{}/{}", directory, ++number); };
  try {
    for (int round = 0; round < options.rounds; ++round) {
      time.begin_round(round);
      for (const std::size_t at : spread_out(groups.size() + sets.size())) {
        if (at < groups.size()) {
          group& of = groups[at];
          visit(of.cells, round, time,
                [&](cell& one) { measure_cell(of, one, round, options, runner, address()); });
        } else {
          trial_set& of = sets[at - groups.size()];
          visit(of.trials, round, time, [&](trial& one) {
            measure_trial_or_note(of, one, round, options, runner, address());
          });
        }
      }
      time.end_round();
    }
  } catch (const interrupted&) {
    outcome.was_interrupted = true;
  } catch (const budget_is_used_up&) {
    outcome.budget_was_used_up = true;
  }
  outcome.cells_not_measured = count(groups, sets, true);
  outcome.seconds = time.seconds();
  return outcome;
}

}  // namespace bench
