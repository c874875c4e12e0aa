#include "tools/interruption.hpp"

#include <csignal>
#include <initializer_list>

namespace sluice::tools {

namespace {

// The one global of the tool: nothing else can be reached from a signal handler.
volatile std::sig_atomic_t interrupted = 0;

extern "C" void note(int) { interrupted = 1; }

}  // namespace

void note_interruptions() {
  for (const int number : std::initializer_list<int>{SIGINT, SIGTERM, SIGHUP}) {
    // What was ignored from the start (nohup) stays ignored.
    if (std::signal(number, note) == SIG_IGN) static_cast<void>(std::signal(number, SIG_IGN));
  }
}

bool is_interrupted() noexcept { return interrupted != 0; }

}  // namespace sluice::tools
