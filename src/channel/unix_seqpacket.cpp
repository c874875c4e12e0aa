#include <sluice/base/retry.hpp>
#include <sluice/channel/unix_seqpacket.hpp>

#include "os/syscall.hpp"
#include "os/syscall_sockets.hpp"

namespace sluice {

result<unix_seqpacket> unix_seqpacket::connect(std::string_view address, deadline until,
                                               const unix_connect_options& options) {
  auto fd = unix_connection::open(type, address, until, options);
  if (!fd) return failure{fd.error()};
  return from_native(std::move(*fd), packet_socket::default_max_message_bytes);
}

result<unix_seqpacket_pair> unix_seqpacket::create_pair(std::size_t max_message_bytes) {
  auto ends = syscall::socket_pair(type);
  if (!ends) return failure{ends.error()};
  auto first = from_native(std::move(ends->one), max_message_bytes);
  if (!first) return failure{first.error()};
  auto second = from_native(std::move(ends->other), max_message_bytes);
  if (!second) return failure{second.error()};
  return unix_seqpacket_pair{std::move(*first), std::move(*second)};
}

result<unix_seqpacket> unix_seqpacket::from_native(unique_fd fd) {
  auto socket = packet_socket::over(std::move(fd), type);
  if (!socket) return failure{socket.error()};
  return unix_seqpacket{std::move(*socket)};
}

result<unix_seqpacket> unix_seqpacket::from_native(unique_fd fd, std::size_t max_message_bytes) {
  auto socket = packet_socket::over(std::move(fd), type, max_message_bytes);
  if (!socket) return failure{socket.error()};
  return unix_seqpacket{std::move(*socket)};
}

result<void> unix_seqpacket::send(const_bytes message, std::span<const int> handles,
                                  deadline until) {
  return retry_until(
      until,
      [&] {
        return until.is_never() ? socket_.send_waiting(message, handles)
                                : socket_.try_send(message, handles);
      },
      [&](deadline d) { return wait_writable(d); });
}

result<std::size_t> unix_seqpacket::receive(mutable_bytes buffer, received_handles& handles,
                                            deadline until) {
  return retry_until(
      until,
      [&] {
        return until.is_never() ? socket_.receive_waiting(buffer, handles)
                                : socket_.try_receive(buffer, handles);
      },
      [&](deadline d) { return wait_readable(d); });
}

result<void> unix_seqpacket::finish() { return syscall::end_sending(native_handle()); }
result<void> unix_seqpacket::finish_receiving() { return syscall::end_receiving(native_handle()); }

result<unix_seqpacket> unix_seqpacket::duplicate() const {
  auto copy = socket_.duplicate();
  if (!copy) return failure{copy.error()};
  return unix_seqpacket{std::move(*copy)};
}

}  // namespace sluice
