#include "search.hpp"

#include <algorithm>
#include <bit>

namespace sluice::weak {

bool are_dependent(const operation& a, const operation& b) noexcept {
  const auto is_nothing = [](const operation& one) {
    return one.word == operation::no_word && one.what != action::fence &&
           one.what != action::barrier;
  };
  if (is_nothing(a) || is_nothing(b)) return false;
  if (a.what == action::barrier || b.what == action::barrier) return true;
  if (a.what == action::fence || b.what == action::fence) return a.what == b.what;
  return a.word == b.word && !(a.what == action::load && b.what == action::load);
}

void search::begin(std::size_t threads) {
  depth_ = 0;
  threads_ = threads;
  asleep_ = 0;
  pending_ = {};
  seen_ = {};
  is_cut_ = false;
}

void search::follows(std::size_t thread, std::size_t other) noexcept {
  for (std::size_t one = 0; one < max_threads; ++one)
    seen_[thread][one] = std::max(seen_[thread][one], seen_[other][one]);
}

std::optional<std::size_t> search::pick(std::uint32_t ready, std::size_t current) {
  if (ready == 0) return std::nullopt;
  if (depth_ == path_.size()) {
    if (!walks_all_) find_races();
    const std::uint32_t awake = walks_all_ ? ready : ready & ~asleep_;
    if (awake == 0) {
      is_cut_ = true;
      return std::nullopt;
    }
    const std::size_t first =
        ((awake >> current) & 1) != 0 ? current : static_cast<std::size_t>(std::countr_zero(awake));
    path_.push_back({.is_turn = true,
                     .chosen = first,
                     .ready = ready,
                     .wanted = walks_all_ ? ready : 1U << first,
                     .asleep = walks_all_ ? 0 : asleep_});
  }
  node& here = path_[depth_++];
  take_turn(here);
  return here.chosen;
}

// Whether it matters that what was done came before what is done next. A load that comes after a
// store may read what was before it, and so need not come before it; `read_from` tells what it
// read.
bool search::matters(const operation& before, const operation& next) noexcept {
  if (!are_dependent(before, next)) return false;
  return next.what != action::load ||
         (before.what != action::store && before.what != action::modify);
}

void search::read_from(std::size_t thread, std::size_t turn) noexcept {
  clock& now = seen_[thread];
  for (std::size_t one = 0; one < max_threads; ++one)
    now[one] = std::max(now[one], path_[turn].after[one]);
  path_[turns_[thread]].after = now;
}

// What is pending may have come before something that was done: where that was done, it is to be
// tried instead.
void search::find_races() {
  for (std::size_t thread = 0; thread < threads_; ++thread) {
    for (std::size_t place = path_.size(); place-- != 0;) {
      node& then = path_[place];
      if (!then.is_turn || then.chosen == thread || seen_[thread][then.chosen] > place ||
          !matters(then.what, pending_[thread]))
        continue;
      const std::uint32_t mine = 1U << thread;
      then.wanted |= (then.ready & mine) != 0 ? mine : then.ready;
      break;
    }
  }
}

void search::take_turn(node& here) {
  const std::size_t who = here.chosen;
  turns_[who] = depth_ - 1;
  here.what = pending_[who];
  clock now = seen_[who];
  for (std::size_t place = 0; place + 1 < depth_; ++place) {
    const node& before = path_[place];
    if (!before.is_turn || now[before.chosen] > place || !matters(before.what, here.what)) continue;
    for (std::size_t one = 0; one < max_threads; ++one)
      now[one] = std::max(now[one], before.after[one]);
  }
  now[who] = static_cast<std::uint32_t>(depth_);
  here.after = seen_[who] = now;
  asleep_ = 0;
  for (std::size_t other = 0; other < threads_; ++other) {
    const bool may_sleep = ((here.asleep | here.tried) >> other & 1) != 0 && other != who;
    if (may_sleep && !are_dependent(pending_[other], here.what)) asleep_ |= 1U << other;
  }
}

std::size_t search::choose(std::size_t ways) {
  if (ways <= 1) return 0;
  if (depth_ == path_.size()) path_.push_back({.ways = ways});
  return path_[depth_++].chosen;
}

bool search::next_path() {
  if (is_cut_) ++cut_short_;
  // What was not reached on this path was left by who ended it.
  path_.resize(depth_);
  while (!path_.empty()) {
    node& last = path_.back();
    if (!last.is_turn) {
      if (++last.chosen < last.ways) return true;
    } else {
      last.tried |= 1U << last.chosen;
      const std::uint32_t left = last.wanted & ~last.tried & ~last.asleep;
      if (left != 0) {
        last.chosen = static_cast<std::size_t>(std::countr_zero(left));
        return true;
      }
    }
    path_.pop_back();
  }
  return false;
}

}  // namespace sluice::weak
