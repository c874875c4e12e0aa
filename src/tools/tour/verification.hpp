#pragma once
// Whether what was received is what was sent: nothing lost, nothing more, nothing different, and
// the order of each sender kept.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "tools/tour/messages.hpp"

namespace sluice::tour {

/// How what came differs from what was sent.
struct discrepancies {
  std::uint64_t lost = 0;       ///< Sent and never received.
  std::uint64_t extra = 0;      ///< Received more often than sent.
  std::uint64_t different = 0;  ///< Received and never sent: changed on the way, or invented.
  std::uint64_t reordered = 0;  ///< As many as would have to move to restore the order.

  [[nodiscard]] bool none() const noexcept {
    return lost == 0 && extra == 0 && different == 0 && reordered == 0;
  }
  discrepancies& operator+=(const discrepancies& other) noexcept;
  /// "2 lost, 1 different"; empty if there are none.
  [[nodiscard]] std::string to_text() const;
  friend bool operator==(const discrepancies&, const discrepancies&) = default;
};

/// Compares one sequence that was sent with the one that was received.
[[nodiscard]] discrepancies compare(std::span<const digest> sent, std::span<const digest> received);

/// Compares what several senders sent (dealt out with `deal`) with what one receiver received.
[[nodiscard]] discrepancies compare(std::span<const message_set> dealt,
                                    std::span<const digest> received);

}  // namespace sluice::tour
