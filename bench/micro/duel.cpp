#include "duel.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace bench {

spread spread::of(std::vector<double> figures) {
  if (figures.empty()) return {};
  std::ranges::sort(figures);
  const auto at = [&](double share) {
    return figures[static_cast<std::size_t>(share * static_cast<double>(figures.size() - 1) + 0.5)];
  };
  return {.min = figures.front(),
          .low = at(0.25),
          .median = at(0.5),
          .high = at(0.75),
          .max = figures.back()};
}

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
  const segment first = both_(side::sluice, messages_);
  const segment second = both_(side::raw, messages_);
  const segment third = both_(side::raw, messages_);
  const segment fourth = both_(side::sluice, messages_);
  const double each = 2 * static_cast<double>(messages_);
  const auto [fast, slow] = std::minmax(second.seconds, third.seconds);
  rounds_.push_back({.sluice_seconds = (first.seconds + fourth.seconds) / each,
                     .raw_seconds = (second.seconds + third.seconds) / each,
                     .cpu_ratio = (first.cpu_seconds + fourth.cpu_seconds) /
                                  (second.cpu_seconds + third.cpu_seconds),
                     .is_steady = slow <= fast * options_.steady});
  return rounds_.back();
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
