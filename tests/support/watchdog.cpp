#include "support/watchdog.hpp"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace sluice::test {

namespace {

constexpr std::chrono::milliseconds grace{2000};

// What the handler needs, prepared beforehand: it may call nothing that formats or allocates.
std::array<char, 512> last_words;
std::size_t last_words_size = 0;
timer_t bark = nullptr;
timer_t bite = nullptr;

void end_everything(int) {
  // Nothing can be done about a failing write here.
  static_cast<void>(!::write(STDERR_FILENO, last_words.data(), last_words_size));
  ::kill(0, SIGKILL);
}

[[noreturn]] void refuse(const char* what) {
  std::perror(what);
  std::abort();
}

timer_t start_timer(int signal, std::chrono::milliseconds after) {
  sigevent notice{};
  notice.sigev_notify = SIGEV_SIGNAL;
  notice.sigev_signo = signal;
  timer_t timer = nullptr;
  if (::timer_create(CLOCK_MONOTONIC, &notice, &timer) != 0) refuse("watchdog: timer_create");
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(after);
  const std::chrono::nanoseconds rest = after - seconds;
  itimerspec when{};
  when.it_value = {.tv_sec = seconds.count(), .tv_nsec = rest.count()};
  if (::timer_settime(timer, 0, &when, nullptr) != 0) refuse("watchdog: timer_settime");
  return timer;
}

}  // namespace

watchdog::watchdog(std::string_view name, std::chrono::milliseconds patience) {
  const int written = std::snprintf(
      last_words.data(), last_words.size(),
      "\nwatchdog: %.*s did not end within %lld ms; its process group is killed.\n",
      static_cast<int>(name.size()), name.data(), static_cast<long long>(patience.count()));
  last_words_size = std::min(static_cast<std::size_t>(std::max(written, 0)), last_words.size() - 1);
  struct sigaction action {};
  action.sa_handler = end_everything;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGRTMAX, &action, nullptr);
  bark = start_timer(SIGRTMAX, patience);
  bite = start_timer(SIGKILL, patience + grace);
}

watchdog::~watchdog() {
  ::timer_delete(bark);
  ::timer_delete(bite);
}

}  // namespace sluice::test
