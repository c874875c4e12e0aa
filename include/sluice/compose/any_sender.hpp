#pragma once
// A sender of messages whose kind is known when the program runs (any_channel.hpp).

#include <cstddef>
#include <memory>
#include <optional>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/base/readiness.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/channel/fifo_channel.hpp>
#include <sluice/channel/hardened_ring.hpp>
#include <sluice/channel/local_channel.hpp>
#include <sluice/channel/mailbox.hpp>
#include <sluice/channel/pipe.hpp>
#include <sluice/channel/posix_queue_sender.hpp>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/channel/ring_publisher.hpp>
#include <sluice/channel/ring_queue.hpp>
#include <sluice/channel/signal_channel.hpp>
#include <sluice/channel/system_v_queue_sender.hpp>
#include <sluice/channel/tcp_stream.hpp>
#include <sluice/channel/udp_socket.hpp>
#include <sluice/channel/unix_datagram.hpp>
#include <sluice/channel/unix_seqpacket.hpp>
#include <sluice/channel/unix_stream.hpp>
#include <sluice/compose/endpoint.hpp>
#include <sluice/compose/framed_sender.hpp>
#include <sluice/compose/held_end.hpp>
#include <sluice/compose/ring_connection_ends.hpp>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>

namespace sluice {

/// Any sender of messages.
///
/// *Semantics*: those of what it holds; one call and one jump more than there. What its address
/// says of each message, a type or a priority, is given with each. *Threads*: one at a time.
/// *Errors*: those of what it holds; `operation_not_supported` for what that does not have: writing
/// in place, a descriptor. *Lifetime*: goes with what it holds; where opening made a name by
/// `create`, the duty to remove it is held here, too. *Crash*: that of what it holds.
class any_sender {
 public:
  /// The kinds that there are. Another one is a word here, and a line in any_open.cpp if it has
  /// addresses.
  using held_type =
      std::variant<ring_sender, ring_queue_sender, ring_publisher, hardened_sender, fifo_sender,
                   framed_sender<pipe_writer>, system_v_queue_sender, posix_queue_sender,
                   mailbox_sender, signal_channel_sender, local_sender, framed_sender<unix_stream>,
                   framed_sender<tcp_stream>, framed_sender<packet_byte_writer>, unix_seqpacket,
                   unix_datagram_sender, udp_socket>;
  using window = basic_ring_window<any_sender>;

  /// Opens what an address leads to. The deadline is for channels that are opened by meeting: fifo,
  /// signal, unix and tcp. A sender connects; it waits for a receiver that is not there yet.
  [[nodiscard]] static result<any_sender> open(const endpoint& where,
                                               deadline until = deadline::never());
  [[nodiscard]] static result<any_sender> open(std::string_view address,
                                               deadline until = deadline::never());

  template <class Sender>
    requires is_held_in<Sender, held_type>
  any_sender(Sender sender) noexcept : held_(std::move(sender)) {}
  /// Holds the end of its carrier, with all that this can.
  any_sender(ring_connection_sender sender) noexcept;

  [[nodiscard]] result<void> try_send(const_bytes message);
  [[nodiscard]] result<void> send_waiting(const_bytes message);
  [[nodiscard]] result<void> wait_writable(deadline until);
  [[nodiscard]] result<void> send(const_bytes message, deadline until = deadline::never());
  /// Waits until the channel has taken all that was accepted; most take it at once.
  [[nodiscard]] result<void> flush(deadline until = deadline::never());

  /// Takes part in a forked child, where the inherited end of a ring or of signals has none.
  [[nodiscard]] result<void> attach();
  /// Ends it, waiting until the channel has room to say so, where a sender that just goes may end
  /// unnoticed (signals); `broken_pipe` from a later send there. Elsewhere nothing is to be waited
  /// for, and it stays as it is until it goes.
  [[nodiscard]] result<void> detach(deadline until = deadline::never());

  /// Room for a message of at most `bytes`, to be written in place and committed: rings.
  [[nodiscard]] result<window> try_claim(std::size_t bytes);
  /// Of the window.
  void commit(std::size_t bytes) noexcept;

  [[nodiscard]] std::size_t max_message_bytes() const noexcept;
  [[nodiscard]] const channel_capabilities& capabilities() const noexcept;
  /// What poll(2) and epoll(7) are to be asked; `operation_not_supported` where there is nothing.
  [[nodiscard]] result<poll_interest> poll_handle();
  /// The same for selector, relay and Asio (base/readiness.hpp).
  [[nodiscard]] result<readiness> send_readiness();
  /// What became of the receivers; `operation_not_supported` where the channel proves nobody's
  /// life.
  [[nodiscard]] result<ring_presence> peer();
  /// Us, for receivers to ask after; nothing where the channel proves nobody's life.
  [[nodiscard]] std::optional<ring_participant> participant() const noexcept;

  /// What it holds, if it is of this kind.
  template <class Sender>
    requires is_held_in<Sender, held_type>
  [[nodiscard]] Sender* get_if() noexcept {
    return std::get_if<Sender>(&held_);
  }

 private:
  friend struct any_open;
  std::shared_ptr<void> name_;  // the duty to remove what opening made
  held_type held_;
  long each_ = -1;  // type or priority of each message, where the address says one
};

template <>
inline constexpr bool may_have_no_descriptor<any_sender> = true;

static_assert(waiting_sender<any_sender> && pollable_to_send<any_sender>);
static_assert(std::is_nothrow_move_constructible_v<any_sender>);

}  // namespace sluice
