#include "stage.hpp"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

namespace bench {

namespace {

constexpr int looks_before_sleep = 2000;
constexpr std::size_t probe_chunks = 5;
constexpr std::uint64_t hand_overs_per_chunk = 200;
constexpr std::uint64_t wake_ups_per_chunk = 20;
constexpr std::uint64_t first_try = 4;

}  // namespace

double monotonic_seconds() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void stage::meet() noexcept {
  std::atomic<std::uint32_t>& generation = page_.generation.value;
  const std::uint32_t mine = generation.load();
  if (page_.arrived.value.fetch_add(1) == 1) {
    page_.arrived.value.store(0);
    generation.store(mine + 1);
    futex_wake(generation);
    return;
  }
  // On one core the other one cannot come while we look.
  const int looks = pace_.where == placement::two_cores ? looks_before_sleep : 0;
  for (int look = 0; look < looks && generation.load() == mine; ++look) cpu_pause();
  while (generation.load() == mine) futex_wait(generation, mine);
}

void stage::perform(starts whose, const mover& move) {
  const double before = probe();
  if (me_ == side::follower) {
    misbehave();
    follow(move);
    static_cast<void>(probe());
    return;
  }
  lead(whose, move);
  page_.outcome.probe_before = before;
  page_.outcome.probe_after = probe();
}

void stage::misbehave() const {
  if (pace_.on_purpose == sabotage::die) ::raise(SIGKILL);
  while (pace_.on_purpose == sabotage::hang) ::pause();
}

double stage::move_timed(const batch& next, const mover& move) {
  const costs before = costs::so_far();
  page_.started_at[index()] = monotonic_seconds();
  const double reported = move(next);
  stopped_at_ = monotonic_seconds();
  page_.used[index()] = costs::so_far() - before;
  next_message_ += next.count;
  return reported;
}

// Has both sides do that many and returns how long they took.
stage::duration stage::ordered(std::uint64_t count, starts whose, const mover& move) {
  page_.order = count;
  meet();
  const double reported =
      move_timed({next_message_, count, pace_.on_purpose == sabotage::spoil}, move);
  meet();
  const double began = page_.started_at[whose == starts::leader ? 0 : 1];
  const double wall = std::max(stopped_at_ - began, 1e-9);
  return {.wall = wall, .reported = reported == by_the_clock ? wall : reported};
}

void stage::lead(starts whose, const mover& move) {
  std::uint64_t count = pace_.messages;
  if (count == 0) {
    // More and more until they take long enough to be scaled from.
    std::uint64_t tried = first_try;
    double seconds = ordered(tried, whose, move).wall;
    while (seconds < pace_.seconds / 4) {
      tried *= 4;
      seconds = ordered(tried, whose, move).wall;
    }
    const double wanted = static_cast<double>(tried) * pace_.seconds / seconds;
    count = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(wanted));
  } else {
    ordered(std::max<std::uint64_t>(1, count / 8), whose, move);
  }
  const duration took = ordered(count, whose, move);
  page_.outcome.seconds = took.reported;
  page_.outcome.wall_seconds = took.wall;
  page_.outcome.messages = count;
  page_.outcome.used = page_.used;
  page_.outcome.cpu_seconds = page_.used[0].cpu_seconds + page_.used[1].cpu_seconds;
  page_.order = 0;
  meet();
}

void stage::follow(const mover& move) {
  for (;;) {
    meet();
    if (page_.order == 0) return;
    move_timed({next_message_, page_.order, pace_.on_purpose == sabotage::spoil}, move);
    meet();
  }
}

// The middle of several short ones: what interrupts a core for a moment is not its place.
double stage::probe() noexcept {
  std::array<double, probe_chunks> chunks{};
  meet();
  for (double& chunk : chunks) {
    chunk = pace_.where == placement::two_cores ? hand_over(hand_overs_per_chunk)
                                                : wake_up(wake_ups_per_chunk);
  }
  std::ranges::sort(chunks);
  return chunks[probe_chunks / 2];
}

// The ball goes there and back by polling. Each side writes one line and reads the other.
double stage::hand_over(std::uint64_t round_trips) noexcept {
  std::atomic<std::uint64_t>& mine = page_.balls[index()].value;
  const std::atomic<std::uint64_t>& other = page_.balls[1 - index()].value;
  const double began = monotonic_seconds();
  for (std::uint64_t trip = 0; trip < round_trips; ++trip) {
    ++ball_;
    if (me_ == side::leader) mine.store(ball_, std::memory_order_release);  // with the load below
    while (other.load(std::memory_order_acquire) != ball_) cpu_pause();
    if (me_ == side::follower) mine.store(ball_, std::memory_order_release);  // with the load above
  }
  return (monotonic_seconds() - began) / static_cast<double>(2 * round_trips);
}

// The same asleep, for two processes on one core.
double stage::wake_up(std::uint64_t round_trips) noexcept {
  std::atomic<std::uint32_t>& mine = page_.turns[index()].value;
  const std::atomic<std::uint32_t>& other = page_.turns[1 - index()].value;
  const auto pass_on = [&] {
    mine.store(turn_);
    futex_wake(mine);
  };
  const double began = monotonic_seconds();
  for (std::uint64_t trip = 0; trip < round_trips; ++trip) {
    ++turn_;
    if (me_ == side::leader) pass_on();
    while (other.load() != turn_) futex_wait(other, turn_ - 1);
    if (me_ == side::follower) pass_on();
  }
  return (monotonic_seconds() - began) / static_cast<double>(2 * round_trips);
}

}  // namespace bench
