#include "os/syscall_inet.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>

#include "os/syscall_options.hpp"

namespace sluice::syscall {

namespace {

template <class Address>
socket_address packed(const Address& address) noexcept {
  socket_address made;
  std::memcpy(made.bytes.data(), &address, sizeof address);
  made.size = sizeof address;
  return made;
}

result<void> change_membership(int socket, const inet_address& group, unsigned interface,
                               int option) {
  group_req wanted{};
  wanted.gr_interface = interface;
  const socket_address address = address_of(group);
  std::memcpy(&wanted.gr_group, address.bytes.data(), sizeof wanted.gr_group);
  const int level = group.is_v6() ? int{IPPROTO_IPV6} : int{IPPROTO_IP};
  const long outcome = retried(SYS_setsockopt, socket, level, option, &wanted, sizeof wanted);
  if (outcome == -ENODEV)
    return failure{error::from_errno(ENODEV, "setsockopt",
                                     "no interface for this group: name one by its number")};
  if (outcome == -ENOBUFS)
    return failure{error::from_errno(
        ENOBUFS, "setsockopt", "too many groups: raise the sysctl net.ipv4.igmp_max_memberships")};
  if (outcome < 0) return failed(outcome, "setsockopt");
  return {};
}

}  // namespace

bool read_address(const char* text, bool is_v6, std::array<std::uint8_t, 16>& into) noexcept {
  return ::inet_pton(is_v6 ? AF_INET6 : AF_INET, text, into.data()) == 1;
}

std::string write_address(const std::array<std::uint8_t, 16>& bytes, bool is_v6) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  ::inet_ntop(is_v6 ? AF_INET6 : AF_INET, bytes.data(), text.data(), text.size());
  return text.data();
}

socket_address address_of(const inet_address& address) noexcept {
  if (address.is_v6()) {
    sockaddr_in6 made{};
    made.sin6_family = AF_INET6;
    made.sin6_port = htons(address.port());
    made.sin6_scope_id = address.scope();
    std::memcpy(&made.sin6_addr, address.bytes().data(), sizeof made.sin6_addr);
    return packed(made);
  }
  sockaddr_in made{};
  made.sin_family = AF_INET;
  made.sin_port = htons(address.port());
  std::memcpy(&made.sin_addr, address.bytes().data(), sizeof made.sin_addr);
  return packed(made);
}

std::optional<inet_address> inet_of(const socket_address& address) noexcept {
  sockaddr_in v4{};
  std::memcpy(&v4, address.bytes.data(), sizeof v4);
  if (address.size >= sizeof v4 && v4.sin_family == AF_INET) {
    std::array<std::uint8_t, 4> bytes{};
    std::memcpy(bytes.data(), &v4.sin_addr, bytes.size());
    return inet_address::v4(bytes, ntohs(v4.sin_port));
  }
  sockaddr_in6 v6{};
  std::memcpy(&v6, address.bytes.data(), sizeof v6);
  if (address.size >= sizeof v6 && v6.sin6_family == AF_INET6) {
    std::array<std::uint8_t, 16> bytes{};
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    return inet_address::v6(bytes, ntohs(v6.sin6_port), v6.sin6_scope_id);
  }
  return std::nullopt;
}

result<void> set_no_delay(int socket, bool yes) {
  return set_option(socket, IPPROTO_TCP, TCP_NODELAY, yes ? 1 : 0);
}
result<void> reuse_address(int socket) { return set_option(socket, SOL_SOCKET, SO_REUSEADDR, 1); }
result<void> only_v6(int socket) { return set_option(socket, IPPROTO_IPV6, IPV6_V6ONLY, 1); }
result<void> keep_alive(int socket) { return set_option(socket, SOL_SOCKET, SO_KEEPALIVE, 1); }

result<void> join_group(int socket, const inet_address& group, unsigned interface) {
  return change_membership(socket, group, interface, MCAST_JOIN_GROUP);
}
result<void> leave_group(int socket, const inet_address& group, unsigned interface) {
  return change_membership(socket, group, interface, MCAST_LEAVE_GROUP);
}

result<void> only_joined_groups(int socket, bool is_v6) {
  constexpr int v6_multicast_all = 29;  // IPV6_MULTICAST_ALL, which the C library does not know
  return is_v6 ? set_option(socket, IPPROTO_IPV6, v6_multicast_all, 0)
               : set_option(socket, IPPROTO_IP, IP_MULTICAST_ALL, 0);
}

result<void> set_group_sending(int socket, bool is_v6, const group_sending& how) {
  const int level = is_v6 ? int{IPPROTO_IPV6} : int{IPPROTO_IP};
  const int hops = is_v6 ? int{IPV6_MULTICAST_HOPS} : int{IP_MULTICAST_TTL};
  const int loop = is_v6 ? int{IPV6_MULTICAST_LOOP} : int{IP_MULTICAST_LOOP};
  if (auto set = set_option(socket, level, hops, how.hops); !set) return set;
  if (auto set = set_option(socket, level, loop, how.loops_back ? 1 : 0); !set) return set;
  if (how.interface == 0) return {};
  if (is_v6) return set_option(socket, level, IPV6_MULTICAST_IF, static_cast<int>(how.interface));
  ip_mreqn wanted{};
  wanted.imr_ifindex = static_cast<int>(how.interface);
  const long outcome =
      retried(SYS_setsockopt, socket, level, int{IP_MULTICAST_IF}, &wanted, sizeof wanted);
  if (outcome < 0) return failed(outcome, "setsockopt");
  return {};
}

}  // namespace sluice::syscall
