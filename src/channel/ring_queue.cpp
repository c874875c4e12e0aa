#include <algorithm>
#include <sluice/channel/ring_queue.hpp>
#include <utility>

#include "channel/ring_options.hpp"
#include "channel/ring_queue_words.hpp"

namespace sluice {

namespace {

result<ring::geometry> shape_of(const ring_queue_options& options, ring_departure usual) {
  constexpr std::uint32_t most_receivers = 64;  // the bits of queue_words::sleepers
  if (options.max_senders > ring::layout::max_lanes || options.max_receivers > most_receivers)
    return failure{std::errc::invalid_argument, "ring_queue",
                   "at most 256 senders and 64 receivers"};
  const std::uint32_t agreed =
      ring_options::packed(options.departure.value_or(usual), options.when_full) |
      static_cast<std::uint32_t>(options.delivery) << ring_options::delivery_shift;
  return ring::geometry{.kind = ring::segment_kind::queue,
                        .senders = options.max_senders,
                        .receivers = options.max_receivers,
                        .lanes = options.max_senders,
                        .extra_bytes = ring::queue_view::bytes_for(options.max_senders),
                        .capacity_bytes = options.capacity_bytes,
                        .options = agreed};
}

// The numbers of a queue that was made elsewhere: what its words need must be there.
result<ring_memory> checked(result<ring_memory> memory) {
  if (!memory) return memory;
  const ring::geometry& shape = memory->shape();
  if (shape.lanes == shape.senders && shape.receivers <= 64 &&
      shape.extra_bytes == ring::queue_view::bytes_for(shape.lanes))
    return memory;
  return failure{errc::corrupt, "ring_queue", "these numbers cannot be those of a queue"};
}

}  // namespace

result<ring_queue> ring_queue::create(std::string_view name, const ring_queue_options& options) {
  auto shape = shape_of(options, ring_departure::await_successor);
  if (!shape) return failure{shape.error()};
  auto memory = ring_memory::create(name, *shape, options.name);
  if (!memory) return failure{memory.error()};
  return ring_queue{std::move(*memory)};
}

result<ring_queue> ring_queue::open(std::string_view name, const ring_name_options& options) {
  auto memory = checked(ring_memory::open(name, ring::segment_kind::queue, options));
  if (!memory) return failure{memory.error()};
  return ring_queue{std::move(*memory)};
}

result<ring_queue> ring_queue::open_or_create(std::string_view name,
                                              const ring_queue_options& options) {
  auto shape = shape_of(options, ring_departure::await_successor);
  if (!shape) return failure{shape.error()};
  auto memory = ring_memory::open_or_create(name, *shape, options.name);
  if (!memory) return failure{memory.error()};
  return ring_queue{std::move(*memory)};
}

result<ring_queue> ring_queue::create_anonymous(const ring_queue_options& options) {
  auto shape = shape_of(options, ring_departure::report);
  if (!shape) return failure{shape.error()};
  auto memory = ring_memory::create_anonymous(*shape);
  if (!memory) return failure{memory.error()};
  return ring_queue{std::move(*memory)};
}

result<ring_queue> ring_queue::from_native(unique_fd fd) {
  auto memory = checked(ring_memory::from_native(std::move(fd), ring::segment_kind::queue));
  if (!memory) return failure{memory.error()};
  return ring_queue{std::move(*memory)};
}

ring_queue_counters ring_queue::counters() const noexcept {
  return ring_queue_words::counters_of(memory_);
}

std::size_t ring_queue::max_message_bytes() const noexcept {
  return memory_.lane(0).max_message_bytes();
}

}  // namespace sluice
