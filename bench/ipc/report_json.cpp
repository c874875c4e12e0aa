#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "call_count.hpp"
#include "machine.hpp"
#include "report.hpp"
#include "transports.hpp"

namespace bench {

namespace {

using nlohmann::json;

json to_json(const spread& of) {
  return {
      {"min", of.min}, {"low", of.low}, {"median", of.median}, {"high", of.high}, {"max", of.max}};
}

json to_json(const group::comparison& of) {
  json made = to_json(of.ratio);
  made["rounds"] = of.rounds;
  return made;
}

json to_json(const costs& used) {
  return {{"cpu_seconds", used.cpu_seconds},
          {"system_calls", used.system_calls},
          {"sleeps", used.sleeps},
          {"preemptions", used.preemptions},
          {"minor_faults", used.minor_faults},
          {"major_faults", used.major_faults}};
}

json to_json(const observation& seen) {
  json made{{"round", seen.round},
            {"kept", seen.kept()},
            {"moved", seen.moved},
            {"disturbed", seen.disturbed},
            {"wall_seconds", seen.raw.wall_seconds},
            {"messages", seen.raw.messages},
            {"seconds", seen.raw.seconds},
            {"cpu_seconds", seen.raw.cpu_seconds},
            {"receiver", to_json(seen.raw.used[0])},
            {"sender", to_json(seen.raw.used[1])},
            {"probe_before", seen.raw.probe_before},
            {"probe_after", seen.raw.probe_after}};
  // As pairs: the lowest nanoseconds of a place of the histogram, and how many are in it.
  if (!seen.delays.empty()) made["delays"] = seen.delays;
  return made;
}

// What each message costs both sides together, over the rounds that count.
json costs_json(const group& of, const cell& one) {
  const auto each = [&](std::uint64_t costs::*what) { return of.per_message(one, what); };
  json made{{"sleeps", each(&costs::sleeps)},
            {"preemptions", each(&costs::preemptions)},
            {"minor_faults", each(&costs::minor_faults)},
            {"major_faults", each(&costs::major_faults)}};
  if (calls_are_counted(one.subject)) made["system_calls"] = each(&costs::system_calls);
  return made;
}

json percentiles_json(const delay_histogram::entries& delays) {
  std::uint64_t samples = 0;
  for (const auto& [nanoseconds, count] : delays) samples += count;
  return {{"samples", samples},
          {"p50", percentile(delays, 0.5)},
          {"p90", percentile(delays, 0.9)},
          {"p99", percentile(delays, 0.99)},
          {"p99.9", percentile(delays, 0.999)},
          {"max", percentile(delays, 1)}};
}

json cell_json(const group& of, const cell& one) {
  json made{
      {"name", one.name}, {"transport", one.subject.name}, {"role", role_name(one.subject.what)}};
  if (!one.subject.raw.empty()) made["raw"] = one.subject.raw;
  if (!one.failure.empty()) made["failure"] = one.failure;
  if (!one.unavailable.empty()) made["unavailable"] = one.unavailable;
  made["rounds"] = json::array();
  for (const observation& seen : one.rounds) made["rounds"].push_back(to_json(seen));
  if (!std::ranges::any_of(one.rounds, &observation::kept)) return made;

  made["seconds_per_message"] = to_json(of.seconds(one));
  made["cpu_seconds_per_message"] = to_json(of.cpu_seconds(one));
  made["per_message"] = costs_json(of, one);
  if (of.what == measure::open_loop) made["percentiles"] = percentiles_json(of.delays(one));
  if (const cell* raw = of.raw(one)) made["against_raw"] = to_json(of.against(one, *raw));
  const cell* floor = of.floor();
  if (floor != nullptr) {
    made["floor"] = floor->subject.name;
    made["against_floor"] = to_json(of.against(one, *floor));
  }
  made["against"] = json::object();
  for (const cell* other : of.others_of(one))
    made["against"][other->subject.name] = to_json(of.against(one, *other));
  return made;
}

json group_json(const group& of) {
  json made{{"name", of.name()},
            {"measure", measure_name(of.what)},
            {"message_bytes", of.message_bytes},
            {"mode", of.how == waiting::polling ? "polling" : "blocking"},
            {"placement", of.where == placement::two_cores ? "two_cores" : "one_core"},
            {"cells", json::array()}};
  if (of.rate > 0) made["rate"] = of.rate;
  for (const cell& one : of.cells) made["cells"].push_back(cell_json(of, one));
  return made;
}

json memory_json(const memory_row& row) {
  json made{{"name", row.name}, {"transport", row.transport}, {"role", role_name(row.what)}};
  if (!row.failure.empty()) made["failure"] = row.failure;
  if (!row.unavailable.empty()) made["unavailable"] = row.unavailable;
  if (!row.is_measured) return made;
  made["private_bytes"] = row.each.private_bytes;
  made["shared_bytes"] = row.each.shared_bytes;
  made["descriptors"] = row.each.descriptors;
  return made;
}

json ratio_json(const trial_set& of, const trial& one, const trial& other) {
  std::vector<double> ratios = of.ratios(one, other);
  const std::size_t rounds = ratios.size();
  json made = to_json(spread::of(std::move(ratios)));
  made["rounds"] = rounds;
  return made;
}

const char* quantity_name(quantity what) {
  if (what == quantity::rate) return "messages_per_second";
  return what == quantity::cpu_per_message ? "cpu_seconds_per_message" : "cpu_seconds_per_second";
}

json trial_json(const trial_set& of, const trial& one) {
  json made{{"name", one.name}, {"trial", one.label}, {"role", role_name(one.what)}};
  if (!one.failure.empty()) made["failure"] = one.failure;
  if (!one.unavailable.empty()) made["unavailable"] = one.unavailable;
  made["rounds"] = json::array();
  for (const trial_round& seen : one.rounds)
    made["rounds"].push_back({{"round", seen.round},
                              {"kept", seen.kept()},
                              {"messages", seen.messages},
                              {"seconds", seen.seconds},
                              {"cpu_seconds", seen.cpu_seconds},
                              {"lost_share", seen.lost_share},
                              {"probe_before", seen.probe_before},
                              {"probe_after", seen.probe_after}});
  if (!std::ranges::any_of(one.rounds, &trial_round::kept)) return made;
  made[quantity_name(of.what)] = to_json(of.figures_of(one));
  if (const trial* other = of.alone(one)) made["against_one"] = ratio_json(of, one, *other);
  if (const trial* other = of.floor_of(one))
    made[std::string{"against_"} + of.floor_label] = ratio_json(of, one, *other);
  return made;
}

json set_json(const trial_set& of) {
  json made{{"name", of.name},
            {"message_bytes", of.message_bytes},
            {"cores", of.cores},
            {"trials", json::array()}};
  for (const trial& one : of.trials) made["trials"].push_back(trial_json(of, one));
  return made;
}

}  // namespace

void write_json(const results& found, const std::vector<std::string>& command,
                const run_options& options) {
  json all{{"command", command},
           {"missing", missing_transports()},
           {"counts_library_calls", counts_library_calls()},
           {"outcome",
            {{"interrupted", found.outcome.was_interrupted},
             {"budget_used_up", found.outcome.budget_was_used_up},
             {"cells_not_measured", found.outcome.cells_not_measured},
             {"seconds", found.outcome.seconds}}},
           {"options",
            {{"rounds", options.rounds},
             {"cell_seconds", options.cell_seconds()},
             {"budget_seconds", options.budget_seconds},
             {"open_loop_seconds", options.open_loop_seconds},
             {"ring_bytes", options.ring_bytes},
             {"pauses", options.wait.pauses},
             {"slow_messages", options.slow_messages},
             {"idle_seconds", options.idle_seconds}}}};
  for (const auto& [name, value] : describe_machine()) all["machine"][name] = value;
  all["groups"] = json::array();
  for (const group& of : found.groups) all["groups"].push_back(group_json(of));
  all["sets"] = json::array();
  for (const trial_set& of : found.sets) all["sets"].push_back(set_json(of));
  all["memory"] = json::array();
  for (const memory_row& row : found.memory) all["memory"].push_back(memory_json(row));
  std::ofstream file{options.json_file};
  file << all.dump() << '\n';
  file.flush();
  if (!file) throw cannot_write{"--json=" + options.json_file + ": cannot be written"};
}

}  // namespace bench
