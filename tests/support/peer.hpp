#pragma once
// The other side of a channel, as a thread of this process or as another process: the same test
// runs with both.

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include "support/child.hpp"

namespace sluice::test {

/// Runs `body(end)` in a thread that owns the end; the destructor waits for it.
class thread_peer {
 public:
  static constexpr bool is_process = false;

  /// Takes `end` away from the caller. `others` are ends that the peer must not keep open.
  template <class End, class Body, class... Others>
  thread_peer(std::optional<End>& end, Body body, std::optional<Others>&...)
      : thread_([mine = take(end), body = std::move(body)]() mutable { body(mine); }) {}
  thread_peer(thread_peer&&) = default;
  thread_peer& operator=(thread_peer&&) = delete;
  ~thread_peer() { wait_success(); }

  void wait_success() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  template <class End>
  static End take(std::optional<End>& end) {
    // It takes part before the caller goes on: who leaves first may be the only one who ever came.
    if constexpr (requires { end->arrive(); }) {
      EXPECT_TRUE(end->arrive());
    }
    End mine = std::move(*end);
    end.reset();
    return mine;
  }
  std::thread thread_;
};

/// Runs `body(end)` in a forked child that has this end alone.
class process_peer {
 public:
  static constexpr bool is_process = true;

  template <class End, class Body, class... Others>
  process_peer(std::optional<End>& end, Body body, std::optional<Others>&... others)
      : child_([&] {
          (others.reset(), ...);
          if constexpr (requires { end->attach(); }) {
            EXPECT_TRUE(end->attach());
          }
          handed_over_.arrive();
          left_.wait();
          body(*end);
          end.reset();
        }) {
    handed_over_.wait();
    end.reset();
    left_.arrive();
  }
  process_peer(process_peer&&) = default;
  process_peer& operator=(process_peer&&) = delete;

  void wait_success() { child_.wait_success(); }
  [[nodiscard]] child& process() noexcept { return child_; }

 private:
  rendezvous left_;  // before it, our end may still have to be announced: not into a full queue
  rendezvous handed_over_;  // before it, there may be nobody but us who keeps the channel open
  child child_;
};

}  // namespace sluice::test
