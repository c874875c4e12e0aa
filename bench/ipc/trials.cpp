#include "trials.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "contest.hpp"
#include "machine.hpp"

namespace bench {

namespace {

const std::vector<std::size_t> fan_sizes{8, 64, 256};
constexpr std::size_t cost_bytes = 64;
constexpr std::array<std::size_t, 3> sender_counts{1, 2, 4};
constexpr std::array<std::size_t, 3> subscriber_counts{1, 2, 4};
constexpr const char* idle_floor_name = "futex_capped";

/// Adds trials that were asked for, and the set if it has any.
class collector {
 public:
  explicit collector(const run_options& options) : options_(options) {}

  /// Whether a measure of that name is wanted with it. Crews sleep when they wait.
  [[nodiscard]] bool wants(std::string_view measure, const crew_transport& one) const {
    const bool is_blocking = !options_.mode || *options_.mode == waiting::blocking;
    return is_blocking && options_.wants_measure(measure) &&
           (one.what == role::floor || options_.wants_mechanism(one.name));
  }

  /// A trial for which nothing is known yet: label, role, how to make it, messages if they are
  /// given, and why it cannot be had.
  void add(trial_set& to, trial one) const {
    one.name = to.name + "/" + one.label;
    if (options_.has_name(one.name)) to.trials.push_back(std::move(one));
  }
  void keep(trial_set set) {
    if (!set.trials.empty()) all_.push_back(std::move(set));
  }
  [[nodiscard]] std::vector<trial_set> take() { return std::move(all_); }

 private:
  const run_options& options_;
  std::vector<trial_set> all_;
};

/// Where the members of a fan sit: the first one on a core of its own, the others together on
/// another one, or each by itself.
struct seating {
  const char* name;
  bool is_apart;

  [[nodiscard]] std::vector<int> cores() const {
    if (is_apart) return allowed_cores();
    return {allowed_cores().front(), allowed_cores().back()};
  }
  /// Why so many others cannot sit there. One other alone says nothing that the rest is not told
  /// of.
  [[nodiscard]] std::string reason_against(std::size_t others) const {
    const std::size_t wanted = is_apart ? std::max<std::size_t>(3, others + 1) : 2;
    const std::size_t have = allowed_cores().size();
    if (have >= wanted) return "";
    return fmt::format("it takes {} cores, and this process may use {}", wanted, have);
  }
};

using fan_maker = std::function<crew(const task&, std::size_t)> crew_transport::*;

void add_fans(collector& to, const std::vector<crew_transport>& all, trial_set set,
              const seating& where, fan_maker maker, std::span<const std::size_t> counts) {
  const std::string measure = set.name;
  set.name += fmt::format("/{}/{}", set.message_bytes, where.name);
  set.cores = where.cores();
  for (const crew_transport& one : all) {
    if (!(one.*maker) || set.message_bytes > one.most_bytes) continue;
    if (!to.wants(measure, one)) continue;
    for (const std::size_t count : counts)
      to.add(set, {.label = fmt::format("{}_{}", one.name, count),
                   .what = one.what,
                   .make = [make = one.*maker,
                            count](const task& wanted) { return make(wanted, count); },
                   .unavailable = where.reason_against(count)});
  }
  to.keep(std::move(set));
}

void add_costs(collector& to, const std::vector<crew_transport>& all, const run_options& options) {
  const bool has_two = allowed_cores().size() > 1;
  trial_set slow{
      .name = fmt::format("slow_sender/{}/{}", cost_bytes, has_two ? "two_cores" : "one_core"),
      .what = quantity::cpu_per_message,
      .message_bytes = cost_bytes,
      .cores = {allowed_cores().front(), allowed_cores().back()},
      .idle_seconds = 0,
  };
  trial_set idle = slow;
  idle.name = fmt::format("idle/{}", has_two ? "two_cores" : "one_core");
  idle.what = quantity::cpu_per_second;
  idle.idle_seconds = options.idle_seconds;
  idle.floor_label = idle_floor_name;  // a pipe sleeps without an end
  for (const crew_transport& one : all) {
    if (one.slow_sender && to.wants("slow_sender", one))
      to.add(slow, {.label = one.name,
                    .what = one.what,
                    .make = one.slow_sender,
                    .messages = static_cast<std::uint64_t>(options.slow_messages)});
    if (one.idle && to.wants("idle", one))
      to.add(idle, {.label = one.name, .what = one.what, .make = one.idle, .messages = 1});
  }
  to.keep(std::move(slow));
  to.keep(std::move(idle));
}

}  // namespace

std::vector<trial_set> all_trials(const run_options& options) {
  const std::vector<crew_transport> all = all_crew_transports();
  const std::vector<std::size_t>& sizes = options.sizes.empty() ? fan_sizes : options.sizes;
  collector found{options};
  for (const std::size_t size : sizes) {
    for (const seating& where : {seating{"senders_on_one_core", false}, seating{"apart", true}})
      add_fans(found, all, {.name = "fan_in", .message_bytes = size}, where,
               &crew_transport::fan_in, sender_counts);
  }
  for (const std::size_t size : sizes) {
    for (const seating& where : {seating{"subscribers_on_one_core", false}, seating{"apart", true}})
      add_fans(found, all, {.name = "fan_out", .message_bytes = size, .tells_lost = true}, where,
               &crew_transport::fan_out, subscriber_counts);
  }
  add_costs(found, all, options);
  return found.take();
}

double trial_set::figure(const trial_round& of) const noexcept {
  switch (what) {
    case quantity::rate:
      return static_cast<double>(of.messages) / of.seconds;
    case quantity::cpu_per_message:
      return of.cpu_seconds / static_cast<double>(of.messages);
    case quantity::cpu_per_second:
      return of.cpu_seconds / of.seconds;
  }
  return 0;
}

spread trial_set::figures_of(const trial& of) const {
  std::vector<double> all;
  for (const trial_round& seen : of.rounds) {
    if (seen.kept()) all.push_back(figure(seen));
  }
  return spread::of(std::move(all));
}

std::vector<double> trial_set::ratios(const trial& one, const trial& other) const {
  std::vector<double> all;
  for (const trial_round& seen : one.rounds) {
    const auto beside = std::ranges::find(other.rounds, seen.round, &trial_round::round);
    if (!seen.kept() || beside == other.rounds.end() || !beside->kept()) continue;
    const bool has_probes = seen.probe_before > 0;
    if (has_probes && !same_placement(seen.probe_before, beside->probe_before)) continue;
    all.push_back(figure(seen) / figure(*beside));
  }
  return all;
}

namespace {

const trial* labelled(const trial_set& in, const std::string& label) {
  const auto found = std::ranges::find(in.trials, label, &trial::label);
  return found == in.trials.end() ? nullptr : &*found;
}

// "_2" of "ring_queue_2"; "" where nothing is counted.
std::string count_of(const trial_set& in, const trial& of) {
  return in.what == quantity::rate ? of.label.substr(of.label.rfind('_')) : "";
}

}  // namespace

const trial* trial_set::alone(const trial& of) const {
  if (what != quantity::rate || count_of(*this, of) == "_1") return nullptr;
  return labelled(*this, of.label.substr(0, of.label.rfind('_')) + "_1");
}

const trial* trial_set::floor_of(const trial& of) const {
  const trial* found = labelled(*this, floor_label + count_of(*this, of));
  return found == &of ? nullptr : found;
}

namespace {

/// A round changes the number of messages of the next one by this factor at most.
constexpr double most_change = 4;
constexpr std::uint64_t first_try = 64;

/// How far apart the two cores are: a cell that moves nothing.
double probe(supervisor& runner) {
  const auto stand_still = [](stage& here) {
    here.perform(stage::starts::leader, [](const batch&) { return stage::by_the_clock; });
  };
  const pace how{.where = placement::two_cores, .messages = 1};
  const run_result seen =
      runner.run(how, [&] { return bodies{.leader = stand_still, .follower = stand_still}; });
  if (!seen.failure.empty()) throw std::runtime_error{"the probe failed: " + seen.failure};
  return seen.measured.probe_after;
}

crew_result run_once(const trial_set& of, const trial& one, const run_options& options,
                     std::uint64_t messages, const supervisor& runner, const std::string& address) {
  task wanted;
  wanted.link.message_bytes = of.message_bytes;
  wanted.link.memory_bytes = cell_memory(of.message_bytes, options.ring_bytes);
  wanted.link.wait = options.wait;
  wanted.link.address = address;
  wanted.cores = of.cores;
  wanted.messages = messages;
  wanted.idle_seconds = of.idle_seconds;
  wanted.on_purpose = options.on_purpose;
  // What is slow on purpose has its time besides.
  const double slow_seconds = of.what == quantity::cpu_per_message
                                  ? std::chrono::duration<double>{between_slow_messages}.count() *
                                        2 * static_cast<double>(messages + wanted.warm_up())
                                  : 0;
  return run_crew(runner, runner.limit_seconds() + of.idle_seconds + slow_seconds,
                  [&] { return one.make(wanted); });
}

}  // namespace

void measure_trial(const trial_set& of, trial& one, int round, const run_options& options,
                   supervisor& runner, const std::string& address) {
  const bool is_scaled = of.what == quantity::rate;
  std::uint64_t messages = std::max(one.messages, first_try);
  if (!is_scaled) messages = one.messages;
  // Where the cores are does not change what it costs to sleep.
  const double before = is_scaled ? probe(runner) : 0;
  crew_result result;
  for (;;) {
    result = run_once(of, one, options, messages, runner, address);
    const bool finds_out = is_scaled && one.messages == 0 && result.failure.empty();
    if (!finds_out || result.seconds >= options.cell_seconds() / 4) break;
    messages *= 4;
  }
  one.failure = result.failure;
  if (!one.failure.empty()) return;
  trial_round seen{.round = round,
                   .messages = messages,
                   .seconds = result.seconds,
                   .cpu_seconds = result.cpu_seconds,
                   .lost_share = result.lost_share,
                   .probe_before = before,
                   .probe_after = is_scaled ? probe(runner) : 0,
                   .moved = false};
  seen.moved = before > 0 && !same_placement(before, seen.probe_after);
  one.rounds.push_back(seen);
  if (!is_scaled) return;
  const double change =
      std::clamp(options.cell_seconds() / result.seconds, 1 / most_change, most_change);
  // Each of several senders has the same share of them.
  const auto next = static_cast<std::uint64_t>(static_cast<double>(messages) * change);
  one.messages = std::max(first_try, next / max_crew * max_crew);
}

}  // namespace bench
