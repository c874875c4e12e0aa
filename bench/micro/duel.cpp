#include "duel.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace bench {

duel::duel(contest both, const duel_options& options) : both_(std::move(both)), options_(options) {
  // Twice as many until they take long enough to be scaled from.
  double seconds = both_(side::raw, messages_).seconds;
  while (seconds < options_.segment_seconds / 4) {
    messages_ *= 2;
    seconds = both_(side::raw, messages_).seconds;
  }
  const double wanted = static_cast<double>(messages_) * options_.segment_seconds / seconds;
  messages_ = std::max<std::uint64_t>(16, static_cast<std::uint64_t>(wanted));
  both_(side::sluice, messages_);
  both_(side::raw, messages_);
}

const round_figures& duel::fight() {
  const side outer = rounds_.size() % 2 == 0 ? side::sluice : side::raw;
  const side inner = outer == side::sluice ? side::raw : side::sluice;
  const segment first = both_(outer, messages_);
  const segment second = both_(inner, messages_);
  const segment third = both_(inner, messages_);
  const segment fourth = both_(outer, messages_);
  const double outer_seconds = first.seconds + fourth.seconds;
  const double inner_seconds = second.seconds + third.seconds;
  const double outer_cpu = first.cpu_seconds + fourth.cpu_seconds;
  const double inner_cpu = second.cpu_seconds + third.cpu_seconds;
  const bool sluice_is_outer = outer == side::sluice;
  const double each = 2 * static_cast<double>(messages_);
  rounds_.push_back({.sluice_seconds = (sluice_is_outer ? outer_seconds : inner_seconds) / each,
                     .raw_seconds = (sluice_is_outer ? inner_seconds : outer_seconds) / each,
                     .cpu_ratio = sluice_is_outer ? outer_cpu / inner_cpu : inner_cpu / outer_cpu,
                     .is_steady = are_close(first, fourth) && are_close(second, third)});
  return rounds_.back();
}

bool duel::are_close(const segment& one, const segment& other) const noexcept {
  const auto [fast, slow] = std::minmax(one.seconds, other.seconds);
  return slow <= fast * options_.steady;
}

std::size_t duel::unsteady_rounds() const noexcept {
  return static_cast<std::size_t>(std::ranges::count(rounds_, false, &round_figures::is_steady));
}

spread duel::of(const std::function<double(const round_figures&)>& figure) const {
  const bool all = (rounds_.size() - unsteady_rounds()) * 4 < rounds_.size();
  std::vector<double> figures;
  for (const round_figures& one : rounds_) {
    if (all || one.is_steady) figures.push_back(figure(one));
  }
  return spread::of(std::move(figures));
}

}  // namespace bench
