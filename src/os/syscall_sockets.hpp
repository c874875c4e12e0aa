#pragma once
// The door, part of the sockets: making them, naming them, listening, connecting, and asking who is
// at the other end. What goes through them is in syscall_messages.hpp, what only the Internet
// protocols have in syscall_inet.hpp. The policy is that of syscall.hpp; besides, a socket is
// blocking unless somebody here says otherwise, and `try_` goes by the flag of the call.

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <sluice/base/result.hpp>
#include <sluice/os/inet_address.hpp>
#include <sluice/os/socket_credentials.hpp>
#include <sluice/os/socket_type.hpp>
#include <sluice/os/unique_fd.hpp>
#include <string>
#include <string_view>

namespace sluice::syscall {

/// An address as the kernel takes it (sockaddr of any family).
struct socket_address {
  alignas(8) std::array<std::byte, 128> bytes{};
  std::uint32_t size = 0;
};
/// `filename_too_long` beyond 107 bytes.
[[nodiscard]] result<socket_address> path_address(std::string_view path);
[[nodiscard]] socket_address abstract_address(std::string_view name) noexcept;
/// "/path", "@abstract", or "" where it is no Unix address or has no name.
[[nodiscard]] std::string unix_name_of(const socket_address& address);

enum class socket_family { unix_domain, v4, v6, other };
enum class blocking : bool { no, yes };
[[nodiscard]] result<unique_fd> socket(socket_family family, socket_type type,
                                       blocking how = blocking::yes);

struct socket_ends {
  unique_fd one;
  unique_fd other;
};
/// Two Unix sockets: what is sent into one comes out of the other. Source: socketpair(2).
[[nodiscard]] result<socket_ends> socket_pair(socket_type type = socket_type::seqpacket);

/// `address_in_use` if somebody has it.
[[nodiscard]] result<void> bind(int socket, const socket_address& address);
[[nodiscard]] result<void> listen(int socket, int backlog);
/// The next connection, or `resource_unavailable_try_again` at a socket that does not block.
/// Connections that died while they waited are passed over.
[[nodiscard]] result<unique_fd> accept(int socket);
/// False: it is under way (Internet protocols, at a socket that does not block).
[[nodiscard]] result<bool> connect(int socket, const socket_address& address);
/// What came of a connection that was under way (SO_ERROR).
[[nodiscard]] result<void> outcome_of_connect(int socket);
/// No more is sent: the other side reads to the end. Source: shutdown(2).
[[nodiscard]] result<void> end_sending(int socket);
/// No more is received: of a Unix connection, the other side's sending fails (`broken_pipe`).
[[nodiscard]] result<void> end_receiving(int socket);
/// Whether nothing can come or go any more: of a Unix connection, the other side is gone, or both
/// directions have ended.
[[nodiscard]] result<bool> has_hung_up(int socket);
/// What we sent over a Unix connection and the other side has not received, as the kernel counts
/// it: 0 once that took all of it, or is gone. Source: SIOCOUTQ, unix_outq_len() of Linux.
[[nodiscard]] result<std::size_t> bytes_under_way(int socket);
[[nodiscard]] result<socket_address> local_address(int socket);
[[nodiscard]] result<socket_address> peer_address(int socket);

/// What a descriptor is. `not_a_socket` for what is none.
struct socket_facts {
  socket_family family = socket_family::other;
  socket_type type = socket_type::stream;
  bool is_listening = false;
};
[[nodiscard]] result<socket_facts> facts_of(int socket);

/// SO_SNDBUF and SO_RCVBUF as the kernel counts them: with its own expenses, twice what was asked
/// for. Beyond net.core.wmem_max and rmem_max it gives less, in silence.
enum class buffer { sending, receiving };
[[nodiscard]] result<std::size_t> buffer_bytes(int socket, buffer which);
[[nodiscard]] result<void> set_buffer_bytes(int socket, buffer which, std::size_t bytes);

/// Source: SO_PEERCRED and SO_PEERPIDFD in unix(7). The latter is `invalid_argument` or
/// `no_protocol_option` where the kernel cannot.
[[nodiscard]] result<socket_credentials> peer_credentials(int socket);
[[nodiscard]] result<unique_fd> peer_process_handle(int socket);

}  // namespace sluice::syscall
