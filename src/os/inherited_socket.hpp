#pragma once
// Listening sockets that a service manager opened and hands over by number. Source:
// sd_listen_fds(3), which says the same with another library.

#include <initializer_list>
#include <sluice/base/result.hpp>
#include <sluice/os/socket_type.hpp>
#include <sluice/os/unique_fd.hpp>

#include "os/syscall_sockets.hpp"

namespace sluice::inherited_socket {

/// Takes over the socket with this index, close-on-exec, after checking that it was meant for this
/// process and is of one of these families and this type, and listens. A socket that is refused
/// stays open: it is not ours.
[[nodiscard]] result<unique_fd> take(std::size_t index,
                                     std::initializer_list<syscall::socket_family> families,
                                     socket_type type);

}  // namespace sluice::inherited_socket
