#include "tools/tour/pass.hpp"

namespace sluice::tour {

pass_outcome not_begun(const error& why) {
  pass_outcome outcome;
  outcome.troubles.push_back(fmt::format("could not begin: {}", why.message()));
  return outcome;
}

pass_outcome gather(const board& shared, const message_set& sent,
                    std::chrono::steady_clock::time_point began,
                    std::vector<std::string> troubles) {
  const side_report& verifying = shared.sides().back();
  pass_outcome outcome{.messages = verifying.messages.load(std::memory_order_relaxed),
                       .bytes = verifying.bytes,
                       .round_trips = {},
                       .troubles = std::move(troubles)};
  for (const side_report& side : shared.sides()) {
    outcome.cpu_seconds += side.cpu_seconds;
    outcome.system_calls += side.system_calls;
  }
  if (verifying.ended > began)
    outcome.seconds = std::chrono::duration<double>(verifying.ended - began).count();
  if (!verifying.wrong.none())
    outcome.troubles.push_back(
        fmt::format("of {} messages {}", sent.size(), verifying.wrong.to_text()));
  if (!outcome.troubles.empty() && outcome.messages < sent.size())
    outcome.troubles.push_back(
        fmt::format("{} of {} messages arrived", outcome.messages, sent.size()));
  return outcome;
}

}  // namespace sluice::tour
