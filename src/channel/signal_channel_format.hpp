#pragma once
// What the two ends of a signal channel agree on, beside the payload.

#include <sluice/base/result.hpp>
#include <sluice/channel/signal_channel.hpp>

namespace sluice {

/// In si_errno, which no system call of Linux fills for queued signals: what programs that are not
/// ours queue has 0 there and is a message.
struct signal_mark {
  static constexpr int message = 0;
  static constexpr int joins = 1;  ///< On the data signal: a sender begins; no message.
};

/// Two real-time signals, the end above the data; `invalid_argument` with the reason otherwise.
[[nodiscard]] result<void> check_pair(signal_pair pair, const char* operation);

}  // namespace sluice
