// sluice_bench_micro: what Sluice costs over the raw system calls. Besides the flags of Google
// Benchmark (--benchmark_filter, --benchmark_format=json, ...):
//   --rounds=N       rounds per cell (60)
//   --segment_ms=X   length of each of the four segments of a round (3)
//   --no_counts      do not count system calls
//   --spoil          change one byte of what is sent: every cell between processes must then fail

#include <benchmark/benchmark.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <string_view>

#include "call_counts.hpp"
#include "cell.hpp"
#include "machine.hpp"
#include "raw_frames.hpp"
#include "table.hpp"

namespace {

struct run_options {
  int rounds = 60;
  bench::duel_options duel = {.segment_seconds = 0.003};
  bool count = true;
  bool readable = true;  // our table, not one of Google Benchmark's formats
  bench::cell_settings cells = {.calls_so_far = []() noexcept { return std::uint64_t{0}; }};
};

// Takes our own flags out of the arguments; what is left is Google Benchmark's.
run_options parse(int& count, char** arguments) {
  run_options options;
  int kept = 1;
  for (int i = 1; i < count; ++i) {
    const std::string_view flag = arguments[i];
    const auto value = [&](std::string_view name) -> const char* {
      return flag.starts_with(name) ? arguments[i] + name.size() : nullptr;
    };
    if (const char* rounds = value("--rounds=")) {
      options.rounds = std::max(1, std::atoi(rounds));
    } else if (const char* length = value("--segment_ms=")) {
      options.duel.segment_seconds = std::atof(length) / 1000;
    } else if (flag == "--no_counts") {
      options.count = false;
    } else if (flag == "--spoil") {
      options.cells.spoil = true;
    } else {
      if (value("--benchmark_format=") != nullptr) options.readable = false;
      arguments[kept++] = arguments[i];
    }
  }
  count = kept;
  return options;
}

void report(benchmark::State& state, const bench::duel& fought, const bench::cell& one) {
  using figures = bench::round_figures;
  auto& counters = state.counters;
  const bench::spread ratio = fought.of(&figures::ratio);
  const double seconds = fought.of(&figures::sluice_seconds).median;
  const double raw_seconds = fought.of(&figures::raw_seconds).median;
  const auto megabytes = static_cast<double>(one.message_bytes) * 1e-6;
  counters["ratio"] = ratio.median;
  counters["ratio_low"] = ratio.low;
  counters["ratio_high"] = ratio.high;
  counters["ratio_min"] = ratio.min;
  counters["ratio_max"] = ratio.max;
  counters["cpu_ratio"] = fought.of(&figures::cpu_ratio).median;
  counters["sluice_ns"] = seconds * 1e9;
  counters["raw_ns"] = raw_seconds * 1e9;
  counters["MB/s"] = megabytes / seconds;
  counters["raw MB/s"] = megabytes / raw_seconds;
  counters["rounds"] = static_cast<double>(state.iterations());
  counters["unsteady"] = static_cast<double>(fought.unsteady_rounds());
}

void report(benchmark::State& state, const bench::call_counts& calls) {
  state.counters["syscalls_per_message"] = calls.sluice_sender + calls.sluice_receiver;
  state.counters["sender_calls"] = calls.sluice_sender;
  state.counters["receiver_calls"] = calls.sluice_receiver;
  state.counters["raw_sender_calls"] = calls.raw_sender;
  state.counters["raw_receiver_calls"] = calls.raw_receiver;
}

void run(benchmark::State& state, const bench::cell& one, const run_options& options,
         int& failures) try {
  bench::duel duel{one.open(options.cells), options.duel};
  for (auto _ : state) state.SetIterationTime(duel.fight().sluice_seconds);
  report(state, duel, one);
  if (!options.count) return;
  if (const auto calls = bench::counts_of(one.name)) report(state, *calls);
} catch (const std::exception& failed) {
  ++failures;
  state.SkipWithError(failed.what());
}

// The runtime directory of this run: what names the cells make lie in it, and it goes with them.
class runtime_directory {
 public:
  runtime_directory() {
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error{"mkdtemp in /dev/shm"};
    ::setenv("SLUICE_RUNTIME_DIR", path_.c_str(), 1);  // NOLINT(concurrency-mt-unsafe)
  }
  runtime_directory(const runtime_directory&) = delete;
  runtime_directory& operator=(const runtime_directory&) = delete;
  ~runtime_directory() { static_cast<void>(std::remove(path_.c_str())); }

 private:
  std::string path_ = "/dev/shm/sluice-bench-XXXXXX";
};

}  // namespace

int main(int argument_count, char** arguments) try {
  static_cast<void>(bench::allowed_cores());  // before anything is pinned
  const run_options options = parse(argument_count, arguments);
  benchmark::Initialize(&argument_count, arguments);
  if (benchmark::ReportUnrecognizedArguments(argument_count, arguments)) return 1;
  for (const auto& [name, value] : bench::describe_machine())
    benchmark::AddCustomContext(name, value);
  benchmark::AddCustomContext("no-signal flag", bench::kernel_has_no_signal_flag()
                                                    ? "used by both sides"
                                                    : "missing here: Sluice masks SIGPIPE");

  const runtime_directory names;
  int failures = 0;
  const std::vector<bench::cell> cells = bench::all_cells();
  for (const bench::cell& one : cells) {
    benchmark::RegisterBenchmark(
        one.name.c_str(), [&](benchmark::State& state) { run(state, one, options, failures); })
        ->UseManualTime()
        ->Iterations(options.rounds);
  }
  bench::table readable;
  if (options.readable) {
    benchmark::RunSpecifiedBenchmarks(&readable);
  } else {
    benchmark::RunSpecifiedBenchmarks();
  }
  benchmark::Shutdown();
  return failures == 0 ? 0 : 1;
} catch (const std::exception& failed) {
  static_cast<void>(std::fprintf(stderr, "sluice_bench_micro: %s\n", failed.what()));
  return 1;
}
