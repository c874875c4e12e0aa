#include <limits>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/ring/copy.hpp>
#include <utility>

#include "channel/ring_options.hpp"
#include "channel/ring_wait.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "ring_sender";
constexpr std::uint32_t receiver_slot = 1;
constexpr std::uint32_t never = std::numeric_limits<std::uint32_t>::max();

failure dropped() {
  return {std::errc::no_buffer_space, operation,
          "the ring is full, and drops what finds no room: so it was counted"};
}

}  // namespace

ring_sender::ring_sender(ring_attachment attachment, const ring::producer& producer) noexcept
    : attachment_(std::move(attachment)),
      producer_(producer),
      receiver_(&attachment_.memory().slot(receiver_slot)),
      gone_from_(ring_options::reports_departure(attachment_.memory().shape().options)
                     ? static_cast<std::uint32_t>(ring::slot_state::left)
                     : never),
      when_full_(ring_options::when_full(attachment_.memory().shape().options)),
      dropped_(attachment_.memory().lane_control(0).dropped.load(std::memory_order_relaxed)) {}

result<ring_sender> ring_sender::over(result<ring_attachment> attachment) {
  if (!attachment) return failure{attachment.error()};
  const ring::log lane = attachment->memory().lane(0);
  // Whoever had the role is gone: we hold its lock.
  const auto end = ring::end_of(lane);
  if (!end)
    return failure{errc::corrupt, operation, "no sender of ours can have written what is here"};
  return ring_sender{std::move(*attachment), ring::producer{lane, *end}};
}

result<ring_sender> ring_sender::open(std::string_view name, const ring_end_options& options) {
  auto memory = ring_memory::open(name, ring::segment_kind::channel, options.name);
  if (!memory) return failure{memory.error()};
  return over(
      ring_attachment::attach(std::move(*memory), ring_attachment::role::sender, options.wait));
}

result<ring_sender> ring_sender::attach(const ring_channel& ring, const ring_end_options& options) {
  auto memory = ring.memory().duplicate();
  if (!memory) return failure{memory.error()};
  return over(
      ring_attachment::attach(std::move(*memory), ring_attachment::role::sender, options.wait));
}

result<void> ring_sender::attach() {
  auto made = over(attachment_.attach_anew());
  if (!made) return failure{made.error()};
  *this = std::move(*made);
  return {};
}

// What `try_send` does where there is room at once, and everything that may be in its way.
result<void> ring_sender::send_in_full(const_bytes message) {
  std::byte* room = nullptr;
  result<void> outcome = prepare(message.size(), room);
  if (room == nullptr) return outcome;
  ring::copy_message(room, message.data(), message.size());
  producer_.commit(message.size());
  attachment_.wake(*receiver_);
  return outcome;
}

result<void> ring_sender::prepare(std::size_t bytes, std::byte*& room) {
  if (bytes > max_message_bytes() || attachment_.is_inherited() || is_receiver_gone())
    return refuse(bytes);
  room = producer_.try_claim(bytes);
  if (room == nullptr) return report_full(bytes);
  return {};
}

result<ring_window> ring_sender::try_claim(std::size_t bytes) {
  std::byte* room = nullptr;
  result<void> outcome = prepare(bytes, room);
  if (!outcome) return failure{outcome.error()};
  if (room == nullptr) return dropped();
  return ring_window{*this, {room, bytes}};
}

result<void> ring_sender::try_stage(const_bytes message) {
  std::byte* room = nullptr;
  result<void> outcome = prepare(message.size(), room);
  if (!outcome) return outcome;
  if (room == nullptr) return dropped();  // a part of a batch is not forgotten in silence
  copy_bytes(message, {room, message.size()});
  producer_.stage(message.size());
  return outcome;
}

result<void> ring_sender::refuse(std::size_t bytes) const {
  if (attachment_.is_inherited()) return ring_attachment::refused(operation);
  if (bytes > max_message_bytes())
    return failure{std::errc::message_size, operation,
                   "a message takes at most half of the ring: raise capacity_bytes"};
  return failure{std::errc::broken_pipe, operation, "the receiver is gone"};
}

result<void> ring_sender::report_full(std::size_t bytes) {
  wanted_bytes_ = bytes;
  switch (when_full_) {
    case ring_full::drop_newest:
      attachment_.memory().lane_control(0).dropped.store(++dropped_, std::memory_order_relaxed);
      return {};
    case ring_full::fail:
      return failure{std::errc::no_buffer_space, operation, "the ring is full"};
    case ring_full::block:
      break;
  }
  // Otherwise not: the other side looks at that line for each message.
  if (attachment_.is_polled()) say_what_is_needed();
  auto armed = attachment_.arm([this] { return is_worth_trying(); }, [this] { return notice(); });
  if (!armed) return armed;
  return failure{std::errc::resource_unavailable_try_again, operation};
}

// Read by the receiver when it gives room back and sees us rest.
void ring_sender::say_what_is_needed() noexcept {
  attachment_.slot().needed.store(producer_.needed(wanted_bytes_), std::memory_order_relaxed);
}

bool ring_sender::is_worth_trying() {
  return is_receiver_gone() || producer_.has_room(wanted_bytes_);
}

result<bool> ring_sender::notice() {
  auto seen = attachment_.look_at(receiver_slot);
  if (!seen) return failure{seen.error()};
  return is_receiver_gone();
}

result<void> ring_sender::wait_writable(deadline until) {
  say_what_is_needed();
  return attachment_.wait(
      until, "ring_sender::wait_writable", [this] { return is_worth_trying(); },
      [this] { return notice(); });
}

result<int> ring_sender::poll_handle() { return attachment_.poll_handle(); }

result<void> ring_sender::wait_for_peer(deadline until) {
  const auto is_there = [this] {
    return attachment_.presence_of(receiver_slot) == ring_presence::alive;
  };
  auto seen = peer();  // a death that nobody noticed yet
  if (!seen) return failure{seen.error()};
  return attachment_.wait(until, "ring_sender::wait_for_peer", is_there,
                          []() -> result<bool> { return false; });
}

result<bool> ring_sender::is_stalled(std::chrono::nanoseconds since) {
  const ring::position released =
      producer_.written().control().released.load(std::memory_order_relaxed);
  const bool is_behind = released != producer_.published();
  return attachment_.is_stalled(peer(), is_behind ? std::optional{released} : std::nullopt, since);
}

ring_counters ring_sender::counters() const noexcept {
  return ring_options::counters_of(attachment_.memory().lane_control(0));
}

}  // namespace sluice
