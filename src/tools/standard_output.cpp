#include "tools/standard_output.hpp"

#include <fmt/core.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <system_error>

#include "tools/tool_failure.hpp"

namespace sluice::tools {

void prepare_standard_streams() {
  // The lowest free number is given out first. What is opened here can only be read, so writing to
  // a standard output that was closed fails as it should. Those that fill a gap stay open.
  for (;;) {
    std::FILE* filler = std::fopen("/dev/null", "r");
    if (filler == nullptr) break;
    if (fileno(filler) > 2) {
      std::fclose(filler);
      break;
    }
  }
  // The library never raises SIGPIPE; this is for standard output, and for the raw pipe of the
  // tour, which is written to without any of the library's care. Programs that are started get the
  // default back.
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
}

void print(std::string_view text) {
  errno = 0;
  const std::size_t written = std::fwrite(text.data(), 1, text.size(), stdout);
  if (written == text.size() && std::fflush(stdout) == 0) return;
  const int number = errno;
  if (number == EPIPE)
    throw tool_failure{exit_code::output,
                       "nobody reads the output any more, so the rest was not done"};
  throw tool_failure{exit_code::output,
                     fmt::format("cannot write to standard output: {}; nothing more was done",
                                 std::generic_category().message(number))};
}

}  // namespace sluice::tools
