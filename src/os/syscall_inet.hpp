#pragma once
// The door, part of the Internet protocols: their addresses, and the options that only they have.
// The policy is that of syscall_sockets.hpp.

#include <array>
#include <cstdint>
#include <optional>
#include <sluice/base/result.hpp>
#include <sluice/os/inet_address.hpp>
#include <string>

#include "os/syscall_sockets.hpp"

namespace sluice::syscall {

/// An address without a port, as text; false if it is none. No system calls.
[[nodiscard]] bool read_address(const char* text, bool is_v6,
                                std::array<std::uint8_t, 16>& into) noexcept;
[[nodiscard]] std::string write_address(const std::array<std::uint8_t, 16>& bytes, bool is_v6);

[[nodiscard]] socket_address address_of(const inet_address& address) noexcept;
/// Nothing where it is one of another family.
[[nodiscard]] std::optional<inet_address> inet_of(const socket_address& address) noexcept;
[[nodiscard]] inline socket_family family_of(const inet_address& address) noexcept {
  return address.is_v6() ? socket_family::v6 : socket_family::v4;
}

/// What is written goes out at once, without waiting for more (TCP_NODELAY).
[[nodiscard]] result<void> set_no_delay(int socket, bool yes);
/// Binding works although connections of an earlier listener linger. Source: SO_REUSEADDR.
[[nodiscard]] result<void> reuse_address(int socket);
/// The same port of version 4 stays free for others.
[[nodiscard]] result<void> only_v6(int socket);
/// Asks a peer that is silent whether it is there (SO_KEEPALIVE).
[[nodiscard]] result<void> keep_alive(int socket);

/// Membership in a group, on the interface of this number (0: the kernel's choice). Source: ip(7),
/// MCAST_JOIN_GROUP.
[[nodiscard]] result<void> join_group(int socket, const inet_address& group, unsigned interface);
[[nodiscard]] result<void> leave_group(int socket, const inet_address& group, unsigned interface);
/// What is sent to groups that another socket of this machine joined is nothing to this one.
[[nodiscard]] result<void> only_joined_groups(int socket, bool is_v6);
struct group_sending {
  unsigned interface = 0;
  int hops = 1;
  bool loops_back = true;
};
[[nodiscard]] result<void> set_group_sending(int socket, bool is_v6, const group_sending& how);

}  // namespace sluice::syscall
