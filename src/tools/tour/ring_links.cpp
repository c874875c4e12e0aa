#include "tools/tour/ring_links.hpp"

#include <bit>

namespace sluice::tour {

result<ring_channel_link> ring_channel_link::create(const link_options& options) {
  // With its header the largest message takes half of a ring.
  const std::size_t needed = 2 * (options.max_message_bytes + ring::record_header::size_bytes);
  return ring_channel::create_anonymous(
             {.capacity_bytes = std::bit_ceil(std::max(needed, std::size_t{1} << 20))})
      .transform([](ring_channel&& ring) { return ring_channel_link{std::move(ring)}; });
}

result<ring_sender> ring_channel_link::sender() && { return ring_sender::attach(*ring_); }

result<ring_receiver> ring_channel_link::receiver() && { return ring_receiver::attach(*ring_); }

}  // namespace sluice::tour
