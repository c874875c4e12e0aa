#include "support/asleep.hpp"

#include <sched.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace sluice::test {

pid_t this_thread_id() noexcept { return ::gettid(); }

void wait_until_asleep(pid_t thread) {
  const std::string path = "/proc/" + std::to_string(thread) + "/stat";
  for (;;) {
    std::ifstream file(path);
    std::string text;
    std::getline(file, text);
    // "number (name) state ...", where the name may contain anything.
    const auto after_name = text.rfind(") ");
    if (after_name == std::string::npos || text[after_name + 2] == 'S') return;
    ::sched_yield();
  }
}

}  // namespace sluice::test
