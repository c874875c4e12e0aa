#include <nlohmann/json.hpp>

#include "tools/tour/report.hpp"
#include "tools/version.hpp"

namespace sluice::tour {

namespace {

using json = nlohmann::ordered_json;

json optional_number(std::optional<double> number) { return number ? json(*number) : json(); }

json json_of(const row& measured) {
  const auto& latency = measured.latency;
  json made{
      {"mechanism", measured.which.name},
      {"kind", measured.kind},
      {"request_and_reply", measured.which.answers},
      {"sampled", measured.which.is_sampled()},
      {"messages", measured.transfer.messages},
      {"bytes", measured.transfer.bytes},
      {"seconds", measured.transfer.seconds},
      {"messages_per_second", optional_number(measured.messages_per_second())},
      {"megabytes_per_second", optional_number(measured.megabytes_per_second())},
      {"latency_samples", latency ? latency->samples : 0},
      {"latency_median_us", latency ? json(latency->median_us) : json()},
      {"latency_p99_us", latency ? json(latency->p99_us) : json()},
      {"cpu_seconds", measured.transfer.cpu_seconds},
      {"system_calls", measured.transfer.system_calls},
      {"system_calls_per_message", optional_number(measured.calls_per_message())},
      {"verified", measured.verified()},
  };
  made["troubles"] = measured.troubles;
  return made;
}

}  // namespace

std::string json_of(const report_heading& heading, const std::vector<row>& rows) {
  json document{
      {"version", tools::version},
      {"machine",
       {{"cpu", heading.where.cpu},
        {"cores", heading.where.cores},
        {"virtual", heading.where.is_virtual},
        {"kernel", heading.where.kernel}}},
      {"input",
       {{"sources", heading.sources},
        {"files", heading.files},
        {"lines", heading.lines},
        {"bytes", heading.total_bytes},
        {"limit_bytes", heading.limit_bytes},
        {"stopped_at_limit", heading.stopped_at_limit},
        {"larger_than_limit", heading.larger_than_limit},
        {"symbolic_links", heading.symbolic_links},
        {"special_files", heading.special_files},
        {"unreadable", heading.unreadable}}},
      {"verified", std::ranges::all_of(rows, &row::verified)},
  };
  document["rows"] = json::array();
  for (const row& one : rows) document["rows"].push_back(json_of(one));
  // File names and messages of the system may be in any encoding; what is no UTF-8 is replaced.
  return document.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace sluice::tour
