#pragma once
// Every mechanism that the tour visits. A new one is one line in a table, and a link class
// (link.hpp) if none that exists will do.

#include <cstddef>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "tools/tour/pass.hpp"

namespace sluice::tour {

using pass = pass_outcome (*)(const pass_plan&);

struct mechanism {
  std::string_view name;  ///< As `--mechanism` takes it.
  std::string_view what;
  std::string_view note;   ///< Stands below the tables, after the name: what the row leaves out.
  pass transfer;           ///< All messages, for throughput.
  pass latency = nullptr;  ///< A sample of them, there and back one by one; none: not measured.
  bool answers = false;    ///< `transfer` is a conversation, so it gets no more than a sample.
  /// What moves few bytes with each call gets no more messages than have this many together.
  std::size_t most_bytes = std::numeric_limits<std::size_t>::max();
  /// Whether all of its system calls go through the library, and so are counted.
  bool calls_are_counted = true;

  [[nodiscard]] constexpr bool is_sampled() const noexcept {
    return answers || most_bytes != std::numeric_limits<std::size_t>::max();
  }
};

/// What there is to send messages with (mechanisms.cpp), and what the library puts together from
/// it (composed_mechanisms.cpp). Two tables, as each row is compiled for its own ends.
[[nodiscard]] std::span<const mechanism> simple_mechanisms() noexcept;
[[nodiscard]] std::span<const mechanism> composed_mechanisms() noexcept;
/// In the order of the report.
[[nodiscard]] std::vector<const mechanism*> all_mechanisms();

}  // namespace sluice::tour
