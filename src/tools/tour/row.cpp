#include "tools/tour/row.hpp"

#include <algorithm>
#include <cmath>

#include "tools/interruption.hpp"

namespace sluice::tour {

namespace {

latency_figures figures_of(std::vector<std::chrono::nanoseconds> round_trips) {
  std::ranges::sort(round_trips);
  const auto one_way_us = [&](double fraction) {
    const double rank = std::ceil(fraction * static_cast<double>(round_trips.size()));
    const auto index = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
    return std::chrono::duration<double, std::micro>(round_trips[index]).count() / 2;
  };
  return {.samples = round_trips.size(), .median_us = one_way_us(0.5), .p99_us = one_way_us(0.99)};
}

std::optional<double> ratio(double of, double to) noexcept {
  if (of <= 0 || to <= 0) return {};
  return of / to;
}

}  // namespace

std::optional<double> row::messages_per_second() const noexcept {
  return ratio(static_cast<double>(transfer.messages), transfer.seconds);
}

std::optional<double> row::megabytes_per_second() const noexcept {
  return ratio(static_cast<double>(transfer.bytes) / 1e6, transfer.seconds);
}

std::optional<double> row::calls_per_message() const noexcept {
  // None at all is a figure, too.
  if (!which.calls_are_counted || transfer.messages == 0) return {};
  return static_cast<double>(transfer.system_calls) / static_cast<double>(transfer.messages);
}

row measure(const mechanism& which, const message_set& messages, const measure_options& options) {
  // From here to the end there are processes, and names of FIFOs.
  const tools::interruptions_noted noted;
  const auto run = [&](pass what, const message_set& set, std::string_view part) {
    const auto size = static_cast<double>(set.size());
    return what({.messages = set, .progress = [&](std::uint64_t done) {
                   options.progress(part, static_cast<double>(done) / size);
                 }});
  };
  row measured{.which = which, .kind = messages.kind, .transfer = {}, .latency = {}};
  const std::size_t most = which.answers ? options.most_requests : messages.size();
  measured.transfer = run(which.transfer, sample_of(messages, most, which.most_bytes), "transfer");
  measured.troubles = measured.transfer.troubles;
  // What failed already would fail again, or say nothing.
  if (which.latency == nullptr || !measured.verified()) return measured;

  pass_outcome echoed =
      run(which.latency, sample_of(messages, options.latency_samples, which.most_bytes), "latency");
  for (const std::string& trouble : echoed.troubles)
    measured.troubles.push_back(fmt::format("in the latency pass, {}", trouble));
  if (!echoed.round_trips.empty()) measured.latency = figures_of(std::move(echoed.round_trips));
  return measured;
}

}  // namespace sluice::tour
