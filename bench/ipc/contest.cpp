#include "contest.hpp"

#include <fmt/format.h>

#include <algorithm>

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
const std::vector<std::size_t> produced_sizes{kibi, 16 * kibi, 256 * kibi, kibi* kibi};

/// Whether a transport can do what a group measures, with messages of that size.
bool offers(const transport& one, const group& of) {
  switch (of.what) {
    case measure::latency:
      return one.latency_sizes.holds(of.message_bytes);
    case measure::throughput:
      return one.throughput_sizes.holds(of.message_bytes);
    case measure::wake:
      return one.wake && one.latency_sizes.holds(of.message_bytes);
    case measure::open_loop:
      return one.paced && one.latency_sizes.holds(of.message_bytes);
    case measure::produced:
      return one.produced &&
             (one.throughput_sizes.holds(of.message_bytes) || one.throughput_sizes.to == 0);
    case measure::set_up:
      return one.set_up && one.latency_sizes.holds(of.message_bytes);
  }
  return false;
}

void add_group(std::vector<group>& to, group empty, const run_options& options,
               const std::vector<transport>& transports) {
  for (const transport& one : transports) {
    if (one.how != empty.how || !offers(one, empty)) continue;
    std::string name = empty.name() + "/" + one.name;
    if (!options.wants(one, measure_name(empty.what)) || !options.has_name(name)) continue;
    empty.cells.push_back({.name = std::move(name),
                           .subject = one,
                           .messages = 0,
                           .rounds = {},
                           .failure = "",
                           .unavailable = ""});
  }
  if (!empty.cells.empty()) to.push_back(std::move(empty));
}

const cell* best(const group& of, std::vector<const cell*> cells, role what) {
  std::erase_if(cells, [&](const cell* one) { return one->subject.what != what; });
  const auto found =
      std::ranges::min_element(cells, {}, [&](const cell* one) { return of.seconds(*one).median; });
  return found == cells.end() ? nullptr : *found;
}

bool has_figures(const cell& one) { return std::ranges::any_of(one.rounds, &observation::kept); }

}  // namespace

const char* measure_name(measure what) noexcept {
  switch (what) {
    case measure::latency:
      return "latency";
    case measure::throughput:
      return "throughput";
    case measure::wake:
      return "wake";
    case measure::open_loop:
      return "open_loop";
    case measure::produced:
      return "produced";
    case measure::set_up:
      return "set_up";
  }
  return "";
}

bool same_placement(double one, double other) noexcept {
  return one > 0 && other > 0 && std::max(one, other) <= placement_factor * std::min(one, other);
}

std::string group::name() const {
  const std::string told =
      rate > 0 ? fmt::format("{}_{:.0f}", measure_name(what), rate) : measure_name(what);
  return fmt::format("{}/{}/{}/{}", told, message_bytes,
                     how == waiting::polling ? "polling" : "blocking",
                     where == placement::two_cores ? "two_cores" : "one_core");
}

const cell* group::floor() const {
  std::vector<const cell*> all;
  for (const cell& one : cells) {
    if (has_figures(one)) all.push_back(&one);
  }
  if (is_rate() && how == waiting::polling) return best(*this, all, role::floor);
  // The first, if it is there, is what sleeps least.
  const std::string name = is_rate() || what == measure::open_loop || what == measure::set_up
                               ? "raw_pipe"
                           : how == waiting::blocking ? "futex_wake"
                           : pauses                   ? "hand_over_with_pause"
                                                      : "hand_over_without_pause";
  const auto found =
      std::ranges::find(all, name, [](const cell* one) { return one->subject.name; });
  return found == all.end() ? nullptr : *found;
}

const observation* group::find(const cell& of, int round) const {
  const auto found = std::ranges::find(of.rounds, round, &observation::round);
  return found == of.rounds.end() ? nullptr : &*found;
}

double group::seconds_per_message(const figures& raw) const noexcept {
  const double each = raw.seconds / static_cast<double>(raw.messages);
  return what == measure::latency ? each / 2 : each;
}

double group::per_message(const cell& of, std::uint64_t costs::*kind) const {
  const double messages_each = what == measure::latency ? 2 : 1;
  const spread all = over_rounds(of, [&](const observation& seen) {
    const costs both = seen.raw.used[0] + seen.raw.used[1];
    return static_cast<double>(both.*kind) /
           (static_cast<double>(seen.raw.messages) * messages_each);
  });
  return all.median;
}

spread group::over_rounds(const cell& of,
                          const std::function<double(const observation&)>& figure) const {
  std::vector<double> all;
  for (const observation& seen : of.rounds) {
    if (seen.kept()) all.push_back(figure(seen));
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

delay_histogram::entries group::delays(const cell& of) const {
  std::vector<const delay_histogram::entries*> all;
  for (const observation& seen : of.rounds) {
    if (seen.kept()) all.push_back(&seen.delays);
  }
  return merged(all);
}

const cell* group::raw(const cell& of) const {
  if (of.subject.raw.empty()) return nullptr;
  for (const cell& one : cells) {
    if (one.subject.name == of.subject.raw && has_figures(one)) return &one;
  }
  return nullptr;
}

group::comparison group::against(const cell& one, const cell& other) const {
  std::vector<double> ratios;
  for (const observation& seen : one.rounds) {
    const observation* beside = find(other, seen.round);
    if (!seen.kept() || beside == nullptr || !beside->kept()) continue;
    if (!same_placement(seen.raw.probe_before, beside->raw.probe_before)) continue;
    const double times = seconds_per_message(seen.raw) / seconds_per_message(beside->raw);
    ratios.push_back(is_rate() ? 1 / times : times);
  }
  const std::size_t count = ratios.size();
  return {.ratio = spread::of(std::move(ratios)), .rounds = count};
}

std::vector<const cell*> group::others_of(const cell& one) const {
  std::vector<const cell*> others;
  for (const cell& other : cells) {
    if (&other != &one && has_figures(other)) others.push_back(&other);
  }
  return others;
}

const cell* group::best_rival(const cell& of) const {
  return best(*this, others_of(of), role::rival);
}

namespace {

// Polling for somebody who cannot run is no use, two cores take two, and on one core every message
// of a ping-pong wakes a sleeper.
bool is_possible(measure what, waiting how, placement where) {
  const bool takes_two = what == measure::wake || what == measure::open_loop;
  if (what == measure::set_up) return how == waiting::blocking && where == placement::one_core;
  if (what == measure::wake && how == waiting::polling) return false;
  if (where == placement::one_core) return how == waiting::blocking && !takes_two;
  return allowed_cores().size() > 1;
}

std::vector<std::size_t> sizes_of(measure what, const run_options& options) {
  if (what == measure::wake) return {word_bytes};
  if (!options.sizes.empty()) return options.sizes;
  switch (what) {
    case measure::open_loop:
    case measure::set_up:
      return {short_message_bytes};
    case measure::produced:
      return produced_sizes;
    case measure::latency:
      return latency_sizes;
    default:
      return throughput_sizes;
  }
}

std::vector<double> rates_of(measure what) {
  if (what == measure::open_loop) return {10'000, 100'000};
  return {0};
}

}  // namespace

std::vector<group> all_groups(const run_options& options) {
  const std::vector<transport> transports = all_transports();
  std::vector<group> groups;
  const auto add_all_sizes = [&](waiting how, measure what, double rate) {
    for (const std::size_t size : sizes_of(what, options)) {
      for (const placement where : {placement::two_cores, placement::one_core}) {
        if (!is_possible(what, how, where)) continue;
        add_group(groups,
                  {.what = what,
                   .message_bytes = size,
                   .how = how,
                   .where = where,
                   .pauses = options.wait.pauses > 0,
                   .rate = rate,
                   .cells = {}},
                  options, transports);
      }
    }
  };
  for (const waiting how : {waiting::polling, waiting::blocking}) {
    for (const measure what : {measure::latency, measure::wake, measure::open_loop,
                               measure::throughput, measure::produced, measure::set_up}) {
      for (const double rate : rates_of(what)) add_all_sizes(how, what, rate);
    }
  }
  return groups;
}

namespace {

/// Of who polls: less processor time than this share of the time that passed was not all of it.
constexpr double share_of_core = 0.9;
/// A round changes the number of messages of the next one by this factor at most.
constexpr double most_change = 4;

bodies open(const group& of, const transport& one, const link_options& link) {
  switch (of.what) {
    case measure::latency:
      return one.latency(link);
    case measure::throughput:
      return one.throughput(link);
    case measure::wake:
      return one.wake(link);
    case measure::open_loop:
      return one.paced(link, of.rate);
    case measure::produced:
      return one.produced(link);
    case measure::set_up:
      return one.set_up(link);
  }
  return {};
}

void add(const group& of, cell& one, int round, const run_result& result, double wanted_seconds) {
  const figures& measured = result.measured;
  const bool polls = of.how == waiting::polling;
  const bool moved = !same_placement(measured.probe_before, measured.probe_after);
  const bool disturbed = polls && measured.cpu_seconds < share_of_core * 2 * measured.wall_seconds;
  one.rounds.push_back(
      {.round = round,
       .raw = measured,
       .delays = of.what == measure::open_loop ? result.delays : delay_histogram::entries{},
       .moved = moved,
       .disturbed = disturbed});
  if (of.rate > 0) return;
  const double change =
      std::clamp(wanted_seconds / measured.wall_seconds, 1 / most_change, most_change);
  one.messages = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(static_cast<double>(measured.messages) * change));
}

}  // namespace

void measure_cell(const group& of, cell& one, int round, const run_options& options,
                  supervisor& runner, const std::string& address) {
  const link_options link{.message_bytes = of.message_bytes,
                          .memory_bytes = cell_memory(of.message_bytes, options.ring_bytes),
                          .wait = options.wait,
                          .address = address};
  if (of.rate > 0)
    one.messages =
        std::max<std::uint64_t>(1, static_cast<std::uint64_t>(of.rate * options.open_loop_seconds));
  const pace how{.where = of.where,
                 .seconds = options.cell_seconds(),
                 .messages = one.messages,
                 .on_purpose = options.on_purpose};
  try {
    const run_result result = runner.run(how, [&] { return open(of, one.subject, link); });
    if (!result.failure.empty()) {
      one.failure = result.failure;
      return;
    }
    add(of, one, round, result, options.cell_seconds());
  } catch (const unavailable& why) {
    one.unavailable = why.what();
  } catch (const interrupted&) {
    throw;
  } catch (const std::exception& failed) {
    one.failure = failed.what();
  }
}

}  // namespace bench
