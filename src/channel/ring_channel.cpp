#include <sluice/channel/ring_channel.hpp>
#include <utility>

#include "channel/ring_options.hpp"

namespace sluice {

namespace {

ring::geometry shape_of(const ring_channel_options& options, ring_departure usual) {
  return {.kind = ring::segment_kind::channel,
          .senders = 1,
          .receivers = 1,
          .lanes = 1,
          .capacity_bytes = options.capacity_bytes,
          .options = ring_options::packed(options.departure.value_or(usual), options.when_full)};
}

}  // namespace

result<ring_channel> ring_channel::create(std::string_view name,
                                          const ring_channel_options& options) {
  auto memory =
      ring_memory::create(name, shape_of(options, ring_departure::await_successor), options.name);
  if (!memory) return failure{memory.error()};
  return ring_channel{std::move(*memory)};
}

result<ring_channel> ring_channel::open(std::string_view name, const ring_name_options& options) {
  auto memory = ring_memory::open(name, ring::segment_kind::channel, options);
  if (!memory) return failure{memory.error()};
  return ring_channel{std::move(*memory)};
}

result<ring_channel> ring_channel::open_or_create(std::string_view name,
                                                  const ring_channel_options& options) {
  auto memory = ring_memory::open_or_create(
      name, shape_of(options, ring_departure::await_successor), options.name);
  if (!memory) return failure{memory.error()};
  return ring_channel{std::move(*memory)};
}

result<ring_channel> ring_channel::create_anonymous(const ring_channel_options& options) {
  auto memory = ring_memory::create_anonymous(shape_of(options, ring_departure::report));
  if (!memory) return failure{memory.error()};
  return ring_channel{std::move(*memory)};
}

result<ring_channel> ring_channel::from_native(unique_fd fd) {
  auto memory = ring_memory::from_native(std::move(fd), ring::segment_kind::channel);
  if (!memory) return failure{memory.error()};
  return ring_channel{std::move(*memory)};
}

ring_counters ring_channel::counters() const noexcept {
  return ring_options::counters_of(memory_.lane_control(0));
}

std::size_t ring_channel::max_message_bytes() const noexcept {
  return memory_.lane(0).max_message_bytes();
}

}  // namespace sluice
