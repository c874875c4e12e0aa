#pragma once
// TCP connections: bytes both ways between two processes, on one machine or on two. framed<>
// (compose/framed.hpp) lifts each direction to messages. Nothing here encrypts, and nothing knows
// who the peer is.

#include <cstddef>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/os/inet_address.hpp>
#include <sluice/os/stream_socket.hpp>

namespace sluice {

inline constexpr channel_capabilities tcp_stream_capabilities{
    .mechanism = "tcp",
    .keeps_boundaries = false,
    .order = ordering::total,
    .many_senders = false,
    .many_receivers = false,
    .pollable = true,
    .reaches = reach::machines,
};

struct tcp_stream_options {
  /// What is written goes out at once. Without it small writes wait for the answer to the ones
  /// before (TCP_NODELAY off), which saves packets and costs messages up to 40 ms.
  bool no_delay = true;
  /// Asks a peer that is silent for long whether it is there, so that a machine that vanished is
  /// noticed after some hours, or as net.ipv4.tcp_keepalive_time says.
  bool keep_alive = true;
};

struct tcp_connect_options {
  tcp_stream_options stream = {};
  /// Wait for a server that does not listen yet instead of reporting `connection_refused` at once.
  bool wait_for_peer = false;
};

/// One end of a connection.
///
/// *Semantics*: a duplex: a reader and a writer of bytes at once. `duplicate` makes a second owner
/// of the same end; the peer sees the end when the last of them is gone, or after `finish`.
/// *Threads*: all verbs from any thread at once; moving from one. *Errors*: `errc::closed` after
/// all was read; `connection_reset` when the peer went without reading everything, or its machine
/// forgot the connection. Who writes to a peer that is gone is told late: what the kernel took
/// before the peer's answer came counts as written and is lost; then it is `broken_pipe`.
/// `timed_out` from a verb that does not wait says that the network lost the peer. *Lifetime*:
/// independent of the listener. *Crash*: a killed peer looks like one that left, unless it had not
/// read everything; a machine that lost its power is silent.
class tcp_stream {
 public:
  static constexpr channel_capabilities capabilities = tcp_stream_capabilities;

  /// Connects, at most until the deadline (`timed_out`); `connection_refused` where nobody listens.
  [[nodiscard]] static result<tcp_stream> connect(const inet_address& address,
                                                  deadline until = deadline::never(),
                                                  const tcp_connect_options& options = {});
  /// Takes over a connected TCP socket; `invalid_argument` if it is none.
  [[nodiscard]] static result<tcp_stream> from_native(unique_fd fd,
                                                      const tcp_stream_options& options = {});

  [[nodiscard]] result<std::size_t> try_read(mutable_bytes buffer) {
    return socket_.try_read(buffer);
  }
  [[nodiscard]] result<std::size_t> read_waiting(mutable_bytes buffer) {
    return socket_.read_waiting(buffer);
  }
  [[nodiscard]] result<void> wait_readable(deadline until) { return socket_.wait_readable(until); }
  [[nodiscard]] result<std::size_t> try_write(byte_parts parts) { return socket_.try_write(parts); }
  [[nodiscard]] result<std::size_t> try_write(const_bytes bytes) {
    return socket_.try_write(byte_parts{&bytes, 1});
  }
  [[nodiscard]] result<std::size_t> write_waiting(byte_parts parts) {
    return socket_.write_waiting(parts);
  }
  [[nodiscard]] result<void> wait_writable(deadline until) { return socket_.wait_writable(until); }

  [[nodiscard]] result<std::size_t> read_some(mutable_bytes buffer,
                                              deadline until = deadline::never()) {
    return sluice::read_some(*this, buffer, until);
  }
  [[nodiscard]] result<void> read_exactly(mutable_bytes buffer,
                                          deadline until = deadline::never()) {
    return sluice::read_exactly(*this, buffer, until);
  }
  [[nodiscard]] result<void> write_all(const_bytes bytes, deadline until = deadline::never()) {
    return sluice::write_all(*this, bytes, until);
  }

  /// We send no more, and may go on reading: the peer sees the end.
  [[nodiscard]] result<void> finish() { return socket_.finish(); }
  /// A second owner of this end.
  [[nodiscard]] result<tcp_stream> duplicate() const;

  [[nodiscard]] result<inet_address> local_address() const;
  [[nodiscard]] result<inet_address> peer_address() const;

  [[nodiscard]] int native_handle() const noexcept { return socket_.native_handle(); }
  [[nodiscard]] unique_fd release_handle() && noexcept {
    return std::move(socket_).release_handle();
  }

 private:
  explicit tcp_stream(stream_socket socket) noexcept : socket_(std::move(socket)) {}
  stream_socket socket_;
};

static_assert(waiting_reader<tcp_stream> && waiting_writer<tcp_stream>);

}  // namespace sluice
