#pragma once
// A System V queue as seen by who wants only some of its messages: the selection is made once, and
// from then on this is a message receiver like any other.

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <sluice/base/concepts.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/channel/message_selection.hpp>
#include <sluice/channel/system_v_queue.hpp>
#include <sluice/channel/system_v_queue_receiver.hpp>
#include <vector>

namespace sluice {

/// Receives those messages of a System V queue that a selection takes.
///
/// *Semantics*: the others stay for other receivers. Each message is taken out of the queue when it
/// is first looked at, since the kernel tells no sizes, and kept here until it is received.
/// *Threads*: one at a time; as many receivers as you like. *Errors*: those of
/// `system_v_queue_receiver`; `no_buffer_space`, and the message is kept. *Lifetime*: independent
/// of the queue object. *Crash*: what was not received stays in the queue, except for the one
/// message that is kept here.
class system_v_selection {
 public:
  static constexpr channel_capabilities capabilities = system_v_queue_capabilities;

  [[nodiscard]] static result<system_v_selection> over(const system_v_queue& queue,
                                                       message_selection which);

  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes buffer);
  [[nodiscard]] result<std::size_t> next_size();
  [[nodiscard]] result<void> wait_readable(deadline until);
  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer,
                                            deadline until = deadline::never()) {
    return sluice::receive(*this, buffer, until);
  }
  /// The next message, in place; `release` takes it.
  [[nodiscard]] result<const_bytes> try_peek();
  void release() noexcept { kept_.reset(); }

  [[nodiscard]] message_selection selection() const noexcept { return which_; }
  /// The type of the message that was looked at last; 0 before the first.
  [[nodiscard]] long last_type() const noexcept { return queue_.last_type(); }

 private:
  struct kept_message {
    std::size_t size;
    pid_t owner;  // a forked child has a copy of it, and no right to it
  };
  system_v_selection(system_v_queue_receiver queue, message_selection which)
      : queue_(std::move(queue)), which_(which), room_(least_room_bytes) {}
  [[nodiscard]] result<void> keep(deadline until);
  [[nodiscard]] bool has_kept() noexcept;

  static constexpr std::size_t least_room_bytes = 8192;

  system_v_queue_receiver queue_;
  message_selection which_;
  std::vector<std::byte> room_;
  std::optional<kept_message> kept_ = {};
};

static_assert(message_receiver<system_v_selection>);

}  // namespace sluice
