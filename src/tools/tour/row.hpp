#pragma once
// One line of the tour's table: what one mechanism did with one kind of messages.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/tour/mechanisms.hpp"

namespace sluice::tour {

/// Of one way: half of a round trip.
struct latency_figures {
  std::size_t samples = 0;
  double median_us = 0;
  double p99_us = 0;
};

struct row {
  const mechanism& which;
  std::string_view kind;  ///< Of messages: "lines".
  pass_outcome transfer;
  std::optional<latency_figures> latency;
  std::vector<std::string> troubles = {};  ///< Of both passes; empty: verified.

  [[nodiscard]] bool verified() const noexcept { return troubles.empty(); }
  /// Without a value where nothing arrived.
  [[nodiscard]] std::optional<double> messages_per_second() const noexcept;
  [[nodiscard]] std::optional<double> megabytes_per_second() const noexcept;  // of 10^6 bytes
  /// Nor where the calls are not counted.
  [[nodiscard]] std::optional<double> calls_per_message() const noexcept;
};

/// How much of the input the parts of a row get.
struct measure_options {
  std::size_t latency_samples = 0;
  std::size_t most_requests = 0;
  std::function<void(std::string_view part, double done)> progress;
};

[[nodiscard]] row measure(const mechanism& which, const message_set& messages,
                          const measure_options& options);

}  // namespace sluice::tour
