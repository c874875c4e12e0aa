#include <sluice/channel/hardened_ring.hpp>
#include <utility>

#include "channel/hardened_wait.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "hardened_sender";

}  // namespace

result<hardened_sender> hardened_sender::create(const hardened_sender_options& options) {
  auto side =
      hardened_side::create(ring::hardened_role::sender, options.capacity_bytes, options.wait);
  if (!side) return failure{side.error()};
  return hardened_sender{std::move(*side)};
}

result<hardened_window> hardened_sender::try_claim(std::size_t bytes) {
  std::byte* room = nullptr;
  if (result<void> outcome = prepare(bytes, room); !outcome) return failure{outcome.error()};
  return hardened_window{*this, {room, bytes}};
}

// What the receiver says is loaded once. Only what can be is believed, and then kept where the
// receiver cannot reach it: what was not released at some time is never written over.
void hardened_sender::take_released() noexcept {
  if (side_.is_dropped() || !side_.is_connected()) return;
  // Acquire: with the release of a receiver that keeps to the rules.
  const ring::position said = side_.other().released.load(std::memory_order_acquire);
  if (!ring::can_be_released(said, released_, producer_.place().at)) return side_.drop_other();
  released_ = said;
  producer_.written().control().released.store(said, std::memory_order_relaxed);
}

result<void> hardened_sender::refuse(std::size_t bytes) const {
  if (side_.is_inherited()) return hardened_side::refused(operation);
  if (side_.is_dropped())
    return failure{errc::corrupt, operation, "no receiver of ours can have released that"};
  if (bytes > max_message_bytes())
    return failure{std::errc::message_size, operation,
                   "a message takes at most half of the ring: raise capacity_bytes"};
  return failure{std::errc::broken_pipe, operation, "the receiver is gone"};
}

result<void> hardened_sender::report_full(std::size_t bytes) {
  if (side_.is_dropped()) return refuse(bytes);
  wanted_bytes_ = bytes;
  return failure{std::errc::resource_unavailable_try_again, operation};
}

result<void> hardened_sender::wait_writable(deadline until) {
  if (side_.is_inherited()) return hardened_side::refused(operation);
  // Read by the receiver when it gives room back and sees us sleep.
  side_.own().needed.store(producer_.needed(wanted_bytes_), std::memory_order_relaxed);
  return side_.wait(until, "hardened_sender::wait_writable", [this] {
    if (is_over() || producer_.fits(wanted_bytes_)) return true;
    take_released();
    return side_.is_dropped() || producer_.has_room(wanted_bytes_);
  });
}

result<bool> hardened_sender::is_stalled(std::chrono::nanoseconds since) {
  auto receiver = peer();
  if (!receiver) return failure{receiver.error()};
  take_released();
  if (side_.is_dropped()) return failure{refuse(0).error()};
  if (*receiver != ring_presence::alive || released_ == producer_.place().at) {
    watch_.forget();
    return false;
  }
  return watch_.stands_still(released_, deadline::clock::now(), since);
}

ring_counters hardened_sender::counters() const noexcept {
  const ring::log_control& own = producer_.written().control();
  return {
      .sent = own.sent.load(std::memory_order_relaxed),
      .received = side_.is_connected() ? side_.other().received.load(std::memory_order_relaxed) : 0,
      .full = own.full.load(std::memory_order_relaxed)};
}

}  // namespace sluice
