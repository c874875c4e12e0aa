#include "children.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>

#include <algorithm>

#include "stage.hpp"

namespace bench {

namespace {

/// After a failure: another one may be about to say more, or waits for good.
constexpr double seconds_for_the_others = 0.05;

}  // namespace

children::children(const std::vector<std::function<int()>>& bodies) : children() {
  for (const std::function<int()>& body : bodies) {
    all_.push_back(sluice::process::fork([&body] {
                     // Should the supervisor be killed, so are we.
                     ::prctl(PR_SET_PDEATHSIG, SIGKILL);
                     return body();
                   }).value());
  }
}

children::~children() {
  for (sluice::process& one : all_) {
    static_cast<void>(one.send_signal(SIGKILL));
    static_cast<void>(one.wait());
  }
}

std::string children::watch(sluice::stop_signal& stop, double limit_seconds,
                            const reason& failure_of) {
  std::vector<bool> ended(all_.size(), false);
  std::string failure;
  double until = monotonic_seconds() + limit_seconds;
  while (std::ranges::find(ended, false) != ended.end()) {
    std::vector<pollfd> events;
    for (std::size_t which = 0; which < all_.size(); ++which)
      events.push_back(
          {.fd = ended[which] ? -1 : all_[which].native_handle(), .events = POLLIN, .revents = 0});
    events.push_back({.fd = stop.native_handle(), .events = POLLIN, .revents = 0});
    const double left = std::max(0.0, until - monotonic_seconds());
    const int ready = ::poll(events.data(), events.size(), static_cast<int>(left * 1000) + 1);
    // Taken, or it would end this process when nobody looks for it any more.
    if (events.back().revents != 0 && stop.try_wait()) throw interrupted{"interrupted"};
    if (ready == 0 && failure.empty())
      failure = fmt::format(
          "not done after {} s, so it was killed: it hangs, or --limit_s is short", limit_seconds);
    if (ready == 0) break;
    for (std::size_t which = 0; which < all_.size(); ++which) {
      if (ready < 0 || events[which].revents == 0) continue;
      ended[which] = true;
      const std::string why = failure_of(which, all_[which].wait().value());
      if (why.empty()) continue;
      failure += (failure.empty() ? "" : "; ") + why;
      until = monotonic_seconds() + seconds_for_the_others;
    }
  }
  return failure;
}

std::string failure_text(const char* who, const char* said, sluice::exit_status ended) {
  if (ended.success()) return "";
  if (*said != '\0') return fmt::format("{}: {}", who, said);
  if (ended.signal != 0) return fmt::format("{} was killed by signal {}", who, ended.signal);
  return fmt::format("{} ended with {}", who, ended.code);
}

}  // namespace bench
