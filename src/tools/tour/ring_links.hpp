#pragma once
// Rings in the tour: memory without a name, which the processes inherit, each to attach its end.

#include <bit>
#include <optional>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/channel/ring_publisher.hpp>
#include <sluice/channel/ring_queue.hpp>
#include <sluice/channel/ring_subscriber.hpp>
#include <sluice/channel/ring_topic.hpp>

#include "tools/tour/link.hpp"

namespace sluice::tour {

/// With its header the largest message takes half of a ring.
[[nodiscard]] constexpr std::size_t ring_capacity(const link_options& options) noexcept {
  const std::size_t needed = 2 * (options.max_message_bytes + ring::record_header::size_bytes);
  return std::bit_ceil(std::max(needed, std::size_t{1} << 20));
}

/// One direction over any of the rings.
template <class Ring, class Sender, class Receiver>
class ring_link {
 public:
  [[nodiscard]] static result<ring_link> create(const link_options& options) {
    return Ring::create_anonymous({.capacity_bytes = ring_capacity(options)})
        .transform([](Ring&& ring) { return ring_link{std::move(ring)}; });
  }
  [[nodiscard]] result<Sender> sender() && {
    auto made = Sender::attach(*ring_);
    // A topic is for those who are there.
    if (made) {
      if (auto met = made->wait_for_peer(deadline::never()); !met) return failure{met.error()};
    }
    return made;
  }
  [[nodiscard]] result<Receiver> receiver() && { return Receiver::attach(*ring_); }
  void leave_to(crew&) { ring_.reset(); }

 private:
  explicit ring_link(Ring ring) : ring_(std::move(ring)) {}
  std::optional<Ring> ring_;
};

using ring_channel_link = ring_link<ring_channel, ring_sender, ring_receiver>;
using ring_queue_link = ring_link<ring_queue, ring_queue_sender, ring_queue_receiver>;
using ring_topic_link = ring_link<ring_topic, ring_publisher, ring_subscriber>;

}  // namespace sluice::tour
