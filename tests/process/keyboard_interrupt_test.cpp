// Ctrl-C on a real terminal ends the example program gracefully: the terminal's line discipline
// turns the key into SIGINT for the foreground group.

#include <gtest/gtest.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

#include "support/child.hpp"
#include "support/runtime_directory.hpp"

namespace sluice::test {
namespace {

// Reads what the program writes to its terminal until `text` is in it or the program has ended.
std::string read_until(int terminal, const std::string& text) {
  std::string all;
  std::array<char, 256> piece;
  const deadline until{patience};
  while (all.find(text) == all.npos && !until.has_passed()) {
    pollfd watched{.fd = terminal, .events = POLLIN, .revents = 0};
    if (::poll(&watched, 1, 100) <= 0) continue;
    const ssize_t got = ::read(terminal, piece.data(), piece.size());
    if (got <= 0) break;  // EIO: nobody has the other side open any more
    all.append(piece.data(), static_cast<std::size_t>(got));
  }
  return all;
}

TEST(KeyboardInterrupt, ends_the_example_gracefully) {
  const std::string file = private_runtime_directory::current() + "/records";
  int terminal = -1;
  const pid_t program = ::forkpty(&terminal, nullptr, nullptr, nullptr);
  ASSERT_GE(program, 0);
  if (program == 0) {
    ::execl(SLUICE_GRACEFUL_SHUTDOWN, SLUICE_GRACEFUL_SHUTDOWN, "work", file.c_str(), nullptr);
    ::_exit(127);
  }
  EXPECT_NE(read_until(terminal, "working").find("working"), std::string::npos);
  constexpr char control_c = 3;
  EXPECT_EQ(::write(terminal, &control_c, 1), 1);
  const std::string end = read_until(terminal, "whole records");
  EXPECT_NE(end.find("SIGINT came"), std::string::npos) << end;
  int status = 0;
  EXPECT_EQ(::waitpid(program, &status, 0), program);
  EXPECT_TRUE(WIFEXITED(status)) << "killed by signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 0);
  ::close(terminal);
  ::unlink(file.c_str());
}

}  // namespace
}  // namespace sluice::test
