#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "report.hpp"

namespace bench {

namespace {

std::string figure_text(quantity what, double value) {
  switch (what) {
    case quantity::rate:
      return fmt::format("{:.2f} M/s", value * 1e-6);
    case quantity::cpu_per_message:
      return fmt::format("{:.2f} us", value * 1e6);
    case quantity::cpu_per_second:
      return fmt::format("{:.1f} us/s", value * 1e6);
  }
  return "";
}

const char* heading(quantity what) {
  switch (what) {
    case quantity::rate:
      return "messages";
    case quantity::cpu_per_message:
      return "cpu of each";
    case quantity::cpu_per_second:
      return "cpu";
  }
  return "";
}

std::string ratio_text(const trial_set& of, const trial& one, const trial* other) {
  if (other == nullptr) return "-";
  std::vector<double> ratios = of.ratios(one, *other);
  if (ratios.empty()) return "-";
  const spread all = spread::of(std::move(ratios));
  return fmt::format("{:.2f} ({:.2f}-{:.2f})", all.median, all.low, all.high);
}

std::string cores_text(const trial_set& of) {
  std::string text = fmt::format("the first on core {}", of.cores.front());
  if (of.cores.size() == 1 || of.cores.front() == of.cores.back()) return text + ", all with it";
  if (of.cores.size() == 2) return text + fmt::format(", the others on core {}", of.cores.back());
  return text + ", the others on the next ones";
}

constexpr auto row = "  {:<28} {:<6} {:>13}  {:<29} {:>19} {:>19} {:>6} {:>10} {:>6}\n";

void print_trial(const trial_set& of, const trial& one) {
  if (!one.unavailable.empty()) {
    fmt::print("  {:<28} left out: {}\n", one.label, one.unavailable);
    return;
  }
  if (!one.failure.empty()) {
    fmt::print("  {:<28} FAILED: {}\n", one.label, one.failure);
    return;
  }
  const auto kept = std::ranges::count(one.rounds, true, &trial_round::kept);
  const std::string rounds = fmt::format("{}/{}", kept, one.rounds.size());
  if (kept == 0) {
    fmt::print(row, one.label, role_name(one.what), "-", "none is left", "-", "-", "-", "-",
               rounds);
    return;
  }
  const spread figures = of.figures_of(one);
  const auto middle = [&](double trial_round::*what) {
    std::vector<double> all;
    for (const trial_round& seen : one.rounds) {
      if (seen.kept()) all.push_back(seen.*what);
    }
    return spread::of(std::move(all)).median;
  };
  const double probe = middle(&trial_round::probe_before);
  fmt::print(row, one.label, role_name(one.what), figure_text(of.what, figures.median),
             fmt::format("{} to {}", figure_text(of.what, figures.low),
                         figure_text(of.what, figures.high)),
             ratio_text(of, one, of.alone(one)), ratio_text(of, one, of.floor_of(one)),
             of.tells_lost ? fmt::format("{:.0f} %", 100 * middle(&trial_round::lost_share)) : "",
             probe > 0 ? fmt::format("{:.1f} ns", probe * 1e9) : "-", rounds);
}

}  // namespace

void print_trials(const std::vector<trial_set>& sets) {
  if (sets.empty()) return;
  fmt::print(
      "\n'messages' are those of all senders together, or those of the publisher, per second. "
      "'cpu' is\n"
      "processor time of the receiver, of a message or of a second. '/one' is the ratio to the "
      "same with\n"
      "one sender or subscriber, '/raw_pipe' that to a pipe, '/futex_capped' that to a bare futex "
      "with "
      "a "
      "time-out,\n"
      "of figures of the same round. 'lost' is "
      "what "
      "the\n"
      "subscriber that lost most did not get, 'probe' a hand-over between the first core and the "
      "last.\n");
  std::size_t all = 0;
  std::size_t moved = 0;
  std::size_t failed = 0;
  for (const trial_set& of : sets) {
    fmt::print("\n{}\n", of.name);
    if (std::ranges::any_of(of.trials, &std::string::empty, &trial::unavailable))
      fmt::print("  {}\n", cores_text(of));
    fmt::print(row, "", "", heading(of.what), "quartiles", of.what == quantity::rate ? "/one" : "",
               of.tells_lost ? "" : fmt::format("/{}", of.floor_label), of.tells_lost ? "lost" : "",
               "probe", "rounds");
    for (const trial& one : of.trials) {
      print_trial(of, one);
      failed += one.failure.empty() ? 0U : 1U;
      all += one.rounds.size();
      moved += static_cast<std::size_t>(std::ranges::count(one.rounds, true, &trial_round::moved));
    }
  }
  fmt::print("\nOf these {} measurements {} were thrown away because the cores moved meanwhile.\n",
             all, moved);
  if (failed != 0) fmt::print("{} of these cells FAILED.\n", failed);
  std::fflush(stdout);
}

void print_memory(const std::vector<memory_row>& rows) {
  if (rows.empty()) return;
  fmt::print(
      "\nmemory of an idle channel, both ends in one process\n  {:<28} {:<6} {:>13} {:>13} "
      "{:>12}\n",
      "", "", "private", "shared", "descriptors");
  for (const memory_row& one : rows) {
    if (!one.failure.empty()) {
      fmt::print("  {:<28} FAILED: {}\n", one.transport, one.failure);
    } else if (!one.unavailable.empty()) {
      fmt::print("  {:<28} left out: {}\n", one.transport, one.unavailable);
    } else if (one.is_measured) {
      fmt::print("  {:<28} {:<6} {:>9.1f} KiB {:>9.1f} KiB {:>12.1f}\n", one.transport,
                 role_name(one.what), one.each.private_bytes / 1024, one.each.shared_bytes / 1024,
                 one.each.descriptors);
    }
  }
}

void print_outcome(const run_outcome& outcome) {
  if (outcome.was_interrupted) fmt::print("\nInterrupted: this is what was measured until then.\n");
  if (outcome.budget_was_used_up)
    fmt::print("\nThe budget was used up after {:.0f} s.\n", outcome.seconds);
  if (outcome.cells_not_measured > 0)
    fmt::print("{} cells were not measured.\n", outcome.cells_not_measured);
  std::fflush(stdout);
}

}  // namespace bench
