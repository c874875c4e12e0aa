#pragma once
// A ring between one sender and one receiver who do not trust each other. Each makes memory that it
// alone can write, hands its descriptor to the other (over fork, exec, or a socket), and connects
// to what it got. The format is docs/ring-format.md; why it is made like that is
// docs/decisions/0069-two-memories-for-two-who-do-not-trust-each-other.md.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/channel/hardened_side.hpp>
#include <sluice/channel/ring_channel_options.hpp>
#include <sluice/channel/ring_window.hpp>
#include <sluice/ring/copy.hpp>
#include <sluice/ring/producer.hpp>
#include <sluice/ring/progress.hpp>

namespace sluice {

inline constexpr channel_capabilities hardened_ring_capabilities{
    .mechanism = "hardened ring",
    .keeps_boundaries = true,
    .order = ordering::total,
    .many_senders = false,
    .many_receivers = false,
    .pollable = false,
    .zero_copy = true,  // written in place; a receiver always gets a copy
    .survives_processes = false,
    .max_message_bytes = 0xffff'ffff,
};

struct hardened_sender_options {
  /// A power of two of at least a page; the largest message with its header takes half of it.
  std::size_t capacity_bytes = std::size_t{1} << 20;
  ring_wait_options wait = {};
};

struct hardened_receiver_options {
  /// A sender with a larger log is refused: the largest message is kept once in private memory.
  std::size_t max_capacity_bytes = std::size_t{1} << 26;
  ring_wait_options wait = {};
};

class hardened_sender;
using hardened_window = basic_ring_window<hardened_sender>;

/// The sending end of a ring between two who do not trust each other.
///
/// *Semantics*: writes its own memory alone, where the receiver can read everything from the moment
/// that it is written, committed or not, and for as long as it keeps it mapped. May send before it
/// is connected: as much as the log takes. *Threads*: one at a time. *Errors*: `message_size`
/// above the maximum; would_block without room; `broken_pipe` when the receiver is gone;
/// `errc::corrupt`, from then on always, when it says that it released what cannot be released;
/// `not_connected` of waits before `connect`; `operation_not_permitted` in a forked child. A death
/// is noticed by waits. *Lifetime*: leaving in order ends the channel for the receiver after what
/// was sent. *Crash*: killed at any instruction, a message was sent whole or not at all.
class hardened_sender {
 public:
  static constexpr channel_capabilities capabilities = hardened_ring_capabilities;

  [[nodiscard]] static result<hardened_sender> create(const hardened_sender_options& options = {});
  /// Takes the receiver's memory, once.
  [[nodiscard]] result<void> connect(unique_fd receiver) {
    return side_.connect(std::move(receiver), 0);
  }

  [[nodiscard]] result<void> try_send(const_bytes message) {
    std::byte* room = nullptr;
    if (result<void> outcome = prepare(message.size(), room); !outcome) [[unlikely]]
      return outcome;
    ring::copy_message(room, message.data(), message.size());
    producer_.commit(message.size());
    side_.wake_other();
    return {};
  }
  /// Room for a message of at most `bytes`, to be written in place and committed.
  [[nodiscard]] result<hardened_window> try_claim(std::size_t bytes);
  /// Of `hardened_window`. In a forked child nothing happens.
  void commit(std::size_t bytes) noexcept {
    if (side_.is_inherited() || side_.is_dropped()) [[unlikely]]
      return;
    producer_.commit(bytes);
    side_.wake_other();
  }

  /// Waits for the room that the last message did not find.
  [[nodiscard]] result<void> wait_writable(deadline until);
  [[nodiscard]] result<void> send(const_bytes message, deadline until = deadline::never()) {
    return sluice::send(*this, message, until);
  }

  [[nodiscard]] result<ring_presence> peer() { return side_.look_at_other(); }
  /// Whether the receiver lives and has released nothing since a question at least `since` ago,
  /// though there is something. Nothing is done about it. Each question starts where the last one
  /// left off, or anew where there was progress.
  [[nodiscard]] result<bool> is_stalled(std::chrono::nanoseconds since);

  [[nodiscard]] std::size_t max_message_bytes() const noexcept {
    return producer_.written().max_message_bytes();
  }
  /// `received` is what the receiver says.
  [[nodiscard]] ring_counters counters() const noexcept;
  [[nodiscard]] const ring_statistics& statistics() const noexcept { return side_.statistics(); }
  /// To be handed to the receiver, who can read what it leads to. Stays ours.
  [[nodiscard]] int native_handle() const noexcept { return side_.native_handle(); }

 private:
  explicit hardened_sender(hardened_side side) noexcept
      : side_(std::move(side)), producer_(side_.own_log(), {}, ring::released_by::writer) {}

  // Claims room, or says why there is none.
  [[nodiscard]] result<void> prepare(std::size_t bytes, std::byte*& room) {
    if (bytes > max_message_bytes() || side_.is_inherited() || is_over()) [[unlikely]]
      return refuse(bytes);
    if (!producer_.fits(bytes)) [[unlikely]]
      take_released();
    room = producer_.try_claim(bytes);
    if (room == nullptr) [[unlikely]]
      return report_full(bytes);
    return {};
  }
  [[nodiscard]] bool is_over() const noexcept {
    const ring_presence receiver = side_.presence();
    return side_.is_dropped() || receiver == ring_presence::left || receiver == ring_presence::died;
  }
  void take_released() noexcept;
  [[nodiscard]] result<void> refuse(std::size_t bytes) const;
  [[nodiscard]] result<void> report_full(std::size_t bytes);

  hardened_side side_;
  ring::producer producer_;
  ring::position released_ = 0;   // what the receiver said last that could be believed
  std::size_t wanted_bytes_ = 0;  // of the message that found no room last
  ring::progress_watch watch_;
};

/// The receiving end of a ring between two who do not trust each other.
///
/// *Semantics*: a message is copied to private memory and is what it was from then on, whatever the
/// sender does: what `next_size` tells is what `try_receive` gives. Its content is the sender's
/// word, and all bytes of it may differ from any that were ever sent. *Threads*: one at a time.
/// *Errors*: `errc::closed` when the sender left in order and all was received, `connection_reset`
/// once when it died; `no_buffer_space` leaves the message; `errc::corrupt` for what no sender of
/// ours can have written, from then on always; `not_connected` before `connect`;
/// `operation_not_permitted` in a forked child. *Lifetime*: leaving in order is told to the sender.
/// *Crash*: what it had not handed out is gone, as there is no successor.
class hardened_receiver {
 public:
  static constexpr channel_capabilities capabilities = hardened_ring_capabilities;

  [[nodiscard]] static result<hardened_receiver> create(
      const hardened_receiver_options& options = {});
  /// Takes the sender's memory, once. `value_too_large` for a log beyond the maximum.
  [[nodiscard]] result<void> connect(unique_fd sender);

  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes buffer);
  [[nodiscard]] result<std::size_t> next_size();

  [[nodiscard]] result<void> wait_readable(deadline until);
  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer,
                                            deadline until = deadline::never()) {
    return sluice::receive(*this, buffer, until);
  }

  [[nodiscard]] result<ring_presence> peer() { return side_.look_at_other(); }
  /// Whether the sender lives and has published nothing since a question at least `since` ago. A
  /// sender that has nothing to say looks alike. Nothing is done about it.
  [[nodiscard]] result<bool> is_stalled(std::chrono::nanoseconds since);

  /// `sent` and `full` are what the sender says.
  [[nodiscard]] ring_counters counters() const noexcept;
  [[nodiscard]] const ring_statistics& statistics() const noexcept { return side_.statistics(); }
  /// To be handed to the sender, who can read what it leads to. Stays ours.
  [[nodiscard]] int native_handle() const noexcept { return side_.native_handle(); }

 private:
  hardened_receiver(hardened_side side, std::size_t max_capacity_bytes) noexcept
      : side_(std::move(side)), max_capacity_bytes_(max_capacity_bytes) {}

  // Of what is there: nothing without an error when it is not kept yet.
  [[nodiscard]] result<ring::untrusted_log::seen> look();
  [[nodiscard]] result<ring::untrusted_log::seen> report(ring::untrusted_log::seen seen);
  void release(std::uint32_t length) noexcept;
  void keep(ring::untrusted_log::seen message) noexcept;
  void count_received() noexcept;

  hardened_side side_;
  std::size_t max_capacity_bytes_;
  ring::untrusted_log log_;
  ring::position at_ = 0;                  // of the next header
  std::unique_ptr<std::byte[]> kept_;      // room for the largest message
  std::optional<std::size_t> kept_bytes_;  // of the next message, if it lies there
  bool told_of_death_ = false;
  ring::progress_watch watch_;
};

static_assert(message_sender<hardened_sender> && message_receiver<hardened_receiver>);

}  // namespace sluice
