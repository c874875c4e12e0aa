#pragma once
// Who is at the other end of a Unix socket: the kernel says it, the peer cannot lie.

#include <sys/types.h>

#include <functional>
#include <sluice/base/result.hpp>
#include <sluice/os/process.hpp>
#include <vector>

namespace sluice {

/// Of whoever connected, or listens: as it was at that moment, in the namespaces of the reader. A
/// process that handed its socket on is still named. Source: SO_PEERCRED in unix(7).
struct socket_credentials {
  pid_t process = 0;  ///< 0: a process that this PID namespace cannot see.
  uid_t user = 0;
  gid_t group = 0;
  friend bool operator==(const socket_credentials&, const socket_credentials&) = default;
};

/// Of the other end of a connection or pair. `invalid_argument` for what is no Unix socket.
[[nodiscard]] result<socket_credentials> peer_credentials_of(int socket);

/// A handle on the process of the other end, which sees its death. By the kernel's word where it
/// gives one (SO_PEERPIDFD, Linux 6.5); else by its number, which another process may bear if the
/// peer died before this call and its number was given away: there, ask at once after accepting.
/// `no_such_process` when it is gone and reaped.
[[nodiscard]] result<process> peer_process_of(int socket);

/// Whom a listener lets in. Each part that is given must agree.
struct peer_filter {
  /// Effective users; empty: all that the mode of the socket's file lets through, and of an
  /// abstract address, which has none, our own user.
  std::vector<uid_t> users = {};
  /// Effective groups (others that the peer belongs to do not count); empty: all.
  std::vector<gid_t> groups = {};
  /// Has the last word; empty: yes.
  std::function<bool(const socket_credentials&)> admits = {};
};

}  // namespace sluice
