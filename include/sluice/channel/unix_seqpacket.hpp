#pragma once
// Connections of Unix seqpacket sockets: messages both ways between two processes of one machine,
// which know who the other is, and descriptors that go with the messages: a file, a pipe end, a
// whole ring.

#include <cstddef>
#include <optional>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/channel/unix_connection.hpp>
#include <sluice/os/packet_socket.hpp>
#include <sluice/os/received_handles.hpp>
#include <sluice/os/socket_credentials.hpp>
#include <span>
#include <string_view>

namespace sluice {

/// The largest message is what ends are made for unless somebody asks for another size, which
/// net.core.wmem_max limits.
inline constexpr channel_capabilities unix_seqpacket_capabilities{
    .mechanism = "unix seqpacket",
    .keeps_boundaries = true,
    .order = ordering::total,
    .many_senders = true,
    .many_receivers = true,
    .pollable = true,
    .carries_handles = true,
    .min_message_bytes = 1,
    .max_message_bytes = packet_socket::default_max_message_bytes,
};

struct unix_seqpacket_pair;

/// One end of a connection.
///
/// *Semantics*: a duplex: a sender and a receiver at once; each message all or nothing. A message
/// has a byte at least: one without any would look like the end. `duplicate` makes a second owner
/// of the same end. A receive buffer of `max_message_bytes` costs one system call, a smaller one
/// two; too small, it leaves the message. Descriptors are received only by who asks for them; else
/// the kernel closes them. *Threads*: all verbs from any thread at once; moving from one. Several
/// processes may share an end, each message going to one; as receivers they need buffers of
/// `max_message_bytes` (os/packet_socket.hpp). *Errors*: `message_size` above the maximum;
/// `broken_pipe` when the peer is gone; `errc::closed` after all was received, `connection_reset`
/// instead if the peer went without receiving everything itself; more descriptors than
/// `received_handles::max` are refused, and where they come anyway all are closed, with the
/// message. *Lifetime*: independent of the listener and its name. *Crash*: what a killed peer had
/// sent is still received.
class unix_seqpacket {
 public:
  static constexpr channel_capabilities capabilities = unix_seqpacket_capabilities;
  static constexpr socket_type type = socket_type::seqpacket;

  /// As unix_stream::connect.
  [[nodiscard]] static result<unix_seqpacket> connect(std::string_view address,
                                                      deadline until = deadline::never(),
                                                      const unix_connect_options& options = {});
  /// Both ends of a connection without an address. Source: socketpair(2).
  [[nodiscard]] static result<unix_seqpacket_pair> create_pair(
      std::size_t max_message_bytes = packet_socket::default_max_message_bytes);
  /// Takes over a connected Unix seqpacket socket, with the room that it has.
  [[nodiscard]] static result<unix_seqpacket> from_native(unique_fd fd);
  /// The same, with room for messages of this size: `message_size` where that is refused.
  [[nodiscard]] static result<unix_seqpacket> from_native(unique_fd fd,
                                                          std::size_t max_message_bytes);

  [[nodiscard]] result<void> try_send(const_bytes message) { return socket_.try_send(message); }
  [[nodiscard]] result<void> send_waiting(const_bytes message) {
    return socket_.send_waiting(message);
  }
  [[nodiscard]] result<void> wait_writable(deadline until) { return socket_.wait_writable(until); }
  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes buffer) {
    return socket_.try_receive(buffer);
  }
  [[nodiscard]] result<std::size_t> receive_waiting(mutable_bytes buffer) {
    return socket_.receive_waiting(buffer);
  }
  [[nodiscard]] result<std::size_t> next_size() { return socket_.next_size(); }
  [[nodiscard]] result<void> wait_readable(deadline until) { return socket_.wait_readable(until); }

  /// With descriptors, which stay the caller's and may be closed after this.
  [[nodiscard]] result<void> try_send(const_bytes message, std::span<const int> handles) {
    return socket_.try_send(message, handles);
  }
  /// And what came with the message; `handles` has nothing else afterwards.
  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes buffer, received_handles& handles) {
    return socket_.try_receive(buffer, handles);
  }

  [[nodiscard]] result<void> send(const_bytes message, deadline until = deadline::never()) {
    return sluice::send(*this, message, until);
  }
  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer,
                                            deadline until = deadline::never()) {
    return sluice::receive(*this, buffer, until);
  }
  [[nodiscard]] result<void> send(const_bytes message, std::span<const int> handles,
                                  deadline until = deadline::never());
  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer, received_handles& handles,
                                            deadline until = deadline::never());

  /// We send no more, and may go on receiving: the peer sees the end.
  [[nodiscard]] result<void> finish();
  /// We receive no more, and may go on sending: the peer's sending is `broken_pipe`.
  [[nodiscard]] result<void> finish_receiving();
  [[nodiscard]] result<unix_seqpacket> duplicate() const;

  [[nodiscard]] std::size_t max_message_bytes() const noexcept {
    return socket_.max_message_bytes();
  }
  /// Who connected, or listened, as the kernel saw it.
  [[nodiscard]] result<socket_credentials> peer_credentials() const {
    return peer_credentials_of(native_handle());
  }
  /// A handle on that process (os/socket_credentials.hpp).
  [[nodiscard]] result<process> peer_process() const { return peer_process_of(native_handle()); }

  [[nodiscard]] int native_handle() const noexcept { return socket_.native_handle(); }
  [[nodiscard]] unique_fd release_handle() && noexcept {
    return std::move(socket_).release_handle();
  }

 private:
  explicit unix_seqpacket(packet_socket socket) noexcept : socket_(std::move(socket)) {}
  packet_socket socket_;
};

struct unix_seqpacket_pair {
  unix_seqpacket first;
  unix_seqpacket second;
};

static_assert(waiting_sender<unix_seqpacket> && waiting_receiver<unix_seqpacket>);

}  // namespace sluice
