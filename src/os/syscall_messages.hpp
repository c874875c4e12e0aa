#pragma once
// The door, what goes through sockets: bytes, messages, and descriptors that go with them. No
// SIGPIPE; whether a call may wait is said with each call, so that the description stays as it is
// for whoever shares it. What every message makes is inline, as in syscall_invoke.hpp.

#include <sys/socket.h>
#include <sys/syscall.h>

#include <array>
#include <cstddef>
#include <sluice/base/bytes.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/received_handles.hpp>
#include <sluice/os/unique_fd.hpp>
#include <span>

#include "os/syscall_invoke.hpp"
#include "os/syscall_sockets.hpp"

namespace sluice::syscall {

enum class waits : bool { never, allowed };

constexpr waits waits_of(bool may_wait) noexcept {
  return may_wait ? waits::allowed : waits::never;
}

inline int wait_flag(waits how) noexcept { return how == waits::never ? int{MSG_DONTWAIT} : 0; }

/// How many bytes came, 0 at the end of a connection, or minus the errno.
inline long receive_outcome(int socket, mutable_bytes into, waits how) noexcept {
  constexpr void* anybody = nullptr;
  return retried(SYS_recvfrom, socket, into.data(), into.size(), wait_flag(how), anybody, anybody);
}
/// How long the message was that now is in `into`, which may be more than has room there.
inline long receive_message_outcome(int socket, mutable_bytes into, waits how) noexcept {
  constexpr void* anybody = nullptr;
  const int flags = MSG_TRUNC | wait_flag(how);
  return retried(SYS_recvfrom, socket, into.data(), into.size(), flags, anybody, anybody);
}
/// How long the next message is, which stays.
inline long next_size_outcome(int socket, waits how) noexcept {
  constexpr void* nowhere = nullptr;
  const int flags = MSG_PEEK | MSG_TRUNC | wait_flag(how);
  return retried(SYS_recvfrom, socket, nowhere, 0, flags, nowhere, nowhere);
}
/// How many bytes went, or minus the errno.
inline long send_outcome(int socket, const_bytes bytes, waits how) noexcept {
  constexpr void* the_peer = nullptr;
  const int flags = MSG_NOSIGNAL | wait_flag(how);
  return retried(SYS_sendto, socket, bytes.data(), bytes.size(), flags, the_peer, 0);
}
/// Up to so many bytes go into a socket as one piece: a page, and the header of a frame.
inline constexpr std::size_t gathered_for_sockets = 4096 + 64;

/// By sendto(2), not by sendmsg(2).
inline bool goes_as_one_piece(byte_parts parts) noexcept {
  return parts.size() == 1 || total_size(parts) <= gathered_for_sockets;
}

inline long send_outcome(int socket, byte_parts parts, waits how) noexcept {
  if (parts.size() == 1) return send_outcome(socket, parts.front(), how);
  if (goes_as_one_piece(parts)) {
    std::array<std::byte, gathered_for_sockets> room;
    return send_outcome(socket, gathered(parts, room), how);
  }
  assert(parts.size() <= max_byte_parts);
  std::array<iovec, max_byte_parts> pieces;
  const std::size_t count = std::min(parts.size(), pieces.size());
  for (std::size_t i = 0; i < count; ++i) {
    // The kernel only reads what it is given here; iovec has no const form.
    pieces[i] = {.iov_base = const_cast<std::byte*>(parts[i].data()), .iov_len = parts[i].size()};
  }
  msghdr header{};
  header.msg_iov = pieces.data();
  header.msg_iovlen = count;
  return retried(SYS_sendmsg, socket, &header, MSG_NOSIGNAL | wait_flag(how));
}

/// To and from an address, for sockets without a connection.
inline long send_to_outcome(int socket, const_bytes bytes, const socket_address& to,
                            waits how) noexcept {
  const int flags = MSG_NOSIGNAL | wait_flag(how);
  return retried(SYS_sendto, socket, bytes.data(), bytes.size(), flags, to.bytes.data(), to.size);
}
inline long receive_from_outcome(int socket, mutable_bytes into, socket_address& from,
                                 waits how) noexcept {
  from.size = static_cast<std::uint32_t>(from.bytes.size());
  const int flags = MSG_TRUNC | wait_flag(how);
  return retried(SYS_recvfrom, socket, into.data(), into.size(), flags, from.bytes.data(),
                 &from.size);
}
/// The same into two places.
[[nodiscard]] long receive_from_outcome(int socket, mutable_bytes into, mutable_bytes rest,
                                        socket_address& from, waits how) noexcept;

/// A message with descriptors, which stay the caller's: as `send_outcome`. At most
/// received_handles::max of them. Source: unix(7), SCM_RIGHTS.
[[nodiscard]] long send_with_handles_outcome(int socket, const_bytes message,
                                             std::span<const int> handles, waits how) noexcept;
/// As `receive_message_outcome`, and the descriptors that came with it, which are the caller's from
/// then on. -EMSGSIZE when more came than the list holds, or the kernel had no room for all: then
/// those that came are closed, and the message is gone.
[[nodiscard]] long receive_with_handles_outcome(int socket, mutable_bytes into,
                                                received_handles& handles, waits how) noexcept;

/// Sends a descriptor, which stays the caller's; waits for room. `broken_pipe` when nobody has the
/// other end.
[[nodiscard]] result<void> send_handle(int socket, int handle);
/// Waits for one, which is the caller's from then on. `errc::closed` when nobody has the other end
/// and nothing is left; `bad_message` for a message without a descriptor.
[[nodiscard]] result<unique_fd> receive_handle(int socket);

}  // namespace sluice::syscall
