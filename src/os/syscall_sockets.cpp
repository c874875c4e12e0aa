#include "os/syscall_sockets.hpp"

#include <sys/socket.h>
#include <sys/syscall.h>

#include <array>
#include <cstddef>
#include <cstring>

#include "os/syscall_invoke.hpp"

namespace sluice::syscall {

namespace {

// A message of one byte, since one without any looks like the end, and room for one descriptor
// beside it. Not for what alignment would leave room for: another one would come and be lost.
struct handle_message {
  std::byte byte{};
  iovec part{.iov_base = &byte, .iov_len = sizeof byte};
  alignas(cmsghdr) std::array<std::byte, CMSG_LEN(sizeof(int))> control{};
  msghdr header{};

  handle_message() noexcept {
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
  }
  handle_message(const handle_message&) = delete;
  handle_message& operator=(const handle_message&) = delete;

  [[nodiscard]] cmsghdr& rights() noexcept { return *reinterpret_cast<cmsghdr*>(control.data()); }
};

}  // namespace

result<socket_ends> socket_pair() {
  std::array<int, 2> made{};
  const long outcome =
      retried(SYS_socketpair, int{AF_UNIX}, int{SOCK_SEQPACKET | SOCK_CLOEXEC}, 0, made.data());
  if (outcome < 0) return failed(outcome, "socketpair");
  return socket_ends{unique_fd{made[0]}, unique_fd{made[1]}};
}

result<void> send_handle(int socket, int handle) {
  handle_message message;
  message.rights().cmsg_level = SOL_SOCKET;
  message.rights().cmsg_type = SCM_RIGHTS;
  message.rights().cmsg_len = message.control.size();
  std::memcpy(CMSG_DATA(&message.rights()), &handle, sizeof handle);
  const long outcome = retried(SYS_sendmsg, socket, &message.header, int{MSG_NOSIGNAL});
  if (outcome < 0) return failed(outcome, "sendmsg");
  return {};
}

result<unique_fd> receive_handle(int socket) {
  handle_message message;
  const long outcome = retried(SYS_recvmsg, socket, &message.header, int{MSG_CMSG_CLOEXEC});
  if (outcome < 0) return failed(outcome, "recvmsg");
  if (outcome == 0) return failure{errc::closed, "recvmsg"};
  if (message.header.msg_controllen < message.control.size() ||
      message.rights().cmsg_level != SOL_SOCKET || message.rights().cmsg_type != SCM_RIGHTS)
    return failure{std::errc::bad_message, "recvmsg", "a message came without a descriptor"};
  int handle = -1;
  std::memcpy(&handle, CMSG_DATA(&message.rights()), sizeof handle);
  return unique_fd{handle};
}

}  // namespace sluice::syscall
