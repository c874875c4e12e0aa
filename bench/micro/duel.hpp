#pragma once
// Two ways of doing the same work, measured against each other in one run. The cores of a virtual
// machine change their speed from one moment to the next, so no figure is compared with one from
// another time: a round is Sluice, raw, raw, Sluice, each for a few milliseconds, and the next one
// raw, Sluice, Sluice, raw; each gives one ratio. What drifts slowly touches both alike. What jumps
// inside a round shows, since the two segments of one side then differ, and such a round does not
// count. Both sides are held to that in the same way: looking at one side only would choose the
// rounds in which that side had luck.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#include "spread.hpp"

namespace bench {

enum class side { sluice, raw };

/// What one side did with one batch of messages.
struct segment {
  double seconds = 0;
  double cpu_seconds = 0;          ///< Of all processes that took part.
  std::uint64_t sender_calls = 0;  ///< System calls, where they are counted.
  std::uint64_t receiver_calls = 0;
};

/// Moves `messages` messages one way and verifies them; throws when one is not what was sent.
using contest = std::function<segment(side, std::uint64_t messages)>;

struct duel_options {
  double segment_seconds = 0.004;
  /// How far the two segments of one side of a round may differ, as a factor.
  double steady = 1.10;
};

/// One round that has been made; per message.
struct round_figures {
  double sluice_seconds = 0;
  double raw_seconds = 0;
  double cpu_ratio = 0;
  bool is_steady = true;
  [[nodiscard]] double ratio() const noexcept { return sluice_seconds / raw_seconds; }
};

class duel {
 public:
  /// Makes both sides warm and finds out how many messages fill a segment.
  duel(contest both, const duel_options& options);

  /// One round, kept for the summary.
  const round_figures& fight();

  /// Over the steady rounds, or over all when fewer than a quarter are steady: on a machine that is
  /// busy otherwise all that can be said is what was seen.
  [[nodiscard]] spread of(const std::function<double(const round_figures&)>& figure) const;
  [[nodiscard]] std::size_t unsteady_rounds() const noexcept;

 private:
  [[nodiscard]] bool are_close(const segment& one, const segment& other) const noexcept;
  contest both_;
  duel_options options_;
  std::uint64_t messages_ = 16;
  std::vector<round_figures> rounds_;
};

}  // namespace bench
