#pragma once
// Unix sockets and their addresses: bound so that of several servers exactly one wins, and what a
// dead one left behind is in nobody's way; connected to without following a symbolic link.

#include <sys/types.h>

#include <optional>
#include <sluice/os/owned_name.hpp>
#include <sluice/os/runtime_directory.hpp>
#include <sluice/os/socket_type.hpp>
#include <sluice/os/unique_fd.hpp>
#include <sluice/os/unix_address.hpp>

namespace sluice::unix_endpoint {

struct bound {
  unique_fd fd;
  std::optional<owned_name> name;  // nothing for an abstract address, which goes with the socket
};

struct bind_options {
  mode_t mode = 0600;
  int backlog = 0;  // of sockets with connections
  runtime_directory_options directory = {};
};

/// A socket that has this address, and listens if its type does. `address_in_use` when somebody
/// else has it, of whatever type; `invalid_argument` and `permission_denied` when the name leads to
/// something else than a socket of ours. A socket file that nobody is bound to any more is
/// replaced, under the lock of its directory: other users of Sluice cannot come in between, and the
/// name never leads to a socket that does not listen yet.
[[nodiscard]] result<bound> bind(socket_type type, const unix_address& address,
                                 const bind_options& options);

struct connect_options {
  uid_t owner = 0;  // whose socket it may be
  runtime_directory_options directory = {};
};

/// A socket that is connected with the one at this address, without waiting:
/// `no_such_file_or_directory` and `connection_refused` where there is none,
/// `resource_unavailable_try_again` where too many wait before us.
[[nodiscard]] result<unique_fd> connect(socket_type type, const unix_address& address,
                                        const connect_options& options);

/// The same for a socket that exists.
[[nodiscard]] result<void> connect(int socket, const unix_address& address,
                                   const connect_options& options);

}  // namespace sluice::unix_endpoint
