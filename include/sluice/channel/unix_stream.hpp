#pragma once
// Connections of Unix stream sockets: bytes both ways between two processes of one machine, which
// know who the other is. framed<> (compose/framed.hpp) lifts each direction to messages.

#include <cstddef>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/channel/unix_connection.hpp>
#include <sluice/os/socket_credentials.hpp>
#include <sluice/os/stream_socket.hpp>
#include <string_view>

namespace sluice {

inline constexpr channel_capabilities unix_stream_capabilities{
    .mechanism = "unix stream",
    .keeps_boundaries = false,
    .order = ordering::total,
    .many_senders = false,
    .many_receivers = false,
    .pollable = true,
};

struct unix_stream_pair;

/// One end of a connection.
///
/// *Semantics*: a duplex: a reader and a writer of bytes at once. `duplicate` makes a second owner
/// of the same end, so that one can be given to a framed_sender and one to a framed_receiver; the
/// peer sees the end when the last of them is gone, or after `finish`. *Threads*: all verbs from
/// any thread at once; moving from one. *Errors*: `errc::closed` after all was read;
/// `connection_reset` instead if the peer went without reading what we had sent; writing to who is
/// gone is `broken_pipe`, as a value: SIGPIPE is never raised. *Lifetime*: independent of the
/// listener and its name. *Crash*: a killed peer looks like one that left, unless it had not read
/// everything.
class unix_stream {
 public:
  static constexpr channel_capabilities capabilities = unix_stream_capabilities;
  static constexpr socket_type type = socket_type::stream;

  /// Connects with the listener at `address`: "chat", "/tmp/chat.sock", "@chat"
  /// (os/unix_address.hpp). The deadline is for the listener's queue, and for the listener itself
  /// where the options say that it is to be waited for.
  [[nodiscard]] static result<unix_stream> connect(std::string_view address,
                                                   deadline until = deadline::never(),
                                                   const unix_connect_options& options = {});
  /// Both ends of a connection without an address. Source: socketpair(2).
  [[nodiscard]] static result<unix_stream_pair> create_pair();
  /// Takes over a connected Unix stream socket; `invalid_argument` if it is none.
  [[nodiscard]] static result<unix_stream> from_native(unique_fd fd);

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
  [[nodiscard]] result<unix_stream> duplicate() const;

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
  explicit unix_stream(stream_socket socket) noexcept : socket_(std::move(socket)) {}
  stream_socket socket_;
};

struct unix_stream_pair {
  unix_stream first;
  unix_stream second;
};

static_assert(waiting_reader<unix_stream> && waiting_writer<unix_stream>);

}  // namespace sluice
