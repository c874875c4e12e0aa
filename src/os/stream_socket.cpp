#include <cerrno>
#include <sluice/os/stream_socket.hpp>

#include "os/syscall.hpp"
#include "os/syscall_messages.hpp"

namespace sluice {

stream_socket::stream_socket(stream_socket&& other) noexcept
    : fd_(std::move(other.fd_)), was_reset_(other.was_reset_.load(std::memory_order_relaxed)) {}

stream_socket& stream_socket::operator=(stream_socket&& other) noexcept {
  fd_ = std::move(other.fd_);
  was_reset_ = other.was_reset_.load();
  return *this;
}

// What is made of an outcome that is no bytes.
result<std::size_t> stream_socket::end_of_input(long outcome) {
  if (outcome == -ECONNRESET) was_reset_.store(true, std::memory_order_relaxed);
  if (outcome < 0) return syscall::failed(outcome, "recvfrom");
  if (was_reset_.load(std::memory_order_relaxed))
    return failure{std::errc::connection_reset, "recvfrom"};
  return failure{errc::closed, "recvfrom"};
}

result<std::size_t> stream_socket::refused(long outcome, byte_parts parts) {
  const char* operation = syscall::goes_as_one_piece(parts) ? "sendto" : "sendmsg";
  if (outcome != -ECONNRESET) return syscall::failed(outcome, operation);
  // Told here, it is told to no reader any more.
  was_reset_.store(true, std::memory_order_relaxed);
  return failure{std::errc::broken_pipe, operation, "the peer went without reading everything"};
}

result<std::size_t> stream_socket::try_read(mutable_bytes buffer) {
  if (buffer.empty()) return std::size_t{0};
  const long got = syscall::receive_outcome(fd_.get(), buffer, syscall::waits::never);
  if (got > 0) [[likely]]
    return static_cast<std::size_t>(got);
  return end_of_input(got);
}

result<std::size_t> stream_socket::read_waiting(mutable_bytes buffer) {
  if (buffer.empty()) return std::size_t{0};
  const long got = syscall::receive_outcome(fd_.get(), buffer, syscall::waits::allowed);
  if (got > 0) [[likely]]
    return static_cast<std::size_t>(got);
  return end_of_input(got);
}

result<std::size_t> stream_socket::try_write(byte_parts parts) {
  if (total_size(parts) == 0) return std::size_t{0};
  const long taken = syscall::send_outcome(fd_.get(), parts, syscall::waits::never);
  if (taken >= 0) [[likely]]
    return static_cast<std::size_t>(taken);
  return refused(taken, parts);
}

result<std::size_t> stream_socket::write_waiting(byte_parts parts) {
  if (total_size(parts) == 0) return std::size_t{0};
  const long taken = syscall::send_outcome(fd_.get(), parts, syscall::waits::allowed);
  if (taken >= 0) [[likely]]
    return static_cast<std::size_t>(taken);
  return refused(taken, parts);
}

result<void> stream_socket::wait_readable(deadline until) const {
  return syscall::wait_readable(fd_.get(), until);
}
result<void> stream_socket::wait_writable(deadline until) const {
  return syscall::wait_writable(fd_.get(), until);
}

result<void> stream_socket::finish() { return syscall::end_sending(fd_.get()); }

result<stream_socket> stream_socket::duplicate() const {
  auto copy = syscall::duplicate(fd_.get());
  if (!copy) return failure{copy.error()};
  stream_socket made{std::move(*copy)};
  made.was_reset_ = was_reset_.load();
  return made;
}

}  // namespace sluice
