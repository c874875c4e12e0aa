// sluice_bench: channels, floors and rivals between processes. See docs/benchmarks.md, and
// options.cpp for the command line.

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "contest.hpp"
#include "machine.hpp"
#include "memory.hpp"
#include "options.hpp"
#include "report.hpp"
#include "run.hpp"
#include "supervisor.hpp"
#include "trials.hpp"

namespace {

// Where the sockets of a run lie; it goes with all that is in it.
class private_directory {
 public:
  private_directory() {
    if (::mkdtemp(path_.data()) == nullptr)
      throw std::system_error{errno, std::generic_category(), "mkdtemp in /dev/shm"};
  }
  private_directory(const private_directory&) = delete;
  private_directory& operator=(const private_directory&) = delete;
  ~private_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

 private:
  std::string path_ = "/dev/shm/sluice-bench-XXXXXX";
};

constexpr int interrupted_status = 5;

/// What a run that goes wrong on purpose has to end with, in every cell.
constexpr const char* expected_failure(bench::sabotage what) {
  switch (what) {
    case bench::sabotage::spoil:
      return "a message is not what was sent";
    case bench::sabotage::die:
      return "the sending process was killed by signal 9";
    case bench::sabotage::hang:
      return "not done after";
    case bench::sabotage::none:
      break;
  }
  return nullptr;
}

/// Counts what went as it should: every cell ran, or, on purpose, none of them.
class verdict {
 public:
  explicit verdict(bench::sabotage on_purpose) : expected_(expected_failure(on_purpose)) {}

  void judge(const std::string& name, const std::string& failure) {
    ++cells_;
    const bool good =
        expected_ == nullptr ? failure.empty() : failure.find(expected_) != std::string::npos;
    as_expected_ += good ? 1U : 0U;
    if (!good && expected_ != nullptr) fmt::print("not noticed as it should be: {}\n", name);
  }
  [[nodiscard]] int exit_status() const {
    if (expected_ != nullptr)
      fmt::print("{} of {} cells failed as they should: {}\n", as_expected_, cells_, expected_);
    return as_expected_ == cells_ ? 0 : 1;
  }

 private:
  const char* expected_;
  std::size_t cells_ = 0;
  std::size_t as_expected_ = 0;
};

struct everything {
  std::vector<bench::group> groups;
  std::vector<bench::trial_set> sets;
  std::vector<bench::memory_row> memory;

  explicit everything(const bench::run_options& options)
      : groups(bench::all_groups(options)),
        sets(bench::all_trials(options)),
        memory(bench::all_memory_rows(options)) {}
  [[nodiscard]] bool is_nothing() const { return groups.empty() && sets.empty() && memory.empty(); }
  /// Calls `visit` with each that can be had here.
  void for_each(auto&& visit) const {
    for (const bench::group& of : groups) {
      for (const bench::cell& one : of.cells) {
        if (one.unavailable.empty()) visit(one);
      }
    }
    for (const bench::trial_set& of : sets) {
      for (const bench::trial& one : of.trials) {
        if (one.unavailable.empty()) visit(one);
      }
    }
  }
};

int judge(const everything& all, bench::sabotage on_purpose) {
  verdict found{on_purpose};
  all.for_each([&](const auto& one) { found.judge(one.name, one.failure); });
  // Nobody sends there, so nothing can go wrong on purpose.
  if (on_purpose == bench::sabotage::none) {
    for (const bench::memory_row& row : all.memory) found.judge(row.name, row.failure);
  }
  return found.exit_status();
}

/// Where results go is found out before one could be lost.
void check_writable(const bench::run_options& options) {
  if (!options.json_file.empty() && !std::ofstream{options.json_file, std::ios::app})
    throw bench::bad_option{"--json=" + options.json_file + ": cannot be written"};
}

int run(const std::vector<std::string>& command) {
  const bench::run_options options = bench::parse({command.begin() + 1, command.end()});
  if (!options.help.empty()) {
    fmt::print("{}", options.help);
    return 0;
  }
  check_writable(options);
  everything all{options};
  if (all.is_nothing())
    throw bench::bad_option{"--filter=" + options.filter +
                            ": nothing of that name is left; see --list"};
  if (options.lists) {
    all.for_each([](const auto& one) { fmt::print("{}\n", one.name); });
    for (const bench::memory_row& row : all.memory) fmt::print("{}\n", row.name);
    return 0;
  }

  auto stop = std::move(sluice::stop_signal::create()).value();
  bench::supervisor runner{stop, options.limit_seconds};
  const private_directory names;
  bench::print_heading(command, options);
  std::fflush(stdout);
  bench::run_outcome outcome;
  try {
    bench::measure_memory(all.memory, options, runner, names.path());
    outcome = bench::carry_out(all.groups, all.sets, options, runner, names.path());
  } catch (const bench::interrupted&) {
    outcome.was_interrupted = true;
  }
  bench::print_tables(all.groups);
  bench::print_trials(all.sets);
  bench::print_memory(all.memory);
  bench::print_outcome(outcome);
  if (!options.json_file.empty())
    bench::write_json({all.groups, all.sets, all.memory, outcome}, command, options);
  if (outcome.was_interrupted) return interrupted_status;
  return judge(all, options.on_purpose);
}

}  // namespace

int main(int argument_count, char** arguments) try {
  static_cast<void>(bench::allowed_cores());  // before anything is pinned
  return run({arguments, arguments + argument_count});
} catch (const bench::bad_option& wrong) {
  fmt::print(stderr, "sluice_bench: {}\n", wrong.what());
  return 2;
} catch (const bench::cannot_write& failed) {
  fmt::print(stderr, "sluice_bench: {}\n", failed.what());
  return 4;
} catch (const std::exception& failed) {
  fmt::print(stderr, "sluice_bench: {}\n", failed.what());
  return 1;
}
