#include "support/asleep.hpp"

#include <sched.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace sluice::test {

pid_t this_thread_id() noexcept { return ::gettid(); }

namespace {

// The kernel's letter for what the thread does; 'X' if there is none (any more).
char state_of(pid_t thread) {
  std::ifstream file("/proc/" + std::to_string(thread) + "/stat");
  std::string text;
  std::getline(file, text);
  // "number (name) state ...", where the name may contain anything.
  const auto after_name = text.rfind(") ");
  return after_name == std::string::npos ? 'X' : text[after_name + 2];
}

}  // namespace

void wait_until_asleep(pid_t thread) {
  for (;;) {
    const char state = state_of(thread);
    if (state == 'S' || state == 'X') return;
    ::sched_yield();
  }
}

void wait_until_asleep_or_dead(pid_t thread) {
  for (;;) {
    const char state = state_of(thread);
    if (state == 'S' || state == 'X' || state == 'Z') return;
    ::sched_yield();
  }
}

}  // namespace sluice::test
