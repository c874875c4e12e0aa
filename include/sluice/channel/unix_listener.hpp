#pragma once
// Servers of Unix sockets: an address, and the connections that come to it, stream or seqpacket.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <sluice/base/deadline.hpp>
#include <sluice/base/readiness.hpp>
#include <sluice/base/result.hpp>
#include <sluice/base/retry.hpp>
#include <sluice/channel/unix_seqpacket.hpp>
#include <sluice/channel/unix_stream.hpp>
#include <sluice/os/listening_socket.hpp>
#include <sluice/os/owned_name.hpp>
#include <sluice/os/runtime_directory.hpp>
#include <sluice/os/socket_credentials.hpp>
#include <sluice/os/socket_type.hpp>
#include <string>
#include <string_view>

namespace sluice {

struct unix_listener_options {
  mode_t mode = 0600;  ///< Of the socket's file, exact: who may write to it may connect.
  /// How many may wait to be accepted, exactly; more wait in `connect`. net.core.somaxconn limits
  /// it.
  int backlog = 128;
  peer_filter filter = {};
  runtime_directory_options directory = {};
};

/// What a service manager hands over. Source: sd_listen_fds(3).
struct inherited_options {
  /// Which of its sockets, counted from 0.
  std::size_t index = 0;
  /// The path or abstract name ("/run/chat.sock", "@chat") that it must have; empty: any.
  std::string_view address = {};
  peer_filter filter = {};
};

/// The part of a listener that does not depend on what goes through its connections.
class unix_listening_socket {
 public:
  [[nodiscard]] static result<unix_listening_socket> create(socket_type type,
                                                            std::string_view address,
                                                            const unix_listener_options& options);
  [[nodiscard]] static result<unix_listening_socket> inherited(socket_type type,
                                                               const inherited_options& options);
  /// The next connection that the filter admits; those that it does not are closed and counted.
  [[nodiscard]] result<unique_fd> try_accept();
  [[nodiscard]] result<void> wait_readable(deadline until) const {
    return socket_.wait_readable(until);
  }
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }
  [[nodiscard]] int native_handle() const noexcept { return socket_.native_handle(); }
  [[nodiscard]] std::optional<owned_name>& name() noexcept { return name_; }

 private:
  unix_listening_socket(listening_socket socket, std::optional<owned_name> name, peer_filter filter)
      : socket_(std::move(socket)), name_(std::move(name)), filter_(std::move(filter)) {}
  [[nodiscard]] bool admits(const socket_credentials& who) const;

  listening_socket socket_;
  std::optional<owned_name> name_;
  peer_filter filter_;
  std::uint64_t refused_ = 0;
};

/// Listens at an address for connections of this kind.
///
/// *Semantics*: of several servers that want an address exactly one gets it. The name of one that
/// died is cleared away, in the runtime directory and at a path alike; at a path a program that is
/// not ours may remove a name at any time, which nobody can prevent. *Threads*: one thread at a
/// time; several processes may share it after fork, and each connection goes to one. *Errors*:
/// `address_in_use`; what the name leads to is never touched unless it is a socket of ours that
/// nobody uses; `too_many_files_open` from accepting, when the connection was closed for want of a
/// descriptor (os/listening_socket.hpp): the listener goes on. *Lifetime*: the name goes with it;
/// connections stay. *Crash*: the name stays and the next server clears it away; who waited to be
/// accepted is told.
template <class Connection>
class unix_listener {
 public:
  /// "chat", "/tmp/chat.sock", "@chat" (os/unix_address.hpp).
  [[nodiscard]] static result<unix_listener> create(std::string_view address,
                                                    const unix_listener_options& options = {}) {
    return made_of(unix_listening_socket::create(Connection::type, address, options));
  }
  /// Takes over a listening socket of a service manager ($LISTEN_FDS), once. Refused unless it was
  /// meant for this process ($LISTEN_PID), is of this type, and has the address that is asked for.
  /// Its description becomes non-blocking; the environment stays as it is. The name is not ours.
  [[nodiscard]] static result<unix_listener> inherited(const inherited_options& options = {}) {
    return made_of(unix_listening_socket::inherited(Connection::type, options));
  }

  /// A connection that waits to be accepted, if there is one.
  [[nodiscard]] result<Connection> try_accept() {
    auto fd = socket_.try_accept();
    if (!fd) return failure{fd.error()};
    if constexpr (Connection::type == socket_type::seqpacket) {
      return Connection::from_native(std::move(*fd), packet_socket::default_max_message_bytes);
    } else {
      return Connection::from_native(std::move(*fd));
    }
  }
  /// Waits for one.
  [[nodiscard]] result<Connection> accept(deadline until = deadline::never()) {
    return retry_until(
        until, [&] { return try_accept(); }, [&](deadline d) { return wait_for_peer(d); });
  }
  /// Waits until somebody connects, without accepting; `timed_out` once the deadline passed.
  [[nodiscard]] result<void> wait_for_peer(deadline until) { return socket_.wait_readable(until); }

  /// How many connections the filter did not admit.
  [[nodiscard]] std::uint64_t refused() const noexcept { return socket_.refused(); }
  /// The name stays after us: for a successor that shares the socket.
  void persist() noexcept {
    if (auto& name = socket_.name()) name->persist();
  }
  /// Readable (POLLIN) while a connection waits.
  [[nodiscard]] int native_handle() const noexcept { return socket_.native_handle(); }

 private:
  explicit unix_listener(unix_listening_socket socket) : socket_(std::move(socket)) {}
  static result<unix_listener> made_of(result<unix_listening_socket> socket) {
    if (!socket) return failure{socket.error()};
    return unix_listener{std::move(*socket)};
  }
  unix_listening_socket socket_;
};

/// Readable while a connection waits.
template <class Connection>
inline constexpr bool polled_by_native_handle<unix_listener<Connection>> = true;

using unix_stream_listener = unix_listener<unix_stream>;
using unix_seqpacket_listener = unix_listener<unix_seqpacket>;

}  // namespace sluice
