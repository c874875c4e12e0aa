#include <algorithm>
#include <sluice/channel/ring_topic.hpp>
#include <utility>

#include "channel/ring_topic_parts.hpp"

namespace sluice {

namespace {

result<ring::geometry> shape_of(const ring_topic_options& options, ring_departure usual) {
  // Numbers that are too large for any ring are ring_memory's to refuse.
  if (options.max_subscribers > ring::topic_layout::max_subscribers ||
      options.max_publishers > ring::layout::max_lanes)
    return failure{std::errc::invalid_argument, "ring_topic",
                   "a topic has 64 subscribers and 256 publishers at most"};
  const ring::topic_layout layout{options.max_publishers, options.max_subscribers};
  return ring::geometry{
      .kind = ring::segment_kind::topic,
      .senders = options.max_publishers,
      .receivers = options.max_subscribers,
      .lanes = options.max_publishers,
      .extra_bytes = layout.bytes(),
      .capacity_bytes = options.capacity_bytes,
      .options = ring_topic_parts::packed(options.departure.value_or(usual), options.when_full)};
}

// Memory of this kind whose numbers no topic can have is no topic.
result<ring_memory> checked(result<ring_memory> memory) {
  if (!memory) return memory;
  const ring::geometry& shape = memory->shape();
  const ring::topic_layout layout{shape.lanes, shape.receivers};
  if (shape.lanes == shape.senders && shape.receivers <= ring::topic_layout::max_subscribers &&
      shape.extra_bytes == layout.bytes())
    return memory;
  return failure{errc::corrupt, "ring_topic", "the numbers of this ring are not a topic's"};
}

}  // namespace

result<ring_memory> ring_topic::open_memory(std::string_view name,
                                            const ring_name_options& options) {
  return checked(ring_memory::open(name, ring::segment_kind::topic, options));
}

result<ring_topic> ring_topic::create(std::string_view name, const ring_topic_options& options) {
  auto shape = shape_of(options, ring_departure::await_successor);
  if (!shape) return failure{shape.error()};
  auto memory = ring_memory::create(name, *shape, options.name);
  if (!memory) return failure{memory.error()};
  return ring_topic{std::move(*memory)};
}

result<ring_topic> ring_topic::open(std::string_view name, const ring_name_options& options) {
  auto memory = open_memory(name, options);
  if (!memory) return failure{memory.error()};
  return ring_topic{std::move(*memory)};
}

result<ring_topic> ring_topic::open_or_create(std::string_view name,
                                              const ring_topic_options& options) {
  auto shape = shape_of(options, ring_departure::await_successor);
  if (!shape) return failure{shape.error()};
  auto memory = checked(ring_memory::open_or_create(name, *shape, options.name));
  if (!memory) return failure{memory.error()};
  return ring_topic{std::move(*memory)};
}

result<ring_topic> ring_topic::create_anonymous(const ring_topic_options& options) {
  auto shape = shape_of(options, ring_departure::report);
  if (!shape) return failure{shape.error()};
  auto memory = ring_memory::create_anonymous(*shape);
  if (!memory) return failure{memory.error()};
  return ring_topic{std::move(*memory)};
}

result<ring_topic> ring_topic::from_native(unique_fd fd) {
  auto memory = checked(ring_memory::from_native(std::move(fd), ring::segment_kind::topic));
  if (!memory) return failure{memory.error()};
  return ring_topic{std::move(*memory)};
}

ring_topic_counters ring_topic::counters() const noexcept {
  ring_topic_counters sum;
  const ring::geometry& shape = memory_.shape();
  for (std::uint32_t one = 0; one < shape.receivers; ++one) {
    const ring::participant_slot& slot = ring_topic_parts::slot_of(memory_, one);
    sum.received += slot.counters[0].load(std::memory_order_acquire);
    sum.lost += slot.counters[1].load(std::memory_order_relaxed);
  }
  for (std::uint32_t lane = 0; lane < shape.lanes; ++lane) {
    sum.sent += memory_.lane_control(lane).sent.load(std::memory_order_relaxed);
    sum.full += memory_.lane_control(lane).full.load(std::memory_order_relaxed);
  }
  return sum;
}

std::size_t ring_topic::max_message_bytes() const noexcept {
  return memory_.lane(0).max_message_bytes();
}

std::uint32_t ring_topic::subscribers() const noexcept {
  std::uint32_t count = 0;
  for (std::uint32_t one = 0; one < memory_.shape().receivers; ++one) {
    if (ring_topic_parts::has_joined(ring_topic_parts::slot_of(memory_, one))) ++count;
  }
  return count;
}

}  // namespace sluice
