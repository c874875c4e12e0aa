#include "tools/tour/crew.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <exception>

#include "tools/interruption.hpp"

namespace sluice::tour {

namespace {

constexpr auto look_around = std::chrono::milliseconds{20};
// How long the others may take to notice that one of them ended badly.
constexpr auto grace = std::chrono::seconds{2};

int run(side_report& report, const crew::work& todo) noexcept {
  try {
    auto done = todo(report);
    if (done) return 0;
    report.fail(done.error().message());
  } catch (const std::exception& thrown) {
    report.fail(thrown.what());
  }
  return 1;
}

std::string how_it_ended(const exit_status& status, const side_report* report) {
  if (status.signal != 0)
    // strsignal's text may be overwritten by another thread; there is none.
    return fmt::format("was killed by signal {} ({})", status.signal,
                       ::strsignal(status.signal));  // NOLINT(concurrency-mt-unsafe)
  if (report != nullptr && !report->failure_text().empty())
    return fmt::format("reports: {}", report->failure_text());
  return fmt::format("ended with code {}", status.code);
}

}  // namespace

crew::~crew() { kill_all(); }

result<void> crew::start(std::string role, side_report& report, const work& todo) {
  auto started = process::fork([&] { return run(report, todo); });
  if (!started) return failure{started.error()};
  members_.push_back({.role = std::move(role), .handle = std::move(*started), .report = &report});
  return {};
}

void crew::adopt(std::string role, process program) {
  members_.push_back({.role = std::move(role), .handle = std::move(program)});
}

std::vector<std::string> crew::wait(const std::function<void()>& tick) {
  std::vector<std::string> troubles;
  deadline patience = deadline::never();
  while (!all_ended()) {
    for (member& one : members_) {
      if (one.ended) continue;
      auto status = one.handle.wait(earlier(patience, look_around));
      if (!status && status.error() == std::errc::timed_out) continue;
      one.ended = true;
      if (status && status->success()) continue;
      auto trouble = fmt::format(
          "{} {}", one.role, status ? how_it_ended(*status, one.report) : status.error().message());
      // Who was killed is a cause, what the others report because of it a consequence.
      const bool is_cause = status && status->signal != 0;
      troubles.insert(is_cause ? troubles.begin() : troubles.end(), std::move(trouble));
      patience = earlier(patience, grace);
    }
    tools::throw_if_interrupted();
    if (patience.has_passed()) kill_all();
    tick();
  }
  return troubles;
}

bool crew::all_ended() const noexcept {
  return std::ranges::all_of(members_, [](const member& one) { return one.ended; });
}

void crew::kill_all() noexcept {
  for (member& one : members_) {
    if (one.ended) continue;
    static_cast<void>(one.handle.send_signal(SIGKILL));
    static_cast<void>(one.handle.wait());
    one.ended = true;
  }
}

}  // namespace sluice::tour
