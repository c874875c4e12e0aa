#include <bit>
#include <chrono>
#include <sluice/channel/ring_publisher.hpp>
#include <utility>

#include "channel/ring_topic_parts.hpp"
#include "channel/ring_wait.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "ring_publisher";

// Who only tries, and never waits, looks so often whether somebody in the way is dead.
constexpr auto between_looks = std::chrono::milliseconds{100};

}  // namespace

ring_publisher::ring_publisher(ring_attachment attachment,
                               const ring::publisher& publisher) noexcept
    : attachment_(std::move(attachment)),
      publisher_(publisher),
      sleepers_(&ring_topic_parts::sleepers(attachment_.memory())),
      when_full_(ring_topic_parts::when_full(attachment_.memory())) {}

result<ring_publisher> ring_publisher::over(result<ring_attachment> attachment) {
  if (!attachment) return failure{attachment.error()};
  const ring_memory& memory = attachment->memory();
  const std::uint32_t lane = attachment->index();
  // Whoever wrote this log is gone: we hold its lock.
  const auto end = ring::end_of(memory.lane(lane));
  if (!end)
    return failure{errc::corrupt, operation, "no publisher of ours can have written what is here"};
  const ring::publisher publisher{memory.lane(lane), *end, ring_topic_parts::marks(memory, lane),
                                  ring_topic_parts::places(memory, lane),
                                  ring_topic_parts::retention_of(memory)};
  return ring_publisher{std::move(*attachment), publisher};
}

result<ring_publisher> ring_publisher::open(std::string_view name,
                                            const ring_end_options& options) {
  auto memory = ring_topic::open_memory(name, options.name);
  if (!memory) return failure{memory.error()};
  return over(
      ring_attachment::attach(std::move(*memory), ring_attachment::role::sender, options.wait));
}

result<ring_publisher> ring_publisher::attach(const ring_topic& topic,
                                              const ring_end_options& options) {
  auto memory = topic.memory().duplicate();
  if (!memory) return failure{memory.error()};
  return over(
      ring_attachment::attach(std::move(*memory), ring_attachment::role::sender, options.wait));
}

result<void> ring_publisher::attach() {
  auto made = over(attachment_.attach_anew());
  if (!made) return failure{made.error()};
  *this = std::move(*made);
  return {};
}

result<basic_ring_window<ring_publisher>> ring_publisher::try_claim(std::size_t bytes) {
  std::byte* const room = claim(bytes);
  if (room == nullptr) return refuse(bytes);
  return basic_ring_window<ring_publisher>{*this, {room, bytes}};
}

result<void> ring_publisher::try_stage(const_bytes message) {
  std::byte* const room = claim(message.size());
  if (room == nullptr) return refuse(message.size());
  publisher_.fill(room, message);
  publisher_.stage(message.size());
  return {};
}

failure ring_publisher::refuse(std::size_t bytes) {
  if (attachment_.is_inherited()) return ring_attachment::refused(operation);
  if (bytes > max_message_bytes())
    return {std::errc::message_size, operation,
            "a message takes at most half of a publisher's log: raise capacity_bytes"};
  wanted_bytes_ = bytes;
  if (when_full_ == ring_topic_policy::overwrite_oldest)
    return {std::errc::no_buffer_space, operation,
            "what is staged fills the log: publish it before staging more"};
  if (next_look_.has_passed()) {
    next_look_ = deadline{between_looks};
    auto looked = look_for_deaths(publisher_.needed(bytes));
    if (!looked) return failure{looked.error()};
  }
  if (when_full_ == ring_topic_policy::fail)
    return {std::errc::no_buffer_space, operation, "a subscriber has not read what is in the way"};
  // Otherwise not: the other side looks at that line for each message.
  if (attachment_.is_polled()) say_what_is_needed();
  auto armed = attachment_.arm([this] { return is_worth_trying(); }, [this] { return notice(); });
  if (!armed) return failure{armed.error()};
  return {std::errc::resource_unavailable_try_again, operation};
}

result<void> ring_publisher::look_for_deaths(ring::position up_to) {
  const ring_memory& memory = attachment_.memory();
  const auto places = ring_topic_parts::places(memory, attachment_.index());
  bool found = false;
  for (std::uint32_t one = 0; one < memory.shape().receivers; ++one) {
    const std::uint64_t place = places.of(one).load(std::memory_order_acquire);
    if (place == 0 || !ring::is_before(place & ~std::uint64_t{1}, up_to)) continue;
    auto seen = attachment_.look_at(memory.shape().senders + one,
                                    [&] { ring_topic_parts::forget(memory, one); });
    if (!seen) return failure{seen.error()};
    found |= *seen == ring_presence::died;
  }
  if (!found) return {};
  // It may have been in the way of others, too.
  for (std::uint32_t other = 0; other < memory.shape().senders; ++other) {
    if (other != attachment_.index()) attachment_.wake_any(memory.slot(other));
  }
  return {};
}

void ring_publisher::wake_resting() noexcept {
  // Who lies down after this look sees what was published when it looks again.
  for (std::uint64_t left = sleepers_->load(std::memory_order_relaxed); left != 0;
       left &= left - 1) {
    const auto one = static_cast<std::uint32_t>(std::countr_zero(left));
    const ring_memory& memory = attachment_.memory();
    if (one < memory.shape().receivers) attachment_.wake(ring_topic_parts::slot_of(memory, one));
  }
}

// Read by subscribers when they give room back and see us rest.
void ring_publisher::say_what_is_needed() noexcept {
  attachment_.slot().needed.store(publisher_.needed(wanted_bytes_), std::memory_order_relaxed);
}

bool ring_publisher::is_worth_trying() {
  // What is staged and fills the log makes room only by being published.
  return when_full_ == ring_topic_policy::overwrite_oldest || publisher_.has_room(wanted_bytes_);
}

result<bool> ring_publisher::notice() {
  auto looked = look_for_deaths(publisher_.needed(wanted_bytes_));
  if (!looked) return failure{looked.error()};
  return false;
}

result<void> ring_publisher::wait_writable(deadline until) {
  say_what_is_needed();
  return attachment_.wait(
      until, "ring_publisher::wait_writable", [this] { return is_worth_trying(); },
      [this] { return notice(); });
}

result<int> ring_publisher::poll_handle() { return attachment_.poll_handle(); }

result<bool> ring_publisher::is_stalled(std::chrono::nanoseconds since) {
  if (attachment_.is_inherited()) return ring_attachment::refused(operation);
  // Then none of those who are behind is dead.
  auto looked = look_for_deaths(publisher_.published());
  if (!looked) return failure{looked.error()};
  const ring::position slowest = publisher_.slowest();
  const bool is_behind = ring::is_before(slowest, publisher_.published());
  return attachment_.is_stalled(ring_presence::alive,
                                is_behind ? std::optional{slowest} : std::nullopt, since);
}

result<void> ring_publisher::wait_for_peer(deadline until) {
  const ring_memory& memory = attachment_.memory();
  for (std::uint32_t one = 0; one < memory.shape().receivers; ++one) {
    if (attachment_.is_inherited()) break;
    auto seen = attachment_.look_at(memory.shape().senders + one,
                                    [&] { ring_topic_parts::forget(memory, one); });
    if (!seen) return failure{seen.error()};
  }
  return attachment_.wait(
      until, "ring_publisher::wait_for_peer",
      [&] {
        for (std::uint32_t one = 0; one < memory.shape().receivers; ++one) {
          if (ring_topic_parts::has_joined(ring_topic_parts::slot_of(memory, one))) return true;
        }
        return false;
      },
      []() -> result<bool> { return false; });
}

}  // namespace sluice
