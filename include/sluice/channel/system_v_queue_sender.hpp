#pragma once
// The sending end of a System V message queue.

#include <cstddef>
#include <sluice/base/bytes.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/channel/system_v_queue.hpp>
#include <vector>

namespace sluice {

/// Sends messages, each with a type, into a System V queue.
///
/// *Semantics*: all or nothing; types are numbers above 0, and mean what sender and receiver agree
/// upon. The queue has no descriptor: a wait without deadline sleeps in the kernel, one with a
/// deadline looks again at growing intervals of up to 10 ms. Receivers may come later, or never:
/// the queue does not tell. *Threads*: one thread at a time; as many senders, in as many processes,
/// as you like. *Errors*: `message_size` above kernel.msgmax or the queue's capacity; would_block
/// when it is full, with the limit as hint (system_v_queue_limits::explain tells its value);
/// `invalid_argument` for a type below 1; `errc::removed` once the queue is gone, also while
/// waiting. *Lifetime*: independent of the queue object. *Crash*: what was sent stays in the queue.
class system_v_queue_sender {
 public:
  static constexpr channel_capabilities capabilities = system_v_queue_capabilities;
  static constexpr long usual_type = 1;

  [[nodiscard]] static result<system_v_queue_sender> open(
      const system_v_name& name, const system_v_queue_open_options& options = {});
  [[nodiscard]] static result<system_v_queue_sender> over(const system_v_queue& queue);

  [[nodiscard]] result<void> try_send(const_bytes message, long type = usual_type) {
    return send_once(message, type, false);
  }
  [[nodiscard]] result<void> send_waiting(const_bytes message, long type = usual_type) {
    return send_once(message, type, true);
  }
  /// Waits for room for the message that found none last.
  [[nodiscard]] result<void> wait_writable(deadline until);

  [[nodiscard]] result<void> send(const_bytes message, deadline until = deadline::never()) {
    return sluice::send(*this, message, until);
  }
  [[nodiscard]] result<void> send(const_bytes message, long type,
                                  deadline until = deadline::never());

  /// The smaller one of kernel.msgmax and the queue's capacity, as they were when last looked at.
  [[nodiscard]] std::size_t max_message_bytes() const noexcept { return max_message_bytes_; }

 private:
  static constexpr std::size_t unlimited = ~std::size_t{0};
  explicit system_v_queue_sender(const system_v_queue_identity& queue) noexcept : queue_(queue) {}
  [[nodiscard]] result<void> learn_limits();
  [[nodiscard]] result<void> check_size(std::size_t bytes);
  [[nodiscard]] result<void> look_before_sleep(std::size_t bytes);
  [[nodiscard]] result<void> send_and_wait(std::size_t bytes);
  [[nodiscard]] result<void> send_once(const_bytes message, long type, bool may_wait);
  [[nodiscard]] result<void> refused(long outcome, std::size_t bytes);

  system_v_queue_identity queue_;
  std::size_t max_message_bytes_ = 0;
  std::size_t wanted_bytes_ = 1;  // what room must be waited for
  // Of sends that may wait: what was sent since the queue was full last, and with how much of that
  // it is likely to be full again.
  std::size_t sent_bytes_ = 0;
  std::size_t likely_full_at_ = unlimited;
  std::vector<std::byte> staged_;  // type and text in one piece, as the kernel takes them
  bool removed_ = false;           // latched, since the number may be given again
};

static_assert(waiting_sender<system_v_queue_sender>);

}  // namespace sluice
