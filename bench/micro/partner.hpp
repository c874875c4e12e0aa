#pragma once
// The other process of a benchmark: it sends, and the process that measures receives.

#include <cstdint>
#include <functional>
#include <optional>
#include <sluice/channel/pipe.hpp>
#include <sluice/os/process.hpp>

#include "duel.hpp"

namespace bench {

/// A child that sends batches when it is told to. It ends when this object goes.
class partner {
 public:
  /// Sends that many messages one way and returns the system calls it made.
  using role = std::function<std::uint64_t(side, std::uint64_t messages)>;

  /// Forks; the child stays on `core` and asks `prepare` for its role.
  partner(int core, const std::function<role()>& prepare);
  partner(const partner&) = delete;
  partner& operator=(const partner&) = delete;
  ~partner();

  /// Lets it send a batch, while the caller receives.
  void begin(side which, std::uint64_t messages);
  /// Waits until it is ready for the next one.
  struct report {
    double cpu_seconds = 0;
    std::uint64_t calls = 0;
  };
  [[nodiscard]] report finish();

 private:
  std::optional<sluice::duplex_pipe_end> line_;
  std::optional<sluice::process> child_;
};

}  // namespace bench
