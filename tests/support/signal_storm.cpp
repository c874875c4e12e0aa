#include "support/signal_storm.hpp"

#include <atomic>

namespace sluice::test {

namespace {
std::atomic<long> handled{0};
}  // namespace

signal_storm::signal_storm() {
  handled = 0;
  struct sigaction action {};
  action.sa_handler = [](int) { handled.fetch_add(1, std::memory_order_relaxed); };
  ::sigaction(SIGALRM, &action, &before_);
  constexpr itimerval often{.it_interval = {.tv_sec = 0, .tv_usec = 100},
                            .it_value = {.tv_sec = 0, .tv_usec = 100}};
  ::setitimer(ITIMER_REAL, &often, nullptr);
}

signal_storm::~signal_storm() {
  constexpr itimerval never{};
  ::setitimer(ITIMER_REAL, &never, nullptr);
  // One may be on its way: ignored first, so that it cannot meet the default, which kills.
  struct sigaction ignore {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGALRM, &ignore, nullptr);
  ::sigaction(SIGALRM, &before_, nullptr);
}

long signal_storm::strikes() noexcept { return handled.load(std::memory_order_relaxed); }

}  // namespace sluice::test
