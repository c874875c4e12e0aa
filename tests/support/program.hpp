#pragma once
// Other programs beside the test: `cat`, `sh` and friends.

#include <gtest/gtest.h>
#include <signal.h>

#include <sluice/os/process.hpp>
#include <string>
#include <utility>
#include <vector>

#include "support/child.hpp"

namespace sluice::test {

/// A program that was spawned; it is killed when this goes, unless it has ended.
class program {
 public:
  explicit program(std::vector<std::string> arguments,
                   std::vector<passed_descriptor> descriptors = {})
      : process_(process::spawn(
                     {.arguments = std::move(arguments), .descriptors = std::move(descriptors)})
                     .value()) {}
  program(const program&) = delete;
  program& operator=(const program&) = delete;
  ~program() {
    if (ended_) return;
    static_cast<void>(process_.send_signal(SIGKILL));
    static_cast<void>(process_.wait());
  }

  void wait_success() {
    auto status = process_.wait(deadline{patience});
    ASSERT_TRUE(status) << status.error().message();
    ended_ = true;
    EXPECT_TRUE(status->success()) << "code " << status->code << ", signal " << status->signal;
  }
  [[nodiscard]] process& handle() noexcept { return process_; }

 private:
  process process_;
  bool ended_ = false;
};

/// A shell that runs one line.
[[nodiscard]] inline std::vector<std::string> shell(std::string line) {
  return {"sh", "-c", std::move(line)};
}

}  // namespace sluice::test
