#include "report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "call_count.hpp"
#include "machine.hpp"
#include "transports.hpp"

namespace bench {

namespace {

std::string time_text(double seconds) {
  if (seconds < 1e-6) return fmt::format("{:.1f} ns", seconds * 1e9);
  if (seconds < 1e-3) return fmt::format("{:.2f} us", seconds * 1e6);
  return fmt::format("{:.2f} ms", seconds * 1e3);
}

// Messages below a kibibyte are counted, others weighed.
std::string rate_text(const group& of, double seconds) {
  if (of.message_bytes < 1024) return fmt::format("{:.2f} M/s", 1e-6 / seconds);
  return fmt::format("{:.2f} GB/s", static_cast<double>(of.message_bytes) * 1e-9 / seconds);
}

std::string figure_text(const group& of, double seconds) {
  return of.is_rate() ? rate_text(of, seconds) : time_text(seconds);
}

const char* heading(measure what) {
  switch (what) {
    case measure::throughput:
    case measure::produced:
      return "rate";
    case measure::open_loop:
      return "mean delay";
    case measure::set_up:
      return "each";
    default:
      return "one way";
  }
}

std::string quartiles(const group& of, const spread& seconds) {
  // The fewer seconds the higher the rate.
  const bool is_time = !of.is_rate();
  return fmt::format("{} to {}", figure_text(of, is_time ? seconds.low : seconds.high),
                     figure_text(of, is_time ? seconds.high : seconds.low));
}

std::string ratio_text(const group& of, const cell& one, const cell* other) {
  if (other == nullptr) return "-";
  const auto [ratio, rounds] = of.against(one, *other);
  if (rounds == 0) return "-";
  return fmt::format("{:.2f} ({:.2f}-{:.2f})", ratio.median, ratio.low, ratio.high);
}

constexpr auto row =
    "  {:<28} {:<6} {:>11}  {:<25} {:>19} {:>19} {:>19} {:>10} {:>6} {:>7} {:>10} {:>6}\n";

void print_cell(const group& of, const cell& one) {
  if (!one.unavailable.empty()) {
    fmt::print("  {:<28} left out: {}\n", one.subject.name, one.unavailable);
    return;
  }
  if (!one.failure.empty()) {
    fmt::print("  {:<28} FAILED: {}\n", one.subject.name, one.failure);
    return;
  }
  const auto kept = std::ranges::count(one.rounds, true, &observation::kept);
  const std::string rounds = fmt::format("{}/{}", kept, one.rounds.size());
  if (kept == 0) {
    fmt::print(row, one.subject.name, role_name(one.subject.what), "-", "none is left", "-", "-",
               "-", "-", "-", "-", "-", rounds);
    return;
  }
  const spread seconds = of.seconds(one);
  const spread probe =
      of.over_rounds(one, [](const observation& seen) { return seen.raw.probe_before; });
  fmt::print(
      row, one.subject.name, role_name(one.subject.what), figure_text(of, seconds.median),
      quartiles(of, seconds), ratio_text(of, one, of.floor()), ratio_text(of, one, of.raw(one)),
      ratio_text(of, one, of.best_rival(one)), time_text(of.cpu_seconds(one).median),
      calls_are_counted(one.subject)
          ? fmt::format("{:.2f}", of.per_message(one, &costs::system_calls))
          : "-",
      fmt::format("{:.2f}", of.per_message(one, &costs::sleeps)), time_text(probe.median), rounds);
  if (of.what == measure::open_loop) {
    const delay_histogram::entries delays = of.delays(one);
    fmt::print("  {:<28} p50 {}, p90 {}, p99 {}, p99.9 {}, max {}\n", "",
               time_text(percentile(delays, 0.5)), time_text(percentile(delays, 0.9)),
               time_text(percentile(delays, 0.99)), time_text(percentile(delays, 0.999)),
               time_text(percentile(delays, 1)));
  }
}

}  // namespace

bool calls_are_counted(const transport& one) noexcept {
  return one.counts_calls && (one.what == role::floor || counts_library_calls());
}

const char* role_name(role what) noexcept {
  switch (what) {
    case role::floor:
      return "floor";
    case role::rival:
      return "rival";
    case role::ours:
      return "ours";
  }
  return "";
}

void print_heading(const std::vector<std::string>& command, const run_options& options) {
  for (const auto& [name, value] : describe_machine()) fmt::print("{}: {}\n", name, value);
  fmt::print("command: {}\n", fmt::join(command, " "));
  for (const std::string& missing : missing_transports()) fmt::print("not measured: {}\n", missing);
  if (allowed_cores().size() < 2)
    fmt::print("not measured, since this process may use one core only: all of two cores\n");
  fmt::print(
      "ring memory: {} bytes, or four messages; pauses between two looks of who polls: {}\n"
      "Ratios are medians (quartiles) over rounds, each of figures of the same round: of "
      "latencies\n"
      "the time over the other's, of throughput the rate over the other's. 'cpu' is processor "
      "time,\n"
      "'calls' system calls (of raw floors{}) and 'sleeps' voluntary context switches of both\n"
      "processes per message, 'probe' a hand-over between the same two cores, 'rounds' those that "
      "were\n"
      "kept, of all.\n",
      options.ring_bytes, options.wait.pauses,
      counts_library_calls() ? " and the library" : "; sluice_bench_counted counts the library's");
}

void print_tables(const std::vector<group>& groups) {
  std::size_t failed = 0;
  std::size_t moved = 0;
  std::size_t disturbed = 0;
  std::size_t all = 0;
  for (const group& of : groups) {
    const cell* floor = of.floor();
    fmt::print("\n{}\n", of.name());
    fmt::print(row, "", "", heading(of.what), "quartiles",
               floor == nullptr ? "floor" : "/" + floor->subject.name, "/raw calls", "/best rival",
               "cpu", "calls", "sleeps", "probe", "rounds");
    for (const cell& one : of.cells) {
      print_cell(of, one);
      failed += one.failure.empty() ? 0U : 1U;
      for (const observation& seen : one.rounds) {
        ++all;
        moved += seen.moved ? 1U : 0U;
        disturbed += seen.disturbed && !seen.moved ? 1U : 0U;
      }
    }
  }
  if (groups.empty()) return;
  fmt::print(
      "\nOf {} measurements {} were thrown away because the cores moved meanwhile, and {}\n"
      "because who polls did not have its core all the time.\n",
      all, moved, disturbed);
  if (failed != 0) fmt::print("{} cells FAILED.\n", failed);
  std::fflush(stdout);
}

}  // namespace bench
