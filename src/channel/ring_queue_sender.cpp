#include <sluice/channel/ring_queue.hpp>
#include <sluice/ring/copy.hpp>
#include <utility>

#include "channel/ring_options.hpp"
#include "channel/ring_queue_words.hpp"
#include "channel/ring_wait.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "ring_queue_sender";

failure dropped() {
  return {std::errc::no_buffer_space, operation,
          "the lane is full, and drops what finds no room: so it was counted"};
}

}  // namespace

// Lane and slot have the same number: whoever holds the slot is the lane's only writer.
ring_queue_sender::ring_queue_sender(ring_attachment attachment,
                                     const ring::producer& producer) noexcept
    : attachment_(std::move(attachment)),
      producer_(producer),
      shared_(ring_queue_words::shared_by(attachment_.memory())),
      senders_(attachment_.memory().shape().senders),
      reports_departure_(ring_options::reports_departure(attachment_.memory().shape().options)),
      when_full_(ring_options::when_full(attachment_.memory().shape().options)),
      dropped_(producer_.written().control().dropped.load(std::memory_order_relaxed)) {}

result<ring_queue_sender> ring_queue_sender::over(result<ring_attachment> attachment) {
  if (!attachment) return failure{attachment.error()};
  const ring::log lane = attachment->memory().lane(attachment->index());
  // Whoever had the lane is gone: we hold its lock.
  const auto end = ring::end_of(lane);
  if (!end)
    return failure{errc::corrupt, operation, "no sender of ours can have written what is here"};
  return ring_queue_sender{std::move(*attachment),
                           ring::producer{lane, *end, ring::released_by::writer}};
}

result<ring_queue_sender> ring_queue_sender::open(std::string_view name,
                                                  const ring_queue_end_options& options) {
  auto queue = ring_queue::open(name, options.name);
  if (!queue) return failure{queue.error()};
  return over(ring_attachment::attach(std::move(queue->memory()), ring_attachment::role::sender,
                                      options.wait));
}

result<ring_queue_sender> ring_queue_sender::attach(const ring_queue& queue,
                                                    const ring_queue_end_options& options) {
  auto memory = queue.memory().duplicate();
  if (!memory) return failure{memory.error()};
  return over(
      ring_attachment::attach(std::move(*memory), ring_attachment::role::sender, options.wait));
}

result<void> ring_queue_sender::attach() {
  auto made = over(attachment_.attach_anew());
  if (!made) return failure{made.error()};
  *this = std::move(*made);
  return {};
}

// What `try_send` does where there is room at once, and everything that may be in its way.
result<void> ring_queue_sender::send_in_full(const_bytes message) {
  std::byte* room = nullptr;
  result<void> outcome = prepare(message.size(), room);
  if (room == nullptr) return outcome;
  ring::copy_message(room, message.data(), message.size());
  commit(message.size());
  return outcome;
}

result<void> ring_queue_sender::prepare(std::size_t bytes, std::byte*& room) {
  if (bytes > max_message_bytes() || attachment_.is_inherited() ||
      (may_be_deserted() && is_deserted()))
    return refuse(bytes);
  if (!producer_.fits(bytes)) find_room();
  room = producer_.try_claim(bytes);
  if (room == nullptr) return report_full(bytes);
  return {};
}

result<ring_queue_sender::window> ring_queue_sender::try_claim(std::size_t bytes) {
  std::byte* room = nullptr;
  result<void> outcome = prepare(bytes, room);
  if (!outcome) return failure{outcome.error()};
  if (room == nullptr) return dropped();
  return window{*this, {room, bytes}};
}

result<void> ring_queue_sender::try_stage(const_bytes message) {
  std::byte* room = nullptr;
  result<void> outcome = prepare(message.size(), room);
  if (!outcome) return outcome;
  if (room == nullptr) return dropped();  // a part of a batch is not forgotten in silence
  copy_bytes(message, {room, message.size()});
  producer_.stage(message.size());
  return outcome;
}

// No receiver is there any more, after there were some. The hint follows what the slots say; it is
// taken away before another look: who leaves meanwhile gives it again.
bool ring_queue_sender::is_deserted() const noexcept {
  if (!reports_departure_) return false;
  const auto are_gone = [this] {
    const ring_presence seen = ring_queue_words::presence_of_any(
        attachment_.memory(), senders_, static_cast<std::uint32_t>(shared_.receivers.size()));
    return seen == ring_presence::left || seen == ring_presence::died;
  };
  std::atomic<std::uint32_t>& hint = shared_.words->deserted;
  bool gone = are_gone();
  if (!gone && hint.load(std::memory_order_relaxed) != 0) {
    hint.store(0, std::memory_order_seq_cst);
    ring::full_fence();
    gone = are_gone();
  }
  if (gone && hint.load(std::memory_order_relaxed) == 0) hint.store(1, std::memory_order_seq_cst);
  return gone;
}

void ring_queue_sender::find_room() noexcept {
  const ring::log& lane = producer_.written();
  // Nobody but a lane's sender writes or reads this word in a queue.
  std::atomic<ring::position>& released = lane.control().released;
  released.store(
      ring::free_position(shared_, attachment_.index(), released.load(std::memory_order_relaxed),
                          lane.capacity_bytes()),
      std::memory_order_release);
}

result<void> ring_queue_sender::refuse(std::size_t bytes) const {
  if (attachment_.is_inherited()) return ring_attachment::refused(operation);
  if (bytes > max_message_bytes())
    return failure{std::errc::message_size, operation,
                   "a message takes at most half of a lane: raise capacity_bytes"};
  return failure{std::errc::broken_pipe, operation, "all receivers are gone"};
}

result<void> ring_queue_sender::report_full(std::size_t bytes) {
  wanted_bytes_ = bytes;
  switch (when_full_) {
    case ring_full::drop_newest:
      producer_.written().control().dropped.store(++dropped_, std::memory_order_relaxed);
      return {};
    case ring_full::fail:
      return failure{std::errc::no_buffer_space, operation, "the lane is full"};
    case ring_full::block:
      break;
  }
  auto armed = attachment_.arm([this] { return is_worth_trying(); }, [this] { return notice(); });
  if (!armed) return armed;
  return failure{std::errc::resource_unavailable_try_again, operation};
}

bool ring_queue_sender::is_worth_trying() {
  if (!producer_.fits(wanted_bytes_)) find_room();
  return producer_.has_room(wanted_bytes_) || is_deserted();
}

result<bool> ring_queue_sender::notice() {
  if (!reports_departure_) return false;
  auto seen = peer();
  if (!seen) return failure{seen.error()};
  return is_deserted();
}

result<void> ring_queue_sender::wait_writable(deadline until) {
  return attachment_.wait(
      until, "ring_queue_sender::wait_writable", [this] { return is_worth_trying(); },
      [this] { return notice(); });
}

result<int> ring_queue_sender::poll_handle() { return attachment_.poll_handle(); }

result<void> ring_queue_sender::wait_for_peer(deadline until) {
  auto seen = peer();  // deaths that nobody noticed yet
  if (!seen) return failure{seen.error()};
  return attachment_.wait(
      until, "ring_queue_sender::wait_for_peer",
      [this] {
        return ring_queue_words::presence_of_any(
                   attachment_.memory(), senders_,
                   static_cast<std::uint32_t>(shared_.receivers.size())) == ring_presence::alive;
      },
      []() -> result<bool> { return false; });
}

result<ring_presence> ring_queue_sender::peer() {
  return ring_queue_words::look_at_any(attachment_, senders_,
                                       static_cast<std::uint32_t>(shared_.receivers.size()));
}

result<bool> ring_queue_sender::is_stalled(std::chrono::nanoseconds since) {
  auto seen = peer();
  if (!attachment_.is_inherited()) find_room();
  const ring::position released =
      producer_.written().control().released.load(std::memory_order_relaxed);
  const bool is_behind = released != producer_.published();
  return attachment_.is_stalled(seen, is_behind ? std::optional{released} : std::nullopt, since);
}

ring_queue_counters ring_queue_sender::counters() const noexcept {
  return ring_queue_words::counters_of(attachment_.memory());
}

}  // namespace sluice
