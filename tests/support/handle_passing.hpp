#pragma once
// A descriptor sent from one process to another over a pair of sockets, as a program would hand its
// side of a channel over.

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstring>
#include <optional>
#include <sluice/os/unique_fd.hpp>

#include "support/child.hpp"

namespace sluice::test {

/// Two sockets: what is sent into one comes out of the other.
class handle_passage {
 public:
  handle_passage() {
    int both[2] = {-1, -1};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, both), 0);
    in_ = unique_fd{both[0]};
    out_ = unique_fd{both[1]};
  }

  void send(int fd) const {
    char byte = 0;
    iovec part{.iov_base = &byte, .iov_len = 1};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* const rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof fd);
    std::memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    EXPECT_EQ(::sendmsg(in_.get(), &message, MSG_NOSIGNAL), 1);
  }

  /// Nothing if none comes in time.
  [[nodiscard]] std::optional<unique_fd> receive(int milliseconds) const {
    pollfd watched{.fd = out_.get(), .events = POLLIN, .revents = 0};
    if (::poll(&watched, 1, milliseconds) != 1) return std::nullopt;
    char byte = 0;
    iovec part{.iov_base = &byte, .iov_len = 1};
    int fd = -1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    if (::recvmsg(out_.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) != 1) return std::nullopt;
    std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof fd);
    return unique_fd{fd};
  }
  [[nodiscard]] unique_fd receive() const {
    auto fd = receive(static_cast<int>(std::chrono::milliseconds{patience}.count()));
    EXPECT_TRUE(fd) << "no descriptor comes";
    return fd ? std::move(*fd) : unique_fd{};
  }

 private:
  unique_fd in_;
  unique_fd out_;
};

}  // namespace sluice::test
