#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

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

json to_json(const observation& seen) {
  return {{"round", seen.round},
          {"kept", seen.kept()},
          {"moved", seen.moved},
          {"disturbed", seen.disturbed},
          {"wall_seconds", seen.raw.wall_seconds},
          {"messages", seen.raw.messages},
          {"seconds", seen.raw.seconds},
          {"cpu_seconds", seen.raw.cpu_seconds},
          {"probe_before", seen.raw.probe_before},
          {"probe_after", seen.raw.probe_after}};
}

json cell_json(const group& of, const cell& one) {
  json made{
      {"name", one.name}, {"transport", one.subject.name}, {"role", role_name(one.subject.what)}};
  if (!one.failure.empty()) made["failure"] = one.failure;
  if (!one.unavailable.empty()) made["unavailable"] = one.unavailable;
  made["rounds"] = json::array();
  for (const observation& seen : one.rounds) made["rounds"].push_back(to_json(seen));
  if (!std::ranges::any_of(one.rounds, &observation::kept)) return made;

  made["seconds_per_message"] = to_json(of.seconds(one));
  made["cpu_seconds_per_message"] = to_json(of.cpu_seconds(one));
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
  if (const trial* other = of.pipe(one)) made["against_pipe"] = ratio_json(of, one, *other);
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

void write_json(const std::vector<group>& groups, const std::vector<trial_set>& sets,
                const std::vector<std::string>& command, const run_options& options) {
  json all{{"command", command},
           {"missing", missing_transports()},
           {"options",
            {{"rounds", options.rounds},
             {"cell_seconds", options.cell_seconds},
             {"ring_bytes", options.ring_bytes},
             {"pauses", options.wait.pauses},
             {"slow_messages", options.slow_messages},
             {"idle_seconds", options.idle_seconds}}}};
  for (const auto& [name, value] : describe_machine()) all["machine"][name] = value;
  all["groups"] = json::array();
  for (const group& of : groups) {
    json made{{"name", of.name()}, {"message_bytes", of.message_bytes}, {"cells", json::array()}};
    for (const cell& one : of.cells) made["cells"].push_back(cell_json(of, one));
    all["groups"].push_back(std::move(made));
  }
  all["sets"] = json::array();
  for (const trial_set& of : sets) all["sets"].push_back(set_json(of));
  std::ofstream file{options.json_file};
  file << all.dump(1) << '\n';
  file.flush();
  if (!file) throw std::runtime_error{options.json_file + ": cannot be written"};
}

}  // namespace bench
