#pragma once
// A ring in shared memory between one sender and one receiver: messages of any size up to half of
// it, written and read in place or copied, and no system call while both sides are awake. The
// format is docs/ring-format.md.

#include <chrono>
#include <cstddef>
#include <sluice/base/concepts.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/channel/ring_attachment.hpp>
#include <sluice/channel/ring_channel_options.hpp>
#include <sluice/channel/ring_memory.hpp>
#include <sluice/channel/ring_window.hpp>
#include <sluice/ring/consumer.hpp>
#include <sluice/ring/producer.hpp>
#include <string_view>

namespace sluice {

/// A ring without a role: the memory, from which a sender and a receiver are attached.
///
/// *Semantics*: a plain name is a file of the runtime directory, `name`.ring; a path is taken as it
/// is. Without a name it is handed on as a descriptor. *Threads*: any, except moving. *Errors*:
/// those of `ring_memory`; `errc::incompatible` from `open_or_create` for other options.
/// *Lifetime*: the last of all who have it open removes the name, except after `persist`; messages
/// stay as long as anybody has it open. *Crash*: name and messages stay for who comes next.
class ring_channel {
 public:
  [[nodiscard]] static result<ring_channel> create(std::string_view name,
                                                   const ring_channel_options& options = {});
  [[nodiscard]] static result<ring_channel> open(std::string_view name,
                                                 const ring_name_options& options = {});
  [[nodiscard]] static result<ring_channel> open_or_create(
      std::string_view name, const ring_channel_options& options = {});
  [[nodiscard]] static result<ring_channel> create_anonymous(
      const ring_channel_options& options = {});
  /// Memory that was handed to us.
  [[nodiscard]] static result<ring_channel> from_native(unique_fd fd);
  [[nodiscard]] static result<void> unlink(std::string_view name,
                                           const ring_name_options& options = {}) {
    return ring_memory::unlink(name, options);
  }

  [[nodiscard]] ring_memory& memory() noexcept { return memory_; }
  [[nodiscard]] const ring_memory& memory() const noexcept { return memory_; }
  [[nodiscard]] ring_counters counters() const noexcept;
  [[nodiscard]] std::size_t max_message_bytes() const noexcept;
  /// The name stays when the last one leaves, and what is in it.
  void persist() noexcept { memory_.persist(); }
  [[nodiscard]] int native_handle() const noexcept { return memory_.native_handle(); }

 private:
  explicit ring_channel(ring_memory memory) noexcept : memory_(std::move(memory)) {}
  ring_memory memory_;
};

/// The sending end of a ring channel.
///
/// *Semantics*: `try_claim` and `commit` write a message where it will be read; `try_send` copies
/// one there. Published at once; several by `stage` and `publish`, all or nothing. *Threads*: one
/// at a time. *Errors*: `message_size` above the maximum; when there is no room as the options say;
/// `broken_pipe` when the receiver is gone and that is reported; `operation_not_permitted` in a
/// forked child; `device_or_resource_busy` when another sender lives. A death is noticed by waits.
/// *Lifetime*: leaving in order ends the channel for the receiver after what was sent. *Crash*:
/// killed at any instruction, a message was sent whole or not at all; a successor goes on behind.
class ring_sender {
 public:
  static constexpr channel_capabilities capabilities = ring_channel_capabilities;

  [[nodiscard]] static result<ring_sender> open(std::string_view name,
                                                const ring_end_options& options = {});
  /// Takes the role in a ring that is open already; the ring stays the caller's.
  [[nodiscard]] static result<ring_sender> attach(const ring_channel& ring,
                                                  const ring_end_options& options = {});
  /// Takes it in a forked child, where the inherited end has no part in the ring.
  [[nodiscard]] result<void> attach();

  [[nodiscard]] result<void> try_send(const_bytes message) {
    if (attachment_.is_inherited() || is_receiver_gone() || !producer_.try_put(message))
        [[unlikely]]
      return send_in_full(message);
    attachment_.wake(*receiver_);
    return {};
  }
  /// Room for a message of at most `bytes`, to be written in place and committed.
  [[nodiscard]] result<ring_window> try_claim(std::size_t bytes);
  /// Publishes what was claimed last, which may be used in part. Of `ring_window`. In a forked
  /// child nothing happens, by this and by `publish`: what the parent has begun is the parent's.
  void commit(std::size_t bytes) noexcept {
    if (attachment_.is_inherited()) [[unlikely]]
      return;
    producer_.commit(bytes);
    attachment_.wake(*receiver_);
  }
  /// As `try_send`, but the receiver sees nothing before `publish`, and then all. What finds no
  /// room is an error whatever the policy: publish what there is, or give it up.
  [[nodiscard]] result<void> try_stage(const_bytes message);
  void publish() noexcept {
    if (attachment_.is_inherited()) [[unlikely]]
      return;
    producer_.publish();
    attachment_.wake(*receiver_);
  }
  /// What was staged and not published was never sent.
  void discard_staged() noexcept { producer_.discard_staged(); }

  /// Waits for the room that the last message did not find.
  [[nodiscard]] result<void> wait_writable(deadline until);
  [[nodiscard]] result<void> send(const_bytes message, deadline until = deadline::never()) {
    return sluice::send(*this, message, until);
  }
  /// For poll(2) and epoll(7): readable (POLLIN) while a message is worth trying, until one finds
  /// no room. Made at the first call, which is `operation_not_permitted` in a forked child; stays
  /// ours.
  [[nodiscard]] result<int> poll_handle();
  /// Waits until there is a receiver that lives.
  [[nodiscard]] result<void> wait_for_peer(deadline until);
  [[nodiscard]] result<ring_presence> peer() { return attachment_.look_at(1); }
  /// Us, for the receiver to ask after.
  [[nodiscard]] ring_participant participant() const noexcept { return attachment_.self(); }
  /// Whether a receiver lives that, at each question for at least `since`, had messages and
  /// released none. Nothing is done about it: a stopped process lives. The first question begins to
  /// count.
  [[nodiscard]] result<bool> is_stalled(std::chrono::nanoseconds since);

  [[nodiscard]] std::size_t max_message_bytes() const noexcept {
    return producer_.written().max_message_bytes();
  }
  [[nodiscard]] ring_counters counters() const noexcept;
  [[nodiscard]] const ring_statistics& statistics() const noexcept {
    return attachment_.statistics();
  }

 private:
  ring_sender(ring_attachment attachment, const ring::producer& producer) noexcept;
  [[nodiscard]] static result<ring_sender> over(result<ring_attachment> attachment);

  [[nodiscard]] result<void> send_in_full(const_bytes message);
  // Claims room, or says why there is none.
  [[nodiscard]] result<void> prepare(std::size_t bytes, std::byte*& room);
  // The receiver's own word, in the line that every wake-up looks at.
  [[nodiscard]] bool is_receiver_gone() const noexcept {
    return receiver_->state.load(std::memory_order_relaxed) >= gone_from_;
  }
  [[nodiscard]] result<void> refuse(std::size_t bytes) const;
  [[nodiscard]] result<void> report_full(std::size_t bytes);
  void say_what_is_needed() noexcept;
  [[nodiscard]] bool is_worth_trying();
  [[nodiscard]] result<bool> notice();

  ring_attachment attachment_;
  ring::producer producer_;
  ring::participant_slot* receiver_;
  std::uint32_t gone_from_;  // states of the receiver's slot that mean that it is gone
  ring_full when_full_;
  std::size_t wanted_bytes_ = 0;  // of the message that found no room last
  std::uint64_t dropped_ = 0;
};

/// The receiving end of a ring channel.
///
/// *Semantics*: `try_peek` shows the next message where it lies until the view is released;
/// `try_receive` copies it. *Threads*: one at a time. *Errors*: `errc::closed` when the sender left
/// in order and all was received, `connection_reset` once when it died, if that is reported;
/// `no_buffer_space` leaves the message; `errc::corrupt` for what no sender of ours can have
/// written, from then on always; those of `ring_sender` for its role. *Lifetime*: a successor gets
/// what this one did not release. *Crash*: a message that was not released comes again: one.
class ring_receiver {
 public:
  static constexpr channel_capabilities capabilities = ring_channel_capabilities;

  [[nodiscard]] static result<ring_receiver> open(std::string_view name,
                                                  const ring_end_options& options = {});
  [[nodiscard]] static result<ring_receiver> attach(const ring_channel& ring,
                                                    const ring_end_options& options = {});
  [[nodiscard]] result<void> attach();

  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes buffer) {
    if (attachment_.is_inherited() || !consumer_.try_take(buffer)) [[unlikely]]
      return receive_in_full(buffer);
    wake_sender();
    return consumer_.length();
  }
  /// The next message where it lies; the same one again until it is released.
  [[nodiscard]] result<ring_view> try_peek();
  /// Gives the room of the message looked at last back. Of `ring_view`. In a forked child nothing
  /// happens: a view that the parent holds is the parent's.
  void release() noexcept {
    if (attachment_.is_inherited()) [[unlikely]]
      return;
    consumer_.release();
    wake_sender();
  }
  [[nodiscard]] result<std::size_t> next_size() {
    const_bytes message;
    return look(message);
  }

  [[nodiscard]] result<void> wait_readable(deadline until);
  /// Waits as long as `wait_readable` spins, without a system call; whether a look is worth it. For
  /// loops that poll: before the look that arms.
  [[nodiscard]] bool linger();
  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer,
                                            deadline until = deadline::never()) {
    return sluice::receive(*this, buffer, until);
  }
  /// What is there now, one after the other: for (ring_view& message : receiver.drain()).
  [[nodiscard]] ring_drain<ring_receiver> drain() noexcept {
    return ring_drain<ring_receiver>{*this};
  }
  /// For poll(2) and epoll(7): readable while a look is worth it, until one says that it would
  /// block. Made at the first call, which is `operation_not_permitted` in a forked child; stays
  /// ours. A death makes it readable within the longest sleep.
  [[nodiscard]] result<int> poll_handle();
  [[nodiscard]] result<void> wait_for_peer(deadline until);
  [[nodiscard]] result<ring_presence> peer() { return attachment_.look_at(0); }
  [[nodiscard]] result<ring_presence> presence_of(ring_participant sender) {
    return attachment_.look_at_sender(sender);
  }
  /// Whether a sender lives that, at each question for at least `since`, had published nothing
  /// more: one that has nothing to say looks alike. Nothing is done about it.
  [[nodiscard]] result<bool> is_stalled(std::chrono::nanoseconds since);

  [[nodiscard]] ring_counters counters() const noexcept;
  [[nodiscard]] const ring_statistics& statistics() const noexcept {
    return attachment_.statistics();
  }

 private:
  ring_receiver(ring_attachment attachment, const ring::consumer& consumer) noexcept;
  [[nodiscard]] static result<ring_receiver> over(result<ring_attachment> attachment);

  [[nodiscard]] result<std::size_t> receive_in_full(mutable_bytes buffer);
  [[nodiscard]] result<std::size_t> look(const_bytes& message) {
    if (!attachment_.is_inherited()) [[likely]] {
      const ring::found seen = consumer_.try_peek(message);
      if (seen == ring::found::message) [[likely]]
        return message.size();
      return report(seen, message);
    }
    return ring_attachment::refused("ring_receiver");
  }
  void wake_sender() noexcept {
    if (attachment_.is_resting(*sender_)) [[unlikely]]
      wake_sender_with_room();
  }
  [[nodiscard]] result<std::size_t> report(ring::found seen, const_bytes& message);
  [[nodiscard]] failure would_block();
  [[nodiscard]] static result<std::size_t> too_small();
  void wake_sender_with_room() noexcept;
  [[nodiscard]] bool is_over() const noexcept;
  [[nodiscard]] bool is_worth_looking() noexcept;
  [[nodiscard]] result<bool> notice();
  [[nodiscard]] result<void> arm();

  ring_attachment attachment_;
  ring::consumer consumer_;
  ring::participant_slot* sender_;
  bool reports_departure_;
  std::uint32_t told_of_death_ = 0;  // the generation of the sender whose death was told last
};

static_assert(message_sender<ring_sender> && message_receiver<ring_receiver>);

}  // namespace sluice
