#include "tools/interruption.hpp"

#include <csignal>

#include "tools/tool_failure.hpp"

namespace sluice::tools {

namespace {

constexpr std::array signals{SIGINT, SIGTERM, SIGHUP};

// The one global of the tool: nothing else can be reached from a signal handler.
volatile std::sig_atomic_t interrupted = 0;

extern "C" void note(int) { interrupted = 1; }

}  // namespace

interruptions_noted::interruptions_noted() : before_() {
  for (std::size_t i = 0; i < signals.size(); ++i) {
    before_[i] = std::signal(signals[i], note);
    if (before_[i] == SIG_IGN) static_cast<void>(std::signal(signals[i], SIG_IGN));
  }
}

interruptions_noted::~interruptions_noted() {
  for (std::size_t i = 0; i < signals.size(); ++i)
    static_cast<void>(std::signal(signals[i], before_[i]));
}

void throw_if_interrupted() {
  if (interrupted == 0) return;
  throw tool_failure{exit_code::interrupted,
                     "interrupted; all processes were stopped and all names removed"};
}

}  // namespace sluice::tools
