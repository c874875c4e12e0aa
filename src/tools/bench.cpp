#include "tools/bench.hpp"

#include <fmt/format.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <sluice/os/process.hpp>
#include <sluice/primitive/stop_signal.hpp>

namespace sluice::tools {

namespace {

using namespace std::chrono_literals;

std::string beside_this_program() {
  return (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "sluice_bench").string();
}

}  // namespace

exit_code run_bench(const std::vector<std::string>& arguments) {
  const std::string program = beside_this_program();
  if (!std::filesystem::exists(program))
    throw tool_failure{exit_code::not_verified,
                       fmt::format("{}: there is no such program; it is built with the benchmarks "
                                   "(cmake -DSLUICE_BUILD_BENCH=ON)",
                                   program)};
  spawn_options options;
  options.arguments = {program};
  options.arguments.insert(options.arguments.end(), arguments.begin(), arguments.end());
  auto stop = stop_signal::create().value();
  auto child = process::spawn(options).value();
  for (bool was_asked = false;;) {
    const auto ended = child.wait(100ms);
    if (ended) return ended->signal == 0 ? exit_code{ended->code} : exit_code::not_verified;
    if (!(ended.error() == std::errc::timed_out)) static_cast<void>(ended.value());
    if (was_asked || !stop.try_wait()) continue;
    was_asked = true;
    static_cast<void>(child.send_signal(SIGTERM));
  }
}

}  // namespace sluice::tools
