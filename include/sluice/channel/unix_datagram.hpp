#pragma once
// Unix datagram sockets: messages of any number of senders to one receiver at an address, without a
// connection. What has been accepted arrives, and in the order sent: unlike UDP they lose nothing.

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/channel/unix_connection.hpp>
#include <sluice/os/owned_name.hpp>
#include <sluice/os/packet_socket.hpp>
#include <sluice/os/received_handles.hpp>
#include <span>
#include <string>
#include <string_view>

namespace sluice {

inline constexpr channel_capabilities unix_datagram_capabilities{
    .mechanism = "unix datagram",
    .keeps_boundaries = true,
    .order = ordering::total,
    .many_senders = true,
    .many_receivers = true,
    .pollable = true,
    .carries_handles = true,
    .max_message_bytes = packet_socket::default_max_message_bytes,
};

struct unix_datagram_pair;

/// Sends messages to the receiver at an address.
///
/// *Semantics*: all or nothing. The kernel lets only so many messages wait for one receiver
/// (net.unix.max_dgram_qlen), whatever their size, and one sender so many bytes; then it would
/// block. *Threads*: all verbs from any thread at once, except `wait_for_peer`; moving from one.
/// *Errors*: `message_size` above the maximum; `broken_pipe` when the receiver is gone: another
/// that takes its address is found by `wait_for_peer`. *Lifetime*: independent of the receiver.
/// *Crash*: what was sent is received.
class unix_datagram_sender {
 public:
  static constexpr channel_capabilities capabilities = unix_datagram_capabilities;

  /// Addresses and options as in unix_stream::connect.
  [[nodiscard]] static result<unix_datagram_sender> connect(
      std::string_view address, deadline until = deadline::now(),
      const unix_connect_options& options = {});

  [[nodiscard]] result<void> try_send(const_bytes message) { return socket_.try_send(message); }
  [[nodiscard]] result<void> send_waiting(const_bytes message) {
    return socket_.send_waiting(message);
  }
  [[nodiscard]] result<void> wait_writable(deadline until) { return socket_.wait_writable(until); }
  /// With descriptors, which stay the caller's.
  [[nodiscard]] result<void> try_send(const_bytes message, std::span<const int> handles) {
    return socket_.try_send(message, handles);
  }

  [[nodiscard]] result<void> send(const_bytes message, deadline until = deadline::never()) {
    return sluice::send(*this, message, until);
  }

  /// Waits until somebody receives at the address, and sends to that one from then on.
  [[nodiscard]] result<void> wait_for_peer(deadline until);

  [[nodiscard]] std::size_t max_message_bytes() const noexcept {
    return socket_.max_message_bytes();
  }
  [[nodiscard]] int native_handle() const noexcept { return socket_.native_handle(); }

 private:
  friend class unix_datagram_receiver;
  unix_datagram_sender(packet_socket socket, std::string address, unix_connect_options options)
      : socket_(std::move(socket)), address_(std::move(address)), options_(std::move(options)) {}
  packet_socket socket_;
  std::string address_;  // empty: of a pair
  unix_connect_options options_;
};

struct unix_datagram_options {
  mode_t mode = 0600;  ///< Of the socket's file, exact: who may write to it may send.
  /// The longest message that is expected: a buffer of this size costs one system call. A longer
  /// one that comes all the same is cut (`message_size`), unless the buffer holds it.
  std::size_t max_message_bytes = packet_socket::default_max_message_bytes;
  runtime_directory_options directory = {};
};

/// Receives the messages of all senders to an address.
///
/// *Semantics*: each message whole; there is no end, since others may send later. A receive buffer
/// of the `max_message_bytes` that it was made with costs one system call, a smaller one two; too
/// small, it leaves the message. An abstract address has no mode: whoever is in the same network
/// namespace may send. *Threads*: all verbs from any thread at once, as in os/packet_socket.hpp;
/// moving from one.
/// *Errors*: `address_in_use` when somebody lives at the address. *Lifetime*: the name goes with
/// the object, and what was not received with it. *Crash*: a name stays behind, and whoever takes
/// the address next clears it away.
class unix_datagram_receiver {
 public:
  static constexpr channel_capabilities capabilities = unix_datagram_capabilities;

  [[nodiscard]] static result<unix_datagram_receiver> create(
      std::string_view address, const unix_datagram_options& options = {});
  /// A receiver without an address, and its only sender. Source: socketpair(2).
  [[nodiscard]] static result<unix_datagram_pair> create_pair(
      std::size_t max_message_bytes = packet_socket::default_max_message_bytes);

  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes buffer) {
    return socket_.try_receive(buffer);
  }
  [[nodiscard]] result<std::size_t> receive_waiting(mutable_bytes buffer) {
    return socket_.receive_waiting(buffer);
  }
  [[nodiscard]] result<std::size_t> next_size() { return socket_.next_size(); }
  [[nodiscard]] result<void> wait_readable(deadline until) { return socket_.wait_readable(until); }
  /// And what came with the message; `handles` has nothing else afterwards.
  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes buffer, received_handles& handles) {
    return socket_.try_receive(buffer, handles);
  }

  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer,
                                            deadline until = deadline::never()) {
    return sluice::receive(*this, buffer, until);
  }
  /// A second owner of the same socket, without the duty to its name: each message goes to one.
  [[nodiscard]] result<unix_datagram_receiver> duplicate() const;

  [[nodiscard]] std::size_t max_message_bytes() const noexcept {
    return socket_.max_message_bytes();
  }
  [[nodiscard]] int native_handle() const noexcept { return socket_.native_handle(); }

 private:
  unix_datagram_receiver(packet_socket socket, std::optional<owned_name> name)
      : socket_(std::move(socket)), name_(std::move(name)) {}
  packet_socket socket_;
  std::optional<owned_name> name_;
};

struct unix_datagram_pair {
  unix_datagram_sender sender;
  unix_datagram_receiver receiver;
};

static_assert(waiting_sender<unix_datagram_sender> && waiting_receiver<unix_datagram_receiver>);

}  // namespace sluice
