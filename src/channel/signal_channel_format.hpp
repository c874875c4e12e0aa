#pragma once
// What the two ends of a signal channel agree on, beside the payload.

#include <sluice/base/result.hpp>
#include <sluice/channel/signal_channel.hpp>

#pragma GCC visibility push(hidden)
namespace sluice {

/// In si_errno, which no system call of Linux fills for queued signals: what programs that are not
/// ours queue has 0 there and is a message.
struct signal_mark {
  static constexpr int message = 0;
  static constexpr int joins = 1;  ///< On the data signal: a sender begins; no message.
};

/// Two real-time signals, the end above the data.
[[nodiscard]] inline result<void> check_pair(signal_pair pair, const char* operation) {
  if (!is_real_time(pair.data) || !is_real_time(pair.end))
    return failure{std::errc::invalid_argument, operation,
                   "a pair is two real-time signals: other signals merge, and messages would be "
                   "lost"};
  if (pair.data >= pair.end)
    return failure{std::errc::invalid_argument, operation,
                   "the end must have the higher number: lower ones are handed out first"};
  return {};
}

}  // namespace sluice
#pragma GCC visibility pop
