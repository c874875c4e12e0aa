#include "os/syscall_sockets.hpp"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include <algorithm>
#include <cstring>

#include "os/syscall.hpp"
#include "os/syscall_invoke.hpp"
#include "os/syscall_options.hpp"

namespace sluice::syscall {

namespace {

constexpr std::size_t path_offset = offsetof(sockaddr_un, sun_path);
constexpr std::size_t path_room = sizeof(sockaddr_un::sun_path);

socket_address unix_address_of(std::string_view name, std::size_t at, std::size_t size) noexcept {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::copy(name.begin(), name.end(), address.sun_path + at);
  socket_address made;
  std::memcpy(made.bytes.data(), &address, sizeof address);
  made.size = static_cast<std::uint32_t>(path_offset + size);
  return made;
}

int number_of(socket_family family) noexcept {
  if (family == socket_family::unix_domain) return AF_UNIX;
  return family == socket_family::v6 ? AF_INET6 : AF_INET;
}
int number_of(socket_type type) noexcept {
  if (type == socket_type::seqpacket) return SOCK_SEQPACKET;
  return type == socket_type::stream ? SOCK_STREAM : SOCK_DGRAM;
}

// The address that `call` fills in.
result<socket_address> ask_address(long call, int socket, const char* operation) {
  socket_address address;
  address.size = static_cast<std::uint32_t>(address.bytes.size());
  const long outcome = retried(call, socket, address.bytes.data(), &address.size);
  if (outcome < 0) return failed(outcome, operation);
  return address;
}

}  // namespace

result<socket_address> path_address(std::string_view path) {
  if (path.size() >= path_room)
    return failure{std::errc::filename_too_long, "bind",
                   "the path of a socket has at most 107 bytes"};
  return unix_address_of(path, 0, path.size() + 1);
}

socket_address abstract_address(std::string_view name) noexcept {
  const std::string_view fits = name.substr(0, path_room - 1);
  return unix_address_of(fits, 1, fits.size() + 1);  // the zero in front stands for the file system
}

std::string unix_name_of(const socket_address& address) {
  sockaddr_un found{};
  std::memcpy(&found, address.bytes.data(), sizeof found);
  if (address.size <= path_offset || found.sun_family != AF_UNIX) return {};
  const std::size_t size = std::min<std::size_t>(address.size - path_offset, path_room);
  if (found.sun_path[0] == '\0') return "@" + std::string{found.sun_path + 1, size - 1};
  return {found.sun_path, ::strnlen(found.sun_path, size)};
}

result<unique_fd> socket(socket_family family, socket_type type, blocking how) {
  const int flags = SOCK_CLOEXEC | (how == blocking::no ? SOCK_NONBLOCK : 0);
  const long fd = retried(SYS_socket, number_of(family), number_of(type) | flags, 0);
  if (fd < 0) return failed(fd, "socket");
  return unique_fd{static_cast<int>(fd)};
}

result<socket_ends> socket_pair(socket_type type) {
  std::array<int, 2> made{};
  const long outcome =
      retried(SYS_socketpair, int{AF_UNIX}, number_of(type) | SOCK_CLOEXEC, 0, made.data());
  if (outcome < 0) return failed(outcome, "socketpair");
  return socket_ends{unique_fd{made[0]}, unique_fd{made[1]}};
}

result<void> bind(int socket, const socket_address& address) {
  const long outcome = retried(SYS_bind, socket, address.bytes.data(), address.size);
  if (outcome < 0) return failed(outcome, "bind");
  return {};
}

result<void> listen(int socket, int backlog) {
  const long outcome = retried(SYS_listen, socket, backlog);
  if (outcome < 0) return failed(outcome, "listen");
  return {};
}

result<unique_fd> accept(int socket) {
  constexpr void* nobody = nullptr;
  for (;;) {
    const long fd = retried(SYS_accept4, socket, nobody, nobody, int{SOCK_CLOEXEC});
    // Of the connection, not of ours: it went before it was taken. Source: accept(2).
    if (fd == -ECONNABORTED || fd == -EPROTO) continue;
    if (fd < 0) return failed(fd, "accept4");
    return unique_fd{static_cast<int>(fd)};
  }
}

result<bool> connect(int socket, const socket_address& address) {
  const long outcome = retried(SYS_connect, socket, address.bytes.data(), address.size);
  if (outcome == -EINPROGRESS) return false;
  if (outcome < 0) return failed(outcome, "connect");
  return true;
}

result<void> outcome_of_connect(int socket) {
  auto number = option(socket, SOL_SOCKET, SO_ERROR);
  if (!number) return failure{number.error()};
  if (*number != 0) return failed(-long{*number}, "connect");
  return {};
}

namespace {

result<void> end(int socket, int which) {
  const long outcome = retried(SYS_shutdown, socket, which);
  if (outcome < 0) return failed(outcome, "shutdown");
  return {};
}

}  // namespace

result<void> end_sending(int socket) { return end(socket, SHUT_WR); }
result<void> end_receiving(int socket) { return end(socket, SHUT_RD); }

result<bool> has_hung_up(int socket) {
  auto found = poll(socket, 0, deadline::now());  // an end is told of without being asked for
  if (!found) return failure{found.error()};
  return (*found & (POLLHUP | POLLERR)) != 0;
}

result<std::size_t> bytes_under_way(int socket) {
  int bytes = 0;
  const long outcome = retried(SYS_ioctl, socket, int{SIOCOUTQ}, &bytes);
  if (outcome < 0) return failed(outcome, "ioctl");
  return static_cast<std::size_t>(bytes);
}

result<socket_address> local_address(int socket) {
  return ask_address(SYS_getsockname, socket, "getsockname");
}
result<socket_address> peer_address(int socket) {
  return ask_address(SYS_getpeername, socket, "getpeername");
}

result<socket_facts> facts_of(int socket) {
  auto domain = option(socket, SOL_SOCKET, SO_DOMAIN);
  if (!domain) return failure{domain.error()};
  auto type = option(socket, SOL_SOCKET, SO_TYPE);
  if (!type) return failure{type.error()};
  auto listening = option(socket, SOL_SOCKET, SO_ACCEPTCONN);
  if (!listening) return failure{listening.error()};
  socket_facts facts{.is_listening = *listening != 0};
  if (*domain == AF_UNIX) facts.family = socket_family::unix_domain;
  if (*domain == AF_INET) facts.family = socket_family::v4;
  if (*domain == AF_INET6) facts.family = socket_family::v6;
  if (*type == SOCK_DGRAM) facts.type = socket_type::datagram;
  if (*type == SOCK_SEQPACKET) facts.type = socket_type::seqpacket;
  if (*type != SOCK_STREAM && facts.type == socket_type::stream)
    facts.family = socket_family::other;
  return facts;
}

result<std::size_t> buffer_bytes(int socket, buffer which) {
  return option(socket, SOL_SOCKET, which == buffer::sending ? SO_SNDBUF : SO_RCVBUF)
      .transform([](int bytes) { return static_cast<std::size_t>(bytes); });
}

result<void> set_buffer_bytes(int socket, buffer which, std::size_t bytes) {
  constexpr std::size_t most = std::size_t{1} << 30;
  const int half = static_cast<int>(std::min(bytes, most) / 2);  // the kernel doubles it
  return set_option(socket, SOL_SOCKET, which == buffer::sending ? SO_SNDBUF : SO_RCVBUF, half);
}

result<socket_credentials> peer_credentials(int socket) {
  ucred found{};
  socklen_t size = sizeof found;
  const long outcome =
      retried(SYS_getsockopt, socket, int{SOL_SOCKET}, int{SO_PEERCRED}, &found, &size);
  if (outcome < 0) return failed(outcome, "getsockopt");
  return socket_credentials{.process = found.pid, .user = found.uid, .group = found.gid};
}

result<unique_fd> peer_process_handle(int socket) {
  constexpr int peer_pidfd = 77;  // SO_PEERPIDFD, Linux 6.5: newer than the headers
  return option(socket, SOL_SOCKET, peer_pidfd).transform([](int fd) { return unique_fd{fd}; });
}

}  // namespace sluice::syscall
