#include "channel/ring_queue_words.hpp"

#include <algorithm>

#include "channel/ring_options.hpp"

namespace sluice {

namespace {

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

}  // namespace sluice
