#pragma once
// The receiving end of a System V message queue.

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <sluice/base/bytes.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/channel/message_selection.hpp>
#include <sluice/channel/system_v_queue.hpp>
#include <vector>

namespace sluice {

/// Receives messages from a System V queue, all of them or by type.
///
/// *Semantics*: each message goes to one receiver, the oldest first. A buffer too small leaves the
/// message in the queue. `next_size` and `try_peek` take the oldest message out of it, since the
/// kernel tells no sizes, and keep it here until it is received; so may `wait_readable` with a
/// message without bytes. The queue has no descriptor: a wait without deadline sleeps in the
/// kernel, one with a deadline looks again at growing intervals of up to 10 ms. Senders may come
/// and go: the queue does not tell, and there is no end but removal. *Threads*: one thread at a
/// time; as many receivers, in as many processes, as you like. *Errors*: `no_buffer_space`, which
/// with a selection only a buffer of up to kernel.msgmax bytes surely avoids; `invalid_argument`
/// for a selection by a type below 1; `errc::removed` once the queue is gone, also while waiting.
/// *Lifetime*: independent of the queue object. *Crash*: what was not received stays in the queue,
/// except for the one message that is kept here: it goes with this object or process.
class system_v_queue_receiver {
 public:
  static constexpr channel_capabilities capabilities = system_v_queue_capabilities;

  [[nodiscard]] static result<system_v_queue_receiver> open(
      const system_v_name& name, const system_v_queue_open_options& options = {});
  [[nodiscard]] static result<system_v_queue_receiver> over(const system_v_queue& queue);

  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes buffer) {
    return receive_once(buffer, message_selection::any(), false);
  }
  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes buffer, message_selection which) {
    return receive_once(buffer, which, false);
  }
  [[nodiscard]] result<std::size_t> receive_waiting(mutable_bytes buffer) {
    return receive_once(buffer, message_selection::any(), true);
  }
  /// For a message of any type.
  [[nodiscard]] result<void> wait_readable(deadline until);

  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer,
                                            deadline until = deadline::never()) {
    return sluice::receive(*this, buffer, until);
  }
  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer, message_selection which,
                                            deadline until = deadline::never());

  /// Of the oldest message, whatever its type.
  [[nodiscard]] result<std::size_t> next_size();
  /// The oldest message, in place; `release` takes it. It stays valid until then, or until another
  /// call receives it.
  [[nodiscard]] result<const_bytes> try_peek();
  void release() noexcept { kept_.reset(); }

  /// The type of the message that was received or peeked at last; 0 before the first.
  [[nodiscard]] long last_type() const noexcept { return last_type_; }

 private:
  struct kept_message {
    std::size_t size;
    long type;
    pid_t owner;  // a forked child has a copy of it, and no right to it
  };
  explicit system_v_queue_receiver(const system_v_queue_identity& queue) noexcept : queue_(queue) {}
  [[nodiscard]] result<std::size_t> receive_once(mutable_bytes buffer, message_selection which,
                                                 bool may_wait);
  [[nodiscard]] result<std::size_t> take(std::size_t most, message_selection which, bool may_wait);
  [[nodiscard]] result<void> keep();
  [[nodiscard]] bool has_kept() noexcept;
  [[nodiscard]] failure refused(long outcome) noexcept;
  [[nodiscard]] result<bool> is_empty();

  system_v_queue_identity queue_;
  std::vector<std::byte> room_;        // type and text in one piece, as the kernel hands them out
  std::vector<std::byte> kept_bytes_;  // likewise, of the message that is kept
  std::optional<kept_message> kept_ = {};
  long last_type_ = 0;
  bool removed_ = false;  // latched, since the number may be given again
};

static_assert(waiting_receiver<system_v_queue_receiver>);

}  // namespace sluice
