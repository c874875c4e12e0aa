#include "tools/tour/verification.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

namespace sluice::tour {

namespace {

// How many elements are not part of the longest ascending subsequence.
std::size_t out_of_order(const std::vector<std::size_t>& positions) {
  std::vector<std::size_t> smallest_end;  // by length of the ascending sequence
  for (const std::size_t position : positions) {
    const auto place = std::ranges::lower_bound(smallest_end, position);
    if (place == smallest_end.end()) {
      smallest_end.push_back(position);
    } else {
      *place = position;
    }
  }
  return positions.size() - smallest_end.size();
}

}  // namespace

discrepancies& discrepancies::operator+=(const discrepancies& other) noexcept {
  lost += other.lost;
  extra += other.extra;
  different += other.different;
  reordered += other.reordered;
  return *this;
}

std::string discrepancies::to_text() const {
  std::string text;
  for (const auto& [count, what] :
       {std::pair{lost, "lost"}, std::pair{extra, "extra"}, std::pair{different, "different"},
        std::pair{reordered, "reordered"}}) {
    if (count != 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, what);
  }
  return text;
}

discrepancies compare(std::span<const digest> sent, std::span<const digest> received) {
  if (std::ranges::equal(sent, received)) return {};
  // Where each message stood that has not come yet. Equal messages stand in several places: one
  // that comes is taken for the first of them after the message before it.
  std::unordered_map<digest, std::set<std::size_t>> missing;
  for (std::size_t i = 0; i < sent.size(); ++i) missing[sent[i]].insert(i);
  discrepancies found{.lost = sent.size()};
  std::vector<std::size_t> positions;
  for (const digest one : received) {
    const auto known = missing.find(one);
    if (known == missing.end()) {
      ++found.different;
      continue;
    }
    std::set<std::size_t>& places = known->second;
    if (places.empty()) {
      ++found.extra;
      continue;
    }
    auto place = positions.empty() ? places.begin() : places.upper_bound(positions.back());
    if (place == places.end()) place = places.begin();
    positions.push_back(*place);
    places.erase(place);
    --found.lost;
  }
  found.reordered = out_of_order(positions);
  return found;
}

discrepancies compare(std::span<const message_set> dealt, std::span<const digest> received) {
  if (dealt.size() == 1) return compare(dealt.front().digests, received);
  std::vector<std::vector<digest>> lanes(dealt.size());
  for (const digest one : received) lanes[lane_of(one, dealt.size())].push_back(one);
  discrepancies found;
  for (std::size_t i = 0; i < dealt.size(); ++i) found += compare(dealt[i].digests, lanes[i]);
  return found;
}

}  // namespace sluice::tour
