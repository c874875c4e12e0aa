#pragma once
// The two ends of a ring_connection at one side: they carry messages by a ring, by a hardened ring
// or by a socket, whichever the two sides agreed upon, and look the same.

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/base/readiness.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/channel/hardened_ring.hpp>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/compose/framed_receiver.hpp>
#include <sluice/compose/framed_sender.hpp>
#include <sluice/compose/held_end.hpp>
#include <sluice/compose/packet_bytes.hpp>
#include <utility>
#include <variant>

namespace sluice {

/// What carries the messages of a connection.
enum class ring_carrier : std::uint32_t {
  shared,    ///< Rings whose memory both sides can write (ring_channel.hpp).
  hardened,  ///< Two memories for each direction (hardened_ring.hpp).
  socket,    ///< Frames over the connection itself: where memory or descriptors were short.
};

/// What all of them can.
inline constexpr channel_capabilities ring_connection_capabilities{
    .mechanism = "ring connection",
    .keeps_boundaries = true,
    .order = ordering::total,
    .many_senders = false,
    .many_receivers = false,
    .pollable = false,
    .max_message_bytes = 0x7fff'ffff,
};

/// The sending end.
///
/// *Semantics*: those of its carrier; `max_message_bytes` is the same over each. Writing in place
/// and descriptors are had from the carrier itself (`get_if`). *Threads*: one at a time. *Errors*:
/// `broken_pipe` when the other side is gone; those of the carrier. *Lifetime*: leaving in order
/// ends the direction after what was sent; over a socket `flush` first. *Crash*: a message was sent
/// whole or not at all.
class ring_connection_sender {
 public:
  static constexpr const channel_capabilities& capabilities = ring_connection_capabilities;
  using held_type = std::variant<ring_sender, hardened_sender, framed_sender<packet_byte_writer>>;

  explicit ring_connection_sender(held_type held) noexcept : held_(std::move(held)) {}

  [[nodiscard]] result<void> try_send(const_bytes message) {
    return with_held(held_, [&](auto& end) { return end.try_send(message); });
  }
  [[nodiscard]] result<void> wait_writable(deadline until) {
    return with_held(held_, [&](auto& end) { return end.wait_writable(until); });
  }
  [[nodiscard]] result<void> send(const_bytes message, deadline until = deadline::never()) {
    return with_held(held_, [&](auto& end) { return end.send(message, until); });
  }
  /// Waits until the socket has taken all that was accepted; rings take it at once.
  [[nodiscard]] result<void> flush(deadline until = deadline::never()) {
    auto* framed = get_if<framed_sender<packet_byte_writer>>();
    return framed == nullptr ? result<void>{} : framed->flush(until);
  }

  /// For selector, relay and Asio. *Errors*: `operation_not_supported` over hardened rings, which
  /// have no descriptor.
  [[nodiscard]] result<readiness> send_readiness() {
    return held_send_readiness(held_, "ring_connection_sender::send_readiness");
  }

  [[nodiscard]] std::size_t max_message_bytes() const noexcept {
    return with_held(held_, [](const auto& end) { return end.max_message_bytes(); });
  }
  [[nodiscard]] ring_carrier carrier() const noexcept {
    return static_cast<ring_carrier>(held_.index());
  }
  /// The end of its carrier, if it is of this kind.
  template <class End>
  [[nodiscard]] End* get_if() noexcept {
    return std::get_if<End>(&held_);
  }

 private:
  friend class any_sender;
  [[nodiscard]] held_type& carriers() noexcept { return held_; }
  held_type held_;
};

/// The receiving end.
///
/// *Semantics*: those of its carrier; what lies there is seen through the carrier itself
/// (`get_if`). *Threads*: one at a time. *Errors*: after everything was received `closed`, or
/// `connection_reset` when the sender was killed, which a socket tells only where that had messages
/// to read. *Lifetime*: leaving is told to the sender. *Crash*: what it had not handed out is gone.
class ring_connection_receiver {
 public:
  static constexpr const channel_capabilities& capabilities = ring_connection_capabilities;
  using held_type =
      std::variant<ring_receiver, hardened_receiver, framed_receiver<packet_byte_reader>>;

  explicit ring_connection_receiver(held_type held) noexcept : held_(std::move(held)) {}

  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes buffer) {
    return with_held(held_, [&](auto& end) { return end.try_receive(buffer); });
  }
  [[nodiscard]] result<std::size_t> next_size() {
    return with_held(held_, [](auto& end) { return end.next_size(); });
  }
  [[nodiscard]] result<void> wait_readable(deadline until) {
    return with_held(held_, [&](auto& end) { return end.wait_readable(until); });
  }
  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer,
                                            deadline until = deadline::never()) {
    return with_held(held_, [&](auto& end) { return end.receive(buffer, until); });
  }

  /// For selector, relay and Asio. *Errors*: `operation_not_supported` over hardened rings, which
  /// have no descriptor.
  [[nodiscard]] result<readiness> receive_readiness() {
    return held_receive_readiness(held_, "ring_connection_receiver::receive_readiness");
  }

  [[nodiscard]] ring_carrier carrier() const noexcept {
    return static_cast<ring_carrier>(held_.index());
  }
  template <class End>
  [[nodiscard]] End* get_if() noexcept {
    return std::get_if<End>(&held_);
  }

 private:
  friend class any_receiver;
  [[nodiscard]] held_type& carriers() noexcept { return held_; }
  held_type held_;
};

/// Both of one side.
struct ring_connection_ends {
  ring_connection_sender sender;
  ring_connection_receiver receiver;
};

template <>
inline constexpr bool may_have_no_descriptor<ring_connection_sender> = true;
template <>
inline constexpr bool may_have_no_descriptor<ring_connection_receiver> = true;

static_assert(message_sender<ring_connection_sender>);
static_assert(message_receiver<ring_connection_receiver>);

}  // namespace sluice
