#include "fuzz/target.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace sluice::test {

namespace {

int lowest_free_descriptor() noexcept {
  const int lowest = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
  ::close(lowest);
  return lowest;
}

// libFuzzer may have one, that finds the names of functions.
bool has_children() noexcept {
  siginfo_t ignored;
  return ::waitid(P_ALL, 0, &ignored, WEXITED | WNOHANG | WNOWAIT) == 0;
}

}  // namespace

void require(bool holds, const char* promise) noexcept {
  if (holds) return;
  std::fprintf(stderr, "\nthis does not hold: %s\n", promise);
  std::abort();
}

nothing_left_behind::nothing_left_behind() noexcept
    : lowest_free_(lowest_free_descriptor()), had_children_(has_children()) {}

nothing_left_behind::~nothing_left_behind() {
  require(lowest_free_descriptor() == lowest_free_, "every descriptor is closed");
  require(has_children() == had_children_, "there is no child left");
}

scratch_directory::scratch_directory() {
  const char* const where = std::getenv("TMPDIR");
  path_ = std::string{where != nullptr ? where : "/tmp"} + "/sluice-fuzz.XXXXXX";
  require(::mkdtemp(path_.data()) != nullptr, "a directory can be made in $TMPDIR");
}

scratch_directory::~scratch_directory() {
  require(::rmdir(path_.c_str()) == 0, "no name is left in the directory");
}

}  // namespace sluice::test
