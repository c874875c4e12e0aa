#pragma once
// A message channel inside one process: the reference that says what every other message channel
// must do (the conformance suite is checked against it first), and a stand-in for users' tests.

#include <cstddef>
#include <memory>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/channel/blocking.hpp>

namespace sluice {

struct local_channel_options {
  std::size_t capacity_messages = 64;  ///< More than 0.
  std::size_t max_message_bytes = std::size_t{1} << 20;
};

inline constexpr channel_capabilities local_channel_capabilities{
    .mechanism = "local channel",
    .keeps_boundaries = true,
    .order = ordering::total,
    .many_senders = true,
    .many_receivers = true,
    .pollable = false,
    .reaches = reach::one_process,
};

namespace local {
class queue;
}  // namespace local

/// Sends messages to receivers in the same process.
///
/// *Semantics*: a bounded first-in first-out queue; full blocks. *Threads*: one thread at a time
/// per object; `duplicate` makes another for another thread. *Errors*: `message_size` above the
/// maximum, `broken_pipe` when no receiver is left. *Lifetime*: the channel ends for the receivers
/// when the last sender goes. *Crash*: everything is in one process and goes with it; a child
/// after fork has a channel of its own, with what was in it.
class local_sender {
 public:
  static constexpr channel_capabilities capabilities = local_channel_capabilities;

  local_sender(local_sender&&) noexcept = default;
  local_sender& operator=(local_sender&&) noexcept;
  ~local_sender();

  [[nodiscard]] result<void> try_send(const_bytes message);
  [[nodiscard]] result<void> wait_writable(deadline until);

  [[nodiscard]] result<void> send(const_bytes message, deadline until = deadline::never()) {
    return sluice::send(*this, message, until);
  }
  [[nodiscard]] std::size_t max_message_bytes() const noexcept;
  [[nodiscard]] local_sender duplicate() const;

 private:
  friend struct local_channel;
  explicit local_sender(std::shared_ptr<local::queue> queue) noexcept;
  void leave() noexcept;
  std::shared_ptr<local::queue> queue_;
};

/// Receives messages from senders in the same process.
///
/// *Semantics*: each message goes to one receiver. *Threads*: one thread at a time per object;
/// `duplicate` makes another. *Errors*: `errc::closed` when the last sender left and all was
/// received; `no_buffer_space` leaves the message. *Lifetime*: senders get `broken_pipe` when the
/// last receiver goes. *Crash*: as `local_sender`.
class local_receiver {
 public:
  static constexpr channel_capabilities capabilities = local_channel_capabilities;

  local_receiver(local_receiver&&) noexcept = default;
  local_receiver& operator=(local_receiver&&) noexcept;
  ~local_receiver();

  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes buffer);
  [[nodiscard]] result<void> wait_readable(deadline until);

  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer,
                                            deadline until = deadline::never()) {
    return sluice::receive(*this, buffer, until);
  }
  [[nodiscard]] result<std::size_t> next_size();
  [[nodiscard]] local_receiver duplicate() const;

 private:
  friend struct local_channel;
  explicit local_receiver(std::shared_ptr<local::queue> queue) noexcept;
  void leave() noexcept;
  std::shared_ptr<local::queue> queue_;
};

/// Both ends of a new local channel.
struct local_channel {
  local_sender sender;
  local_receiver receiver;

  [[nodiscard]] static result<local_channel> create(const local_channel_options& options = {});
};

static_assert(message_sender<local_sender> && message_receiver<local_receiver>);

}  // namespace sluice
