#pragma once
// A receiver of messages whose kind is known when the program runs (any_channel.hpp).

#include <cstddef>
#include <memory>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/base/readiness.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/channel/fifo_channel.hpp>
#include <sluice/channel/hardened_ring.hpp>
#include <sluice/channel/local_channel.hpp>
#include <sluice/channel/mailbox.hpp>
#include <sluice/channel/pipe.hpp>
#include <sluice/channel/posix_queue_receiver.hpp>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/channel/ring_queue.hpp>
#include <sluice/channel/ring_subscriber.hpp>
#include <sluice/channel/signal_channel.hpp>
#include <sluice/channel/system_v_queue_receiver.hpp>
#include <sluice/channel/system_v_selection.hpp>
#include <sluice/channel/tcp_listener.hpp>
#include <sluice/channel/tcp_stream.hpp>
#include <sluice/channel/udp_socket.hpp>
#include <sluice/channel/unix_datagram.hpp>
#include <sluice/channel/unix_listener.hpp>
#include <sluice/channel/unix_seqpacket.hpp>
#include <sluice/channel/unix_stream.hpp>
#include <sluice/compose/accepting_receiver.hpp>
#include <sluice/compose/endpoint.hpp>
#include <sluice/compose/framed_receiver.hpp>
#include <sluice/compose/held_end.hpp>
#include <sluice/compose/ring_connection_ends.hpp>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace sluice {

/// Any receiver of messages.
///
/// *Semantics*: those of what it holds; one call and one jump more than there. *Threads*: one at a
/// time. *Errors*: those of what it holds; `operation_not_supported` for what that does not have:
/// reading in place, a descriptor, proof of a sender's life. *Lifetime*: goes with what it holds;
/// where opening made a name by `create`, the duty to remove it is held here, too. *Crash*: that of
/// what it holds.
class any_receiver {
 public:
  /// The kinds that there are. Another one is a word here, and a line in any_open.cpp if it has
  /// addresses.
  using held_type =
      std::variant<ring_receiver, ring_queue_receiver, ring_subscriber, hardened_receiver,
                   fifo_receiver, framed_receiver<pipe_reader>, system_v_queue_receiver,
                   system_v_selection, posix_queue_receiver, mailbox_receiver,
                   signal_channel_receiver, local_receiver, framed_receiver<unix_stream>,
                   framed_receiver<tcp_stream>, framed_receiver<packet_byte_reader>, unix_seqpacket,
                   unix_datagram_receiver, udp_socket, accepting_receiver<unix_stream_listener>,
                   accepting_receiver<unix_seqpacket_listener>, accepting_receiver<tcp_listener>>;
  using view = basic_ring_view<any_receiver>;

  /// Opens what an address leads to, and waits for nobody. Of sockets it is the receiver that binds
  /// the address: `address_in_use` where somebody has it. For unix and tcp it listens, and the
  /// first sender that comes is its peer (accepting_receiver.hpp).
  [[nodiscard]] static result<any_receiver> open(const endpoint& where);
  [[nodiscard]] static result<any_receiver> open(std::string_view address);

  template <class Receiver>
    requires is_held_in<Receiver, held_type>
  any_receiver(Receiver receiver) noexcept : held_(std::move(receiver)) {}
  /// Holds the end of its carrier, with all that this can.
  any_receiver(ring_connection_receiver receiver) noexcept;

  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes buffer);
  [[nodiscard]] result<std::size_t> receive_waiting(mutable_bytes buffer);
  [[nodiscard]] result<std::size_t> next_size();
  [[nodiscard]] result<void> wait_readable(deadline until);
  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer,
                                            deadline until = deadline::never()) {
    return sluice::receive(*this, buffer, until);
  }

  /// Takes part in a forked child, where the inherited end of a ring has none.
  [[nodiscard]] result<void> attach();

  /// The next message where it lies, until the view goes: rings, and receivers that keep or read
  /// ahead. Where messages may be overwritten meanwhile it is `operation_not_supported`.
  [[nodiscard]] result<view> try_peek();
  /// Of the view.
  void release() noexcept;

  [[nodiscard]] const channel_capabilities& capabilities() const noexcept;
  /// What poll(2) and epoll(7) are to be asked; `operation_not_supported` where there is nothing.
  /// What is buffered may not show: look until it would block before waiting.
  [[nodiscard]] result<poll_interest> poll_handle();
  /// The same for selector, relay and Asio, with what is buffered (base/readiness.hpp).
  [[nodiscard]] result<readiness> receive_readiness();
  /// What became of one of the senders, by the proof of its life: rings.
  [[nodiscard]] result<ring_presence> presence_of(ring_participant sender);

  /// What it holds, if it is of this kind.
  template <class Receiver>
    requires is_held_in<Receiver, held_type>
  [[nodiscard]] Receiver* get_if() noexcept {
    return std::get_if<Receiver>(&held_);
  }

 private:
  friend struct any_open;
  std::shared_ptr<void> name_;  // the duty to remove what opening made
  held_type held_;
};

template <>
inline constexpr bool may_have_no_descriptor<any_receiver> = true;

static_assert(waiting_receiver<any_receiver> && pollable_to_receive<any_receiver>);
static_assert(std::is_nothrow_move_constructible_v<any_receiver>);

}  // namespace sluice
