#pragma once
// Other processes for tests: a forked child that cannot outlive the test and whose assertions fail
// the parent's test, and a place for the two to meet.

#include <chrono>
#include <functional>
#include <sluice/base/deadline.hpp>
#include <sluice/os/process.hpp>
#include <sluice/os/unique_fd.hpp>
#include <string>

#include "support/watchdog.hpp"

namespace sluice::test {

/// How long a test waits for something that must come. Long: it ends a failing test, and no passing
/// one ever waits that long.
inline constexpr std::chrono::seconds patience = test_patience / 3;

/// A forked child that runs `body` and ends.
///
/// Assertions of GoogleTest work in the body; they fail the parent's test in `wait_success`, which
/// also wants the end to be an orderly one. The child is killed when its parent('s thread) dies and
/// when this object goes.
class child {
 public:
  static constexpr int failed_assertion = 101;
  static constexpr int uncaught_exception = 102;

  explicit child(const std::function<void()>& body);
  child(child&&) noexcept = default;
  child& operator=(child&&) = delete;
  ~child();

  /// Waits for its end; a failure of the test unless it ended in order and nothing failed in it.
  void wait_success(deadline until = deadline{patience});
  /// Waits for its end, whatever that is. Assertions that failed in the child fail the test.
  exit_status wait(deadline until = deadline{patience});
  void send_signal(int number) const;
  /// SIGKILL, and waits for its death.
  void kill();
  /// Waits until it is stopped (after SIGSTOP) or, with `false`, runs on.
  void wait_stopped(bool stopped = true) const;

  [[nodiscard]] pid_t id() const noexcept { return process_.id(); }
  [[nodiscard]] process& handle() noexcept { return process_; }

 private:
  child(unique_fd report, const std::function<void()>& body);
  void show_report();

  unique_fd report_;  // a file in memory into which the child writes what failed
  process process_;
  bool ended_ = false;
};

/// A place where one process tells others that it has come so far. Made before the fork.
class rendezvous {
 public:
  rendezvous();
  /// Lets `times` waits through.
  void arrive(int times = 1) const;
  /// Waits for one arrival; a failure of the test when none comes.
  void wait(deadline until = deadline{patience}) const;

 private:
  unique_fd counter_;
};

}  // namespace sluice::test
