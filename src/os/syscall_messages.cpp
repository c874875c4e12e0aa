#include "os/syscall_messages.hpp"

#include <cstring>

namespace sluice::syscall {

namespace {

// Room for so many descriptors and not for what alignment would leave room for: one more would come
// and be lost.
constexpr std::size_t control_bytes = CMSG_LEN(received_handles::max * sizeof(int));

struct handle_message {
  iovec part;
  alignas(cmsghdr) std::array<std::byte, control_bytes> control{};
  msghdr header{};

  handle_message(void* bytes, std::size_t size) noexcept
      : part{.iov_base = bytes, .iov_len = size} {
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control.data();
    header.msg_controllen = control.size();
  }
  handle_message(const handle_message&) = delete;
  handle_message& operator=(const handle_message&) = delete;
};

// Takes what the control message holds, whatever else came of the call: it is open by now.
bool take_handles(msghdr& header, received_handles& into) noexcept {
  bool all = true;
  for (cmsghdr* one = CMSG_FIRSTHDR(&header); one != nullptr; one = CMSG_NXTHDR(&header, one)) {
    if (one->cmsg_level != SOL_SOCKET || one->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (one->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t at = 0; at < count; ++at) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(one) + at * sizeof fd, sizeof fd);
      all = into.add(unique_fd{fd}) && all;
    }
  }
  return all;
}

}  // namespace

long receive_from_outcome(int socket, mutable_bytes into, mutable_bytes rest, socket_address& from,
                          waits how) noexcept {
  std::array<iovec, 2> places{iovec{.iov_base = into.data(), .iov_len = into.size()},
                              iovec{.iov_base = rest.data(), .iov_len = rest.size()}};
  msghdr header{};
  header.msg_name = from.bytes.data();
  header.msg_namelen = static_cast<socklen_t>(from.bytes.size());
  header.msg_iov = places.data();
  header.msg_iovlen = places.size();
  const long outcome = retried(SYS_recvmsg, socket, &header, MSG_TRUNC | wait_flag(how));
  from.size = header.msg_namelen;
  return outcome;
}

long send_with_handles_outcome(int socket, const_bytes message, std::span<const int> handles,
                               waits how) noexcept {
  if (handles.empty()) return send_outcome(socket, message, how);
  // The kernel only reads what it is given here; iovec has no const form.
  handle_message sent{const_cast<std::byte*>(message.data()), message.size()};
  const std::size_t count = std::min(handles.size(), received_handles::max);
  sent.header.msg_controllen = CMSG_LEN(count * sizeof(int));
  cmsghdr& rights = *reinterpret_cast<cmsghdr*>(sent.control.data());
  rights.cmsg_level = SOL_SOCKET;
  rights.cmsg_type = SCM_RIGHTS;
  rights.cmsg_len = CMSG_LEN(count * sizeof(int));
  std::memcpy(CMSG_DATA(&rights), handles.data(), count * sizeof(int));
  return retried(SYS_sendmsg, socket, &sent.header, MSG_NOSIGNAL | wait_flag(how));
}

long receive_with_handles_outcome(int socket, mutable_bytes into, received_handles& handles,
                                  waits how) noexcept {
  handles.clear();
  handle_message got{into.data(), into.size()};
  const int flags = MSG_CMSG_CLOEXEC | MSG_TRUNC | wait_flag(how);
  const long outcome = retried(SYS_recvmsg, socket, &got.header, flags);
  if (outcome < 0) return outcome;
  const bool all = take_handles(got.header, handles);
  if (all && (got.header.msg_flags & MSG_CTRUNC) == 0) return outcome;
  handles.clear();
  return -EMSGSIZE;
}

result<void> send_handle(int socket, int handle) {
  // One byte, since a message without any looks like the end.
  constexpr std::byte byte{};
  const long outcome =
      send_with_handles_outcome(socket, bytes_of(byte), std::span{&handle, 1}, waits::allowed);
  if (outcome < 0) return failed(outcome, "sendmsg");
  return {};
}

result<unique_fd> receive_handle(int socket) {
  std::byte byte{};
  received_handles handles;
  const long outcome =
      receive_with_handles_outcome(socket, writable_bytes_of(byte), handles, waits::allowed);
  if (outcome < 0) return failed(outcome, "recvmsg");
  if (outcome == 0) return failure{errc::closed, "recvmsg"};
  if (handles.size() != 1)
    return failure{std::errc::bad_message, "recvmsg", "a message came without a descriptor"};
  return std::move(handles[0]);
}

}  // namespace sluice::syscall
