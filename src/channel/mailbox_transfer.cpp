// Messages into a mailbox and out of it: what its senders and receivers do under the lock.

#include <algorithm>
#include <cassert>
#include <cstring>
#include <optional>
#include <sluice/channel/mailbox.hpp>
#include <utility>

#include "channel/mailbox_layout.hpp"

namespace sluice {

namespace {

// Longer nobody sleeps without a look: who sent or took a message may have died before it rang.
constexpr auto longest_sleep = posix_semaphore::longest_sleep;

/// Holds the lock of a mailbox.
class inside {
 public:
  [[nodiscard]] static result<inside> try_enter(mailbox_layout& layout) {
    return entered(layout, layout.lock.try_acquire());
  }
  [[nodiscard]] static result<inside> enter(mailbox_layout& layout, deadline until) {
    return entered(layout, layout.lock.acquire(until));
  }
  inside(inside&& other) noexcept : lock_(std::exchange(other.lock_, nullptr)) {}
  inside& operator=(inside&&) = delete;
  ~inside() {
    if (lock_ != nullptr) static_cast<void>(lock_->release());
  }

 private:
  explicit inside(mutex& lock) noexcept : lock_(&lock) {}
  static result<inside> entered(mailbox_layout& layout, const result<mutex_state>& got) {
    if (!got) return failure{got.error()};
    // Whoever died inside left one of two whole states: see mailbox_layout.hpp.
    if (*got == mutex_state::owner_dead) layout.lock.mark_consistent();
    return inside{layout.lock};
  }
  mutex* lock_;
};

struct counters {
  std::uint64_t sent;
  std::uint64_t received;
  [[nodiscard]] std::uint64_t messages() const noexcept { return sent - received; }
};

// Each loaded once. Relaxed: the lock orders them.
result<counters> counters_of(const mailbox_memory& memory) {
  const counters now{.sent = memory.layout().sent.load(std::memory_order_relaxed),
                     .received = memory.layout().received.load(std::memory_order_relaxed)};
  if (now.messages() > memory.capacity_messages())
    return failure{errc::corrupt, "mailbox", "it holds more messages than it has room for"};
  return now;
}

failure would_have_to_wait(const char* operation) {
  return failure{std::errc::resource_unavailable_try_again, operation};
}

// The message in front, as its slot says; nothing when there is none.
result<std::optional<const_bytes>> front(const mailbox_memory& memory, const counters& now) {
  if (now.messages() == 0) return std::optional<const_bytes>{};
  const const_bytes slot = memory.slot(now.received % memory.capacity_messages());
  mailbox_slot_header header{};
  std::memcpy(&header, slot.data(), sizeof header);
  if (header.size > memory.max_message_bytes())
    return failure{errc::corrupt, "mailbox", "a message is said to be larger than its slot"};
  return std::optional{slot.subspan(sizeof header, header.size)};
}

// One rings, the other takes the ring back that its own side no longer needs. Both may fail, at
// the largest value and at none: a bell is only a hint.
void ring(posix_semaphore& for_others, posix_semaphore& for_us) {
  static_cast<void>(for_others.notify());
  static_cast<void>(for_us.try_wait());
}

// Waits until `is_worth_it`, asked under the lock, or the deadline.
template <class Question>
result<void> wait_until(mailbox_memory& memory, posix_semaphore& bell, deadline until,
                        const char* operation, Question is_worth_it) {
  for (;;) {
    {
      auto held = inside::enter(memory.layout(), until);
      if (!held) return failure{held.error()};
      auto now = counters_of(memory);
      if (!now) return failure{now.error()};
      if (is_worth_it(*now)) return {};
    }
    if (until.has_passed()) return failure{std::errc::timed_out, operation};
    auto rung = bell.wait(earlier(until, deadline{longest_sleep}));
    if (!rung && !(rung.error() == std::errc::timed_out)) return rung;
  }
}

}  // namespace

result<void> mailbox_sender::try_send(const_bytes message) {
  constexpr const char* operation = "mailbox_sender::try_send";
  if (message.size() > memory_.max_message_bytes())
    return failure{std::errc::message_size, operation,
                   "the message exceeds mailbox_create_options::max_message_bytes"};
  {
    auto held = inside::try_enter(memory_.layout());
    if (!held) return failure{held.error()};
    auto now = counters_of(memory_);
    if (!now) return failure{now.error()};
    if (now->messages() == memory_.capacity_messages()) return would_have_to_wait(operation);
    const mutable_bytes slot = memory_.slot(now->sent % memory_.capacity_messages());
    const mailbox_slot_header header{.size = message.size()};
    std::memcpy(slot.data(), &header, sizeof header);
    std::copy(message.begin(), message.end(), slot.begin() + sizeof header);
    // Release: with the acquire of the next holder's lock, also when that finds us dead.
    memory_.layout().sent.store(now->sent + 1, std::memory_order_release);
  }
  ring(memory_.arrived(), memory_.freed());
  return {};
}

result<void> mailbox_sender::wait_writable(deadline until) {
  return wait_until(
      memory_, memory_.freed(), until, "mailbox_sender::wait_writable",
      [&](const counters& now) { return now.messages() < memory_.capacity_messages(); });
}

result<std::size_t> mailbox_receiver::try_receive(mutable_bytes buffer) {
  constexpr const char* operation = "mailbox_receiver::try_receive";
  std::size_t size = 0;
  {
    auto held = inside::try_enter(memory_.layout());
    if (!held) return failure{held.error()};
    auto now = counters_of(memory_);
    if (!now) return failure{now.error()};
    auto message = front(memory_, *now);
    if (!message) return failure{message.error()};
    if (!*message) return would_have_to_wait(operation);
    size = (*message)->size();
    if (size > buffer.size())
      return failure{std::errc::no_buffer_space, operation, "next_size() tells what is needed"};
    std::copy((*message)->begin(), (*message)->end(), buffer.begin());
    // Release: the slot may be written anew by who holds the lock next.
    memory_.layout().received.store(now->received + 1, std::memory_order_release);
  }
  ring(memory_.freed(), memory_.arrived());
  return size;
}

result<std::size_t> mailbox_receiver::next_size() {
  auto held = inside::try_enter(memory_.layout());
  if (!held) return failure{held.error()};
  auto now = counters_of(memory_);
  if (!now) return failure{now.error()};
  auto message = front(memory_, *now);
  if (!message) return failure{message.error()};
  if (!*message) return would_have_to_wait("mailbox_receiver::next_size");
  return (*message)->size();
}

result<void> mailbox_receiver::wait_readable(deadline until) {
  return wait_until(memory_, memory_.arrived(), until, "mailbox_receiver::wait_readable",
                    [](const counters& now) { return now.messages() != 0; });
}

std::size_t mailbox::messages() const noexcept {
  const mailbox_layout& layout = memory_.layout();
  // In this order: the other way round more might be received than was sent.
  const std::uint64_t received = layout.received.load(std::memory_order_acquire);
  const std::uint64_t sent = layout.sent.load(std::memory_order_acquire);
  return static_cast<std::size_t>(std::min<std::uint64_t>(sent - received, capacity_messages()));
}

}  // namespace sluice
