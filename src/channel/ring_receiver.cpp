#include <sluice/channel/ring_channel.hpp>
#include <sluice/ring/copy.hpp>
#include <utility>

#include "channel/ring_options.hpp"
#include "channel/ring_wait.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "ring_receiver";
constexpr std::uint32_t sender_slot = 0;

}  // namespace

ring_receiver::ring_receiver(ring_attachment attachment, const ring::consumer& consumer) noexcept
    : attachment_(std::move(attachment)),
      consumer_(consumer),
      sender_(&attachment_.memory().slot(sender_slot)),
      reports_departure_(ring_options::reports_departure(attachment_.memory().shape().options)) {}

result<ring_receiver> ring_receiver::over(result<ring_attachment> attachment) {
  if (!attachment) return failure{attachment.error()};
  const ring::log lane = attachment->memory().lane(0);
  if (ring::consumer{lane}.place().at % ring::record_header::alignment != 0)
    return failure{errc::corrupt, operation, "no receiver of ours can have been there"};
  const ring::consumer consumer = attachment->predecessor() == ring_presence::died
                                      ? ring::consumer::after_a_death(lane)
                                      : ring::consumer{lane};
  return ring_receiver{std::move(*attachment), consumer};
}

result<ring_receiver> ring_receiver::open(std::string_view name, const ring_end_options& options) {
  auto memory = ring_memory::open(name, ring::segment_kind::channel, options.name);
  if (!memory) return failure{memory.error()};
  return over(
      ring_attachment::attach(std::move(*memory), ring_attachment::role::receiver, options.wait));
}

result<ring_receiver> ring_receiver::attach(const ring_channel& ring,
                                            const ring_end_options& options) {
  auto memory = ring.memory().duplicate();
  if (!memory) return failure{memory.error()};
  return over(
      ring_attachment::attach(std::move(*memory), ring_attachment::role::receiver, options.wait));
}

result<void> ring_receiver::attach() {
  auto made = over(attachment_.attach_anew());
  if (!made) return failure{made.error()};
  *this = std::move(*made);
  return {};
}

// What `try_receive` does with a message like the one before, and everything else that may be
// there.
result<std::size_t> ring_receiver::receive_in_full(mutable_bytes buffer) {
  const_bytes message;
  result<std::size_t> outcome = look(message);
  if (!outcome) return outcome;
  if (*outcome > buffer.size()) return too_small();
  ring::copy_message(buffer.data(), message.data(), message.size());
  consumer_.release();
  wake_sender();
  return outcome;
}

result<ring_view> ring_receiver::try_peek() {
  const_bytes message;
  auto size = look(message);
  if (!size) return failure{size.error()};
  return ring_view{*this, message};
}

// Nothing was there, or damage.
result<std::size_t> ring_receiver::report(ring::found seen, const_bytes& message) {
  if (seen == ring::found::nothing) {
    const ring_presence sender = attachment_.presence_of(sender_slot);
    const bool is_over =
        reports_departure_ && (sender == ring_presence::left || sender == ring_presence::died);
    if (sender == ring_presence::alive) told_of_death_ = false;  // of the one before
    if (!is_over) return would_block();
    // What it sent before it went can be seen now.
    seen = consumer_.try_peek(message);
    if (seen == ring::found::message) return message.size();
    if (seen == ring::found::nothing) {
      const std::uint32_t generation = sender_->generation.load(std::memory_order_relaxed);
      if (sender == ring_presence::left || told_of_death_ == generation)
        return failure{errc::closed, operation};
      told_of_death_ = generation;
      return failure{std::errc::connection_reset, operation, "the sender died"};
    }
  }
  return failure{errc::corrupt, operation, "no sender of ours can have written what is here"};
}

failure ring_receiver::would_block() {
  if (auto armed = arm(); !armed) return failure{armed.error()};
  return {std::errc::resource_unavailable_try_again, operation};
}

result<std::size_t> ring_receiver::too_small() {
  return failure{std::errc::no_buffer_space, operation, "next_size() tells what is needed"};
}

void ring_receiver::wake_sender_with_room() noexcept {
  // Acquire: with the release of its lying down, before which it said what it needs.
  if (sender_->resting.load(std::memory_order_acquire) == 0) return;
  const ring::position needed = sender_->needed.load(std::memory_order_relaxed);
  const bool is_there = consumer_.place().at - needed < std::uint64_t{1} << 63;
  if (is_there) attachment_.wake(*sender_);
}

bool ring_receiver::is_over() const noexcept {
  if (!reports_departure_) return false;
  const ring_presence sender = attachment_.presence_of(sender_slot);
  return sender == ring_presence::left || sender == ring_presence::died;
}

bool ring_receiver::is_worth_looking() noexcept {
  const_bytes message;
  return consumer_.try_peek(message) != ring::found::nothing || is_over();
}

result<bool> ring_receiver::notice() {
  auto seen = attachment_.look_at(sender_slot);
  if (!seen) return failure{seen.error()};
  return is_over();
}

result<void> ring_receiver::wait_readable(deadline until) {
  return attachment_.wait(
      until, "ring_receiver::wait_readable", [this] { return is_worth_looking(); },
      [this] { return notice(); });
}

bool ring_receiver::linger() {
  return attachment_.linger([this] { return is_worth_looking(); });
}

result<void> ring_receiver::arm() {
  return attachment_.arm([this] { return is_worth_looking(); }, [this] { return notice(); });
}

result<int> ring_receiver::poll_handle() {
  auto handle = attachment_.poll_handle();
  if (!handle) return handle;
  if (auto armed = arm(); !armed) return failure{armed.error()};
  return handle;
}

result<void> ring_receiver::wait_for_peer(deadline until) {
  auto seen = peer();
  if (!seen) return failure{seen.error()};
  return attachment_.wait(
      until, "ring_receiver::wait_for_peer",
      [this] { return attachment_.presence_of(sender_slot) == ring_presence::alive; },
      []() -> result<bool> { return false; });
}

result<bool> ring_receiver::is_stalled(std::chrono::nanoseconds since) {
  return attachment_.is_stalled(peer(), counters().sent, since);
}

ring_counters ring_receiver::counters() const noexcept {
  return ring_options::counters_of(attachment_.memory().lane_control(0));
}

}  // namespace sluice
