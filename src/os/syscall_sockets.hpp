#pragma once
// The door, part of the sockets: two that are connected with each other, and descriptors that go
// from process to process through them. The policy is that of syscall.hpp.

#include <sluice/base/result.hpp>
#include <sluice/os/unique_fd.hpp>

namespace sluice::syscall {

struct socket_ends {
  unique_fd one;
  unique_fd other;
};
/// Two Unix sockets: what is sent into one comes out of the other, message by message. Source:
/// socketpair(2), SOCK_SEQPACKET.
[[nodiscard]] result<socket_ends> socket_pair();

/// Sends a descriptor, which stays the caller's; waits for room. `broken_pipe` when nobody has the
/// other end. Source: unix(7), SCM_RIGHTS.
[[nodiscard]] result<void> send_handle(int socket, int handle);
/// Waits for one, which is the caller's from then on. `errc::closed` when nobody has the other end
/// and nothing is left; `bad_message` for a message without a descriptor.
[[nodiscard]] result<unique_fd> receive_handle(int socket);

}  // namespace sluice::syscall
