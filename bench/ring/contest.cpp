#include "contest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

#include "machine.hpp"
#include "transports.hpp"

namespace bench {

namespace {

/// Further apart than this, two probes saw different placements.
constexpr double placement_factor = 1.3;

constexpr std::size_t kibi = 1024;
const std::vector<std::size_t> latency_sizes{8, 48, 64, kibi, 16 * kibi};
const std::vector<std::size_t> throughput_sizes{8,        64,        256,       kibi,
                                                4 * kibi, 16 * kibi, 64 * kibi, kibi* kibi};

void add_group(std::vector<group>& to, group empty, const std::regex& filter,
               const std::vector<transport>& transports) {
  for (const transport& one : transports) {
    const size_range& sizes =
        empty.what == measure::latency ? one.latency_sizes : one.throughput_sizes;
    if (one.how != empty.how || !sizes.holds(empty.message_bytes)) continue;
    std::string name = empty.name() + "/" + one.name;
    if (!std::regex_search(name, filter)) continue;
    empty.cells.push_back({.name = std::move(name),
                           .subject = one,
                           .messages = 0,
                           .rounds = {},
                           .failure = "",
                           .unavailable = ""});
  }
  if (!empty.cells.empty()) to.push_back(std::move(empty));
}

const char* floor_name(const group& of) {
  if (of.how == waiting::blocking) return of.what == measure::latency ? "futex_wake" : "pipe";
  if (of.what == measure::latency) return "hand_over_with_pause";
  if (of.message_bytes == 8) return "stream_of_words";
  if (of.message_bytes == 64) return "stream_of_lines";
  return "bulk_copy";
}

}  // namespace

bool same_placement(double one, double other) noexcept {
  return one > 0 && other > 0 && std::max(one, other) <= placement_factor * std::min(one, other);
}

std::string group::name() const {
  return fmt::format("{}/{}/{}/{}", what == measure::latency ? "latency" : "throughput",
                     message_bytes, how == waiting::polling ? "polling" : "blocking",
                     where == placement::two_cores ? "two_cores" : "one_core");
}

const cell* group::floor() const {
  const auto found =
      std::ranges::find(cells, floor_name(*this),
                        [](const cell& one) -> const std::string& { return one.subject.name; });
  return found == cells.end() ? nullptr : &*found;
}

const observation* group::find(const cell& of, int round) const {
  const auto found = std::ranges::find(of.rounds, round, &observation::round);
  return found == of.rounds.end() ? nullptr : &*found;
}

double group::seconds_per_message(const figures& raw) const noexcept {
  const double each = raw.seconds / static_cast<double>(raw.messages);
  return what == measure::latency ? each / 2 : each;
}

spread group::over_rounds(const cell& of,
                          const std::function<double(const observation&)>& figure) const {
  std::vector<double> all;
  for (const observation& seen : of.rounds) {
    if (seen.kept) all.push_back(figure(seen));
  }
  return spread::of(std::move(all));
}

spread group::seconds(const cell& of) const {
  return over_rounds(of, [&](const observation& seen) { return seconds_per_message(seen.raw); });
}

spread group::cpu_seconds(const cell& of) const {
  return over_rounds(of, [&](const observation& seen) {
    figures raw = seen.raw;
    raw.seconds = raw.cpu_seconds;
    return seconds_per_message(raw);
  });
}

group::comparison group::against(const cell& one, const cell& other) const {
  std::vector<double> ratios;
  for (const observation& seen : one.rounds) {
    const observation* beside = find(other, seen.round);
    if (!seen.kept || beside == nullptr || !beside->kept) continue;
    if (!same_placement(seen.raw.probe_before, beside->raw.probe_before)) continue;
    const double times = seconds_per_message(seen.raw) / seconds_per_message(beside->raw);
    ratios.push_back(what == measure::latency ? times : 1 / times);
  }
  const std::size_t count = ratios.size();
  return {.ratio = spread::of(std::move(ratios)), .rounds = count};
}

std::vector<const cell*> group::rivals_of(const cell& one) const {
  std::vector<const cell*> rivals;
  for (const cell& other : cells) {
    const bool counts = std::ranges::any_of(other.rounds, &observation::kept);
    if (&other != &one && other.subject.what == role::rival && counts) rivals.push_back(&other);
  }
  return rivals;
}

const cell* group::best_rival(const cell& of) const {
  const auto rivals = rivals_of(of);
  const auto best =
      std::ranges::min_element(rivals, {}, [&](const cell* one) { return seconds(*one).median; });
  return best == rivals.end() ? nullptr : *best;
}

std::vector<group> all_groups(const run_options& options) {
  const std::regex filter{options.filter};
  const std::vector<transport> transports = all_transports();
  std::vector<group> groups;
  for (const waiting how : {waiting::polling, waiting::blocking}) {
    for (const measure what : {measure::latency, measure::throughput}) {
      const auto& usual = what == measure::latency ? latency_sizes : throughput_sizes;
      for (const std::size_t size : options.sizes.empty() ? usual : options.sizes) {
        for (const placement where : {placement::two_cores, placement::one_core}) {
          // Polling for somebody who cannot run is no use, and two cores take two.
          if (how == waiting::polling && where == placement::one_core) continue;
          if (where == placement::two_cores && allowed_cores().size() < 2) continue;
          add_group(groups,
                    {.what = what, .message_bytes = size, .how = how, .where = where, .cells = {}},
                    filter, transports);
        }
      }
    }
  }
  return groups;
}

namespace {

void measure_cell(const group& of, cell& one, int round, const run_options& options,
                  supervisor& runner, const std::string& address) {
  const link_options link{.message_bytes = of.message_bytes,
                          .memory_bytes = cell_memory(of.message_bytes, options.ring_bytes),
                          .wait = {.pauses = options.pauses},
                          .address = address};
  const auto& open = of.what == measure::latency ? one.subject.latency : one.subject.throughput;
  const pace how{.where = of.where,
                 .seconds = options.cell_seconds,
                 .messages = one.messages,
                 .on_purpose = options.on_purpose};
  try {
    const run_result result = runner.run(how, [&] { return open(link); });
    if (!result.failure.empty()) {
      one.failure = result.failure;
      return;
    }
    one.messages = result.measured.messages;
    one.rounds.push_back(
        {.round = round,
         .raw = result.measured,
         .kept = same_placement(result.measured.probe_before, result.measured.probe_after)});
  } catch (const unavailable& why) {
    one.unavailable = why.what();
  } catch (const interrupted&) {
    throw;
  } catch (const std::exception& failed) {
    one.failure = failed.what();
  }
}

}  // namespace

void measure_all(std::vector<group>& groups, const run_options& options, supervisor& runner,
                 const std::string& directory) {
  std::size_t number = 0;
  for (int round = 0; round < options.rounds; ++round) {
    for (group& of : groups) {
      for (std::size_t turn = 0; turn < of.cells.size(); ++turn) {
        cell& one = of.cells[(turn + static_cast<std::size_t>(round)) % of.cells.size()];
        if (!one.failure.empty() || !one.unavailable.empty()) continue;
        measure_cell(of, one, round, options, runner, fmt::format("{}/{}", directory, ++number));
      }
    }
  }
}

}  // namespace bench
