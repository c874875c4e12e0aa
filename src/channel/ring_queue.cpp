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

// Read twice until nothing changed in between, or it changes all the time.
void add_receiver(const ring::participant_slot& slot, ring_queue_counters& all) noexcept {
  for (int tries = 0; tries < 8; ++tries) {
    const std::uint64_t finished = slot.finished.load(std::memory_order_acquire);
    const bool held = ring::holds_range(slot);
    const std::uint64_t base = slot.range_base.load(std::memory_order_acquire);
    const std::uint64_t count = slot.counters[0].load(std::memory_order_acquire);
    const std::uint64_t done = finished - base;
    const bool is_whole = !held || done <= count;
    const bool is_last = tries == 7;
    if (!is_last && (!is_whole || slot.finished.load(std::memory_order_acquire) != finished ||
                     ring::holds_range(slot) != held))
      continue;
    all.received += finished;
    if (held && is_whole) all.taken += count - done;
    return;
  }
}

}  // namespace

ring_queue_counters ring_queue_words::counters_of(const ring_memory& memory) noexcept {
  const ring::queue_view shared = shared_by(memory);
  ring_queue_counters all;
  std::uint64_t taken = 0;  // ever; before what became of it: else more might have been lost
  for (const ring::lane_words& lane : shared.lanes)
    taken += lane.taken_messages.load(std::memory_order_acquire);
  for (const ring::participant_slot& slot : shared.used()) add_receiver(slot, all);
  for (std::uint32_t index = 0; index < shared.lanes.size(); ++index) {
    const ring::log_control& lane = memory.lane_control(index);
    all.sent += lane.sent.load(std::memory_order_relaxed);
    all.dropped += lane.dropped.load(std::memory_order_relaxed);
    all.full += lane.full.load(std::memory_order_relaxed);
  }
  const std::uint64_t known = all.received + all.taken;
  if (taken > known && !ring_options::redelivers(memory.shape().options)) all.lost = taken - known;
  all.sent = std::max(all.sent, known + all.lost);
  return all;
}

ring_presence ring_queue_words::presence_of_any(const ring_memory& memory, std::uint32_t first,
                                                std::uint32_t count) noexcept {
  ring_presence seen = ring_presence::nobody;
  for (std::uint32_t slot = first; slot < first + count; ++slot) {
    switch (
        static_cast<ring::slot_state>(memory.slot(slot).state.load(std::memory_order_acquire))) {
      case ring::slot_state::attached:
        return ring_presence::alive;
      case ring::slot_state::dead:
        seen = ring_presence::died;
        break;
      case ring::slot_state::left:
        if (seen == ring_presence::nobody) seen = ring_presence::left;
        break;
      case ring::slot_state::empty:
        break;
    }
  }
  return seen;
}

// Looks until one is alive.
result<ring_presence> ring_queue_words::look_at_any(ring_attachment& attachment,
                                                    std::uint32_t first, std::uint32_t count) {
  for (std::uint32_t slot = first; slot < first + count; ++slot) {
    if (attachment.presence_of(slot) != ring_presence::alive) continue;
    auto seen = attachment.look_at(slot);
    if (!seen || *seen == ring_presence::alive) return seen;
  }
  return presence_of_any(attachment.memory(), first, count);
}

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
