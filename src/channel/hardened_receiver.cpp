#include <new>
#include <sluice/channel/hardened_ring.hpp>
#include <utility>

#include "channel/hardened_wait.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "hardened_receiver";

failure too_small() {
  return {std::errc::no_buffer_space, operation, "next_size() tells what is needed"};
}

}  // namespace

result<hardened_receiver> hardened_receiver::create(const hardened_receiver_options& options) {
  auto side = hardened_side::create(ring::hardened_role::receiver, 0, options.wait);
  if (!side) return failure{side.error()};
  return hardened_receiver{std::move(*side), options.max_capacity_bytes};
}

result<void> hardened_receiver::connect(unique_fd sender) {
  if (auto connected = side_.connect(std::move(sender), max_capacity_bytes_); !connected)
    return connected;
  log_ = side_.other_log();
  kept_.reset(new (std::nothrow) std::byte[log_.max_message_bytes()]);
  if (!kept_) {
    side_.drop_other();
    return failure{std::errc::not_enough_memory, operation,
                   "a message of the largest size must find room: lower max_capacity_bytes"};
  }
  return {};
}

result<std::size_t> hardened_receiver::try_receive(mutable_bytes buffer) {
  if (!kept_bytes_) {
    auto seen = look();
    if (!seen) return failure{seen.error()};
    if (seen->length <= buffer.size()) [[likely]] {
      log_.copy(at_, *seen, buffer.data());
      count_received();
      release(seen->length);
      return seen->length;
    }
    keep(*seen);
  }
  if (side_.is_inherited()) return hardened_side::refused(operation);
  if (*kept_bytes_ > buffer.size()) return too_small();
  ring::copy_message(buffer.data(), kept_.get(), *kept_bytes_);
  count_received();
  const std::size_t bytes = *kept_bytes_;
  kept_bytes_.reset();
  return bytes;
}

result<std::size_t> hardened_receiver::next_size() {
  if (!kept_bytes_) {
    auto seen = look();
    if (!seen) return failure{seen.error()};
    keep(*seen);
  }
  if (side_.is_inherited()) return hardened_side::refused(operation);
  return *kept_bytes_;
}

result<ring::untrusted_log::seen> hardened_receiver::look() {
  if (side_.is_inherited() || side_.is_dropped() || !side_.is_connected()) [[unlikely]]
    return report({});
  const ring::untrusted_log::seen seen = log_.look(at_);
  if (seen.what == ring::found::message) [[likely]]
    return seen;
  return report(seen);
}

// Nothing was there, or damage.
result<ring::untrusted_log::seen> hardened_receiver::report(ring::untrusted_log::seen seen) {
  if (side_.is_inherited()) return hardened_side::refused(operation);
  if (!side_.is_dropped()) {
    if (!side_.is_connected())
      return failure{std::errc::not_connected, operation, "connect() comes first"};
    if (seen.what == ring::found::nothing) {
      const ring_presence sender = side_.presence();
      if (sender == ring_presence::alive)
        return failure{std::errc::resource_unavailable_try_again, operation};
      // What it sent before it went can be seen now.
      seen = log_.look(at_);
      if (seen.what == ring::found::message) return seen;
      if (seen.what == ring::found::nothing) {
        if (sender == ring_presence::left || std::exchange(told_of_death_, true))
          return failure{errc::closed, operation};
        return failure{std::errc::connection_reset, operation, "the sender died"};
      }
    }
    side_.drop_other();
  }
  return failure{errc::corrupt, operation, "no sender of ours can have written what is here"};
}

// The message is out of the log: from now on nobody but us can change it.
void hardened_receiver::keep(ring::untrusted_log::seen message) noexcept {
  log_.copy(at_, message, kept_.get());
  kept_bytes_ = message.length;
  release(message.length);
}

void hardened_receiver::release(std::uint32_t length) noexcept {
  at_ += ring::record_bytes(length);
  // Release: the sender may overwrite what we have copied only now.
  side_.own().released.store(at_, std::memory_order_release);
  side_.wake_other_at(at_);
}

void hardened_receiver::count_received() noexcept {
  std::atomic<std::uint64_t>& received = side_.own().received;
  received.store(received.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
}

result<void> hardened_receiver::wait_readable(deadline until) {
  return side_.wait(until, "hardened_receiver::wait_readable", [this] {
    if (kept_bytes_) return true;
    if (!side_.is_connected()) return false;
    return side_.presence() != ring_presence::alive || log_.look(at_).what != ring::found::nothing;
  });
}

result<bool> hardened_receiver::is_stalled(std::chrono::nanoseconds since) {
  auto sender = peer();
  if (!sender) return failure{sender.error()};
  if (side_.is_dropped()) return failure{report({}).error()};
  // What it has published waits for us.
  if (*sender != ring_presence::alive || kept_bytes_ ||
      log_.look(at_).what != ring::found::nothing) {
    watch_.forget();
    return false;
  }
  return watch_.stands_still(at_, deadline::clock::now(), since);
}

ring_counters hardened_receiver::counters() const noexcept {
  ring_counters known{.received = side_.own().received.load(std::memory_order_relaxed)};
  if (const ring::log_control* const said = side_.other_control(); said != nullptr) {
    known.sent = said->sent.load(std::memory_order_relaxed);
    known.full = said->full.load(std::memory_order_relaxed);
  }
  return known;
}

}  // namespace sluice
