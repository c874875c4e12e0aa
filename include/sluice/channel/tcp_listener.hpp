#pragma once
// Servers of TCP. They listen on the loopback address unless told otherwise: nothing here asks who
// connects, so the network is let in by a decision, not by default.

#include <cstddef>
#include <sluice/base/deadline.hpp>
#include <sluice/base/readiness.hpp>
#include <sluice/base/result.hpp>
#include <sluice/channel/tcp_stream.hpp>
#include <sluice/os/inet_address.hpp>
#include <sluice/os/listening_socket.hpp>

namespace sluice {

struct tcp_listener_options {
  /// Port 0: one that is free, which `address()` tells. `inet_address::any(port)` is every address
  /// of the machine. Version 6 listens for version 6 alone.
  inet_address address = inet_address::loopback();
  /// How many may wait to be accepted, exactly; net.core.somaxconn limits it.
  int backlog = 128;
  tcp_stream_options stream = {};
};

/// Listens for connections.
///
/// *Semantics*: exactly one of several servers gets an address; connections of an earlier one that
/// still linger do not keep it. *Threads*: one thread at a time; several processes may share it
/// after fork, and each connection goes to one. *Errors*: `address_in_use`; `permission_denied` for
/// ports below 1024; `too_many_files_open` from accepting, when the connection was closed for want
/// of a descriptor (os/listening_socket.hpp): the listener goes on. *Lifetime*: connections stay.
/// *Crash*: the address is free at once; who waited to be accepted is told.
class tcp_listener {
 public:
  [[nodiscard]] static result<tcp_listener> create(const tcp_listener_options& options = {});
  /// Takes over a listening socket of a service manager, as unix_listener::inherited does; the
  /// address is the manager's to choose, and `address()` tells it.
  [[nodiscard]] static result<tcp_listener> inherited(std::size_t index = 0,
                                                      const tcp_stream_options& stream = {});

  /// A connection that waits to be accepted, if there is one.
  [[nodiscard]] result<tcp_stream> try_accept();
  /// Waits for one.
  [[nodiscard]] result<tcp_stream> accept(deadline until = deadline::never());
  /// Waits until somebody connects, without accepting; `timed_out` once the deadline passed.
  [[nodiscard]] result<void> wait_for_peer(deadline until) { return socket_.wait_readable(until); }

  /// Where it listens, with the port that it got.
  [[nodiscard]] const inet_address& address() const noexcept { return address_; }
  /// Readable (POLLIN) while a connection waits.
  [[nodiscard]] int native_handle() const noexcept { return socket_.native_handle(); }

 private:
  tcp_listener(listening_socket socket, const inet_address& address,
               const tcp_stream_options& stream) noexcept
      : socket_(std::move(socket)), address_(address), stream_(stream) {}
  static result<tcp_listener> over(unique_fd fd, const tcp_stream_options& stream);

  listening_socket socket_;
  inet_address address_;
  tcp_stream_options stream_;
};

/// Readable while a connection waits.
template <>
inline constexpr bool polled_by_native_handle<tcp_listener> = true;

}  // namespace sluice
