#include "tools/tour/messages.hpp"

#include <xxhash.h>

#include <algorithm>

namespace sluice::tour {

digest digest_of(const_bytes message) noexcept {
  return XXH3_64bits(message.data(), message.size());
}

void message_set::add(const_bytes message, digest expected) {
  messages.push_back(message);
  digests.push_back(expected);
  total_bytes += message.size();
  largest_bytes = std::max(largest_bytes, message.size());
}

message_set sample_of(const message_set& all, std::size_t count, std::size_t most_bytes) {
  if (all.size() <= count && all.total_bytes <= most_bytes) return all;
  count = std::min(count, all.size());
  message_set sample{.kind = all.kind};
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t chosen = i * all.size() / count;
    const std::size_t bytes = sample.total_bytes + all.messages[chosen].size();
    if (sample.size() != 0 && bytes > most_bytes) break;
    sample.add(all.messages[chosen], all.digests[chosen]);
  }
  return sample;
}

std::vector<message_set> deal(const message_set& all, std::size_t lanes) {
  if (lanes == 1) return {all};
  std::vector<message_set> dealt(lanes, message_set{.kind = all.kind});
  for (std::size_t i = 0; i < all.size(); ++i)
    dealt[lane_of(all.digests[i], lanes)].add(all.messages[i], all.digests[i]);
  return dealt;
}

}  // namespace sluice::tour
