#pragma once
// Where the processes of one pass leave what they found out: memory that they share with the
// coordinator, so that it is there even if a process is killed.

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <sluice/os/memory_map.hpp>
#include <span>
#include <string_view>

#include "tools/tour/verification.hpp"

namespace sluice::tour {

/// One process's page. Written by that process; the coordinator reads it when the process is dead,
/// and `messages` at any time.
struct side_report {
  /// Sent or received so far. Relaxed: a number for the progress line that orders nothing.
  std::atomic<std::uint64_t> messages{0};
  std::uint64_t bytes = 0;
  std::chrono::steady_clock::time_point began{};  // one clock for all processes
  std::chrono::steady_clock::time_point ended{};
  double cpu_seconds = 0;
  std::uint64_t system_calls = 0;
  discrepancies wrong;
  std::array<char, 400> failure{};  // what went wrong, as text

  void count(std::size_t message_bytes) noexcept {
    // One writer: a plain load and store, no locked instruction.
    messages.store(messages.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    bytes += message_bytes;
  }
  void fail(std::string_view why) noexcept;
  [[nodiscard]] std::string_view failure_text() const noexcept;
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

/// Pages for some processes, and room for times that they measured.
class board {
 public:
  [[nodiscard]] static result<board> create(std::size_t sides, std::size_t times);

  [[nodiscard]] std::span<side_report> sides() const noexcept { return sides_; }
  [[nodiscard]] side_report& side(std::size_t index) const noexcept { return sides_[index]; }
  [[nodiscard]] std::span<std::chrono::nanoseconds> times() const noexcept { return times_; }

 private:
  board(memory_map memory, std::size_t sides, std::size_t times);
  memory_map memory_;
  std::span<side_report> sides_;
  std::span<std::chrono::nanoseconds> times_;
};

/// Measures one process from here to `stop`: time, CPU time and system calls.
class meter {
 public:
  explicit meter(side_report& report) noexcept;
  void stop() noexcept;

 private:
  side_report& report_;
  double cpu_before_;
  std::uint64_t calls_before_;
};

}  // namespace sluice::tour
