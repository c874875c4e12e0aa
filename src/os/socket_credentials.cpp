#include <cerrno>
#include <sluice/os/socket_credentials.hpp>

#include "os/syscall_sockets.hpp"

namespace sluice {

result<socket_credentials> peer_credentials_of(int socket) {
  auto facts = syscall::facts_of(socket);
  if (!facts) return failure{facts.error()};
  if (facts->family != syscall::socket_family::unix_domain)
    return failure{std::errc::invalid_argument, "getsockopt",
                   "only Unix sockets know who is at the other end"};
  return syscall::peer_credentials(socket);
}

result<process> peer_process_of(int socket) {
  auto who = peer_credentials_of(socket);
  if (!who) return failure{who.error()};
  if (who->process == 0)
    return failure{std::errc::no_such_process, "getsockopt",
                   "the peer is in a PID namespace that cannot be seen from here"};
  auto handle = syscall::peer_process_handle(socket);
  if (handle) return process::from_native(std::move(*handle), who->process);
  const bool kernel_cannot = handle.error() == std::errc::no_protocol_option ||
                             handle.error() == std::errc::function_not_supported;
  if (!kernel_cannot) return failure{handle.error()};
  return process::open(who->process);
}

}  // namespace sluice
