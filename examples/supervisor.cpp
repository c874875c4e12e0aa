// A supervisor: starts a program, waits for its end with a deadline, and starts it again when it
// fails, is killed, or hangs. The child is held by a pidfd: the signal that ends a hanging child
// can never reach a stranger that was given the same process number.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <iostream>
#include <sluice/os/process.hpp>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;

struct supervision {
  std::chrono::milliseconds time_limit;
  int attempts;
};

// Waits for the child; one that takes longer than its time is killed.
sluice::exit_status end_of(sluice::process& child, std::chrono::milliseconds time_limit) {
  auto status = child.wait(time_limit);
  if (status) return *status;
  if (status.error() != std::errc::timed_out) return status.value();  // throws
  std::cout << "  takes longer than " << time_limit.count() << " ms: killed\n";
  child.send_signal(SIGKILL).value();
  return child.wait().value();
}

// Runs `program` until it succeeds. Returns how many attempts that took, or 0 if none succeeded.
template <class Program>
int supervise(Program program, const supervision& how) {
  auto pause = 10ms;
  for (int attempt = 1; attempt <= how.attempts; ++attempt) {
    auto child = sluice::process::spawn({.arguments = program(attempt)}).value();
    std::cout << "attempt " << attempt << ": process " << child.id() << '\n';
    const auto status = end_of(child, how.time_limit);
    if (status.success()) return attempt;
    if (status.signal != 0) std::cout << "  ended by signal " << status.signal << '\n';
    if (status.code != 0) std::cout << "  ended with code " << status.code << '\n';
    std::this_thread::sleep_for(pause);  // a program that fails at once shall not fill the machine
    pause = std::min(pause * 2, 1000ms);
  }
  return 0;
}

// A program in poor health: it fails, is killed, hangs, and at last does its work.
std::vector<std::string> unreliable(int attempt) {
  const std::vector<std::string> scripts{"exit 3", "kill -TERM $$", "exec sleep 1000", "exit 0"};
  return {"sh", "-c", scripts.at(static_cast<std::size_t>(attempt - 1) % scripts.size())};
}

}  // namespace

int main() {
  const int attempts = supervise(unreliable, {.time_limit = 1s, .attempts = 12});
  std::cout << "succeeded at attempt " << attempts << '\n';

  const auto missing = sluice::process::spawn({.arguments = {"/no/such/program"}});
  if (missing) return 1;
  std::cout << "a program that is not there is told at once: " << missing.error().message() << '\n';
  return attempts != 0 ? 0 : 1;
}
