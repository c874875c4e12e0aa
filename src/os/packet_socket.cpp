#include <poll.h>

#include <cerrno>
#include <sluice/os/packet_socket.hpp>

#include "os/syscall.hpp"
#include "os/syscall_messages.hpp"

namespace sluice {

namespace {

// The kernel wants this much more room than a message has bytes. Source: unix_dgram_sendmsg().
constexpr std::size_t expense = 32;

const char* operation_of(std::span<const int> handles) noexcept {
  return handles.empty() ? "sendto" : "sendmsg";
}

result<void> check_type(int fd, socket_type type) {
  auto facts = syscall::facts_of(fd);
  if (!facts) return failure{facts.error()};
  if (facts->family != syscall::socket_family::unix_domain || facts->type != type ||
      facts->is_listening)
    return failure{std::errc::invalid_argument, "from_native",
                   type == socket_type::datagram ? "not a Unix datagram socket"
                                                 : "not a connected Unix seqpacket socket"};
  return {};
}

}  // namespace

packet_socket::packet_socket(packet_socket&& other) noexcept
    : fd_(std::move(other.fd_)),
      type_(other.type_),
      max_message_bytes_(other.max_message_bytes_),
      was_reset_(other.was_reset_.load(std::memory_order_relaxed)) {}

packet_socket& packet_socket::operator=(packet_socket&& other) noexcept {
  fd_ = std::move(other.fd_);
  type_ = other.type_;
  max_message_bytes_ = other.max_message_bytes_;
  was_reset_ = other.was_reset_.load();
  return *this;
}

bool packet_socket::tells_of_reset(long outcome) noexcept {
  if (outcome != -ECONNRESET) [[likely]]
    return false;
  was_reset_.store(true, std::memory_order_relaxed);
  return true;
}

result<packet_socket> packet_socket::over(unique_fd fd, socket_type type) {
  if (auto right = check_type(fd.get(), type); !right) return failure{right.error()};
  auto room = syscall::buffer_bytes(fd.get(), syscall::buffer::sending);
  if (!room) return failure{room.error()};
  return packet_socket{std::move(fd), type, *room - expense};
}

result<packet_socket> packet_socket::over(unique_fd fd, socket_type type,
                                          std::size_t max_message_bytes) {
  const std::size_t wanted = max_message_bytes + expense;
  auto room = syscall::buffer_bytes(fd.get(), syscall::buffer::sending);
  if (!room) return failure{room.error()};
  if (*room < wanted) {
    auto set = syscall::set_buffer_bytes(fd.get(), syscall::buffer::sending, wanted + 1);
    if (!set) return failure{set.error()};
    room = syscall::buffer_bytes(fd.get(), syscall::buffer::sending);
    if (!room) return failure{room.error()};
  }
  if (*room < wanted)
    return failure{std::errc::message_size, "setsockopt",
                   "messages of this size need a higher sysctl net.core.wmem_max"};
  return packet_socket{std::move(fd), type, max_message_bytes};
}

result<packet_socket> packet_socket::duplicate() const {
  auto copy = syscall::duplicate(fd_.get());
  if (!copy) return failure{copy.error()};
  packet_socket made{std::move(*copy), type_, max_message_bytes_};
  made.was_reset_ = was_reset_.load();
  return made;
}

// What the kernel is not to be given.
result<void> packet_socket::unfit(const_bytes message, std::span<const int> handles) const {
  const char* operation = operation_of(handles);
  if (message.size() > max_message_bytes_)
    return failure{std::errc::message_size, operation, "beyond max_message_bytes"};
  if (handles.size() > received_handles::max)
    return failure{std::errc::argument_list_too_long, operation,
                   "a message carries at most received_handles::max descriptors"};
  return failure{std::errc::message_size, operation,
                 "a message without bytes looks like the end of the connection"};
}

result<void> packet_socket::refused(long outcome, std::span<const int> handles) {
  const char* operation = operation_of(handles);
  // Of a connection the first call is told the one, the next the other.
  if (tells_of_reset(outcome) || outcome == -ECONNREFUSED || outcome == -ENOTCONN)
    return failure{std::errc::broken_pipe, operation, "the receiver is gone"};
  if (outcome == -ETOOMANYREFS)
    return failure{error::from_errno(
        ETOOMANYREFS, operation,
        "this user has more descriptors under way in sockets than RLIMIT_NOFILE: receive some")};
  return syscall::failed(outcome, operation);
}

// This and receive_once are in line in each verb: after a call of the kernel, each function to
// return through costs (docs/benchmarks.md).
inline result<void> packet_socket::send_once(const_bytes message, std::span<const int> handles,
                                             waiting mode) {
  const bool looks_like_an_end = message.empty() && type_ == socket_type::seqpacket;
  if (message.size() > max_message_bytes_ || handles.size() > received_handles::max ||
      looks_like_an_end) [[unlikely]]
    return unfit(message, handles);
  const auto waits = syscall::waits_of(mode == waiting::allowed);
  const long outcome = handles.empty()
                           ? syscall::send_outcome(fd_.get(), message, waits)
                           : syscall::send_with_handles_outcome(fd_.get(), message, handles, waits);
  if (outcome >= 0) [[likely]]
    return {};
  return refused(outcome, handles);
}

// Makes of an outcome what a receiver shall see.
result<std::size_t> packet_socket::received(long outcome, const char* operation) const {
  if (outcome > 0) return static_cast<std::size_t>(outcome);
  if (outcome < 0) return syscall::failed(outcome, operation);
  if (type_ == socket_type::datagram) return std::size_t{0};
  auto ready = syscall::poll(fd_.get(), POLLRDHUP, deadline::now());
  if (!ready) return failure{ready.error()};
  if ((*ready & (POLLRDHUP | POLLHUP)) != 0) {
    if (was_reset_.load(std::memory_order_relaxed))
      return failure{std::errc::connection_reset, operation};
    return failure{errc::closed, operation};
  }
  // A program that is not ours sent nothing at all, which cannot be told from an end.
  return failure{std::errc::resource_unavailable_try_again, operation};
}

long packet_socket::size_of_next(waiting mode) noexcept {
  long size = 0;
  do {
    size = syscall::next_size_outcome(fd_.get(), syscall::waits_of(mode == waiting::allowed));
  } while (tells_of_reset(size));
  return size;
}

// What is left to do where no message came, or more than has room.
result<std::size_t> packet_socket::received_otherwise(long outcome, mutable_bytes buffer,
                                                      received_handles* handles, waiting mode) {
  while (tells_of_reset(outcome)) outcome = receive_outcome(buffer, handles, mode);
  if (outcome == -EMSGSIZE)
    return failure{std::errc::message_size, "recvmsg",
                   "more descriptors came than a message may carry, or than this process may "
                   "have (RLIMIT_NOFILE): all were closed, and the message is gone"};
  if (outcome > 0 && static_cast<std::size_t>(outcome) > buffer.size()) {
    if (handles != nullptr) handles->clear();
    return failure{std::errc::message_size, "recvfrom",
                   "a message longer than max_message_bytes, or than the one that was looked at, "
                   "was cut and is gone"};
  }
  return received(outcome, handles == nullptr ? "recvfrom" : "recvmsg");
}

inline long packet_socket::receive_outcome(mutable_bytes buffer, received_handles* handles,
                                           waiting mode) noexcept {
  const auto waits = syscall::waits_of(mode == waiting::allowed);
  return handles == nullptr
             ? syscall::receive_message_outcome(fd_.get(), buffer, waits)
             : syscall::receive_with_handles_outcome(fd_.get(), buffer, *handles, waits);
}

inline result<std::size_t> packet_socket::receive_once(mutable_bytes buffer,
                                                       received_handles* handles, waiting mode) {
  if (buffer.size() < max_message_bytes_) {
    const long size = size_of_next(mode);
    if (size < 0 || static_cast<std::size_t>(size) > buffer.size()) [[unlikely]] {
      if (handles != nullptr) handles->clear();
      if (size < 0) return received(size, "recvfrom");
      return failure{std::errc::no_buffer_space, "packet_socket::receive",
                     "next_size() tells how large the buffer must be"};
    }
  }
  const long outcome = receive_outcome(buffer, handles, mode);
  if (outcome > 0 && static_cast<std::size_t>(outcome) <= buffer.size()) [[likely]]
    return static_cast<std::size_t>(outcome);
  return received_otherwise(outcome, buffer, handles, mode);
}

result<void> packet_socket::try_send(const_bytes message, std::span<const int> handles) {
  return send_once(message, handles, waiting::never);
}
result<void> packet_socket::send_waiting(const_bytes message, std::span<const int> handles) {
  return send_once(message, handles, waiting::allowed);
}
result<std::size_t> packet_socket::try_receive(mutable_bytes buffer) {
  return receive_once(buffer, nullptr, waiting::never);
}
result<std::size_t> packet_socket::receive_waiting(mutable_bytes buffer) {
  return receive_once(buffer, nullptr, waiting::allowed);
}
result<std::size_t> packet_socket::try_receive(mutable_bytes buffer, received_handles& handles) {
  return receive_once(buffer, &handles, waiting::never);
}
result<std::size_t> packet_socket::receive_waiting(mutable_bytes buffer,
                                                   received_handles& handles) {
  return receive_once(buffer, &handles, waiting::allowed);
}

result<std::size_t> packet_socket::next_size() {
  return received(size_of_next(waiting::never), "recvfrom");
}

result<void> packet_socket::wait_readable(deadline until) const {
  return syscall::wait_readable(fd_.get(), until);
}
result<void> packet_socket::wait_writable(deadline until) const {
  return syscall::wait_writable(fd_.get(), until);
}

}  // namespace sluice
