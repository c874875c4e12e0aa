#include "channel/signal_channel_format.hpp"

namespace sluice {

result<void> check_pair(signal_pair pair, const char* operation) {
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
