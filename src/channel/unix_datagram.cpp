#include <sluice/channel/unix_datagram.hpp>
#include <sluice/os/unix_address.hpp>

#include "os/syscall_sockets.hpp"
#include "os/unix_endpoint.hpp"

namespace sluice {

namespace {

constexpr auto type = socket_type::datagram;

result<packet_socket> with_room(
    unique_fd fd, std::size_t max_message_bytes = packet_socket::default_max_message_bytes) {
  return packet_socket::over(std::move(fd), type, max_message_bytes);
}

}  // namespace

result<unix_datagram_sender> unix_datagram_sender::connect(std::string_view address, deadline until,
                                                           const unix_connect_options& options) {
  auto fd = unix_connection::open(type, address, until, options);
  if (!fd) return failure{fd.error()};
  auto socket = with_room(std::move(*fd));
  if (!socket) return failure{socket.error()};
  return unix_datagram_sender{std::move(*socket), std::string{address}, options};
}

result<void> unix_datagram_sender::wait_for_peer(deadline until) {
  if (address_.empty())
    return failure{std::errc::invalid_argument, "wait_for_peer", "a pair has no address"};
  unix_connect_options waiting = options_;
  waiting.wait_for_peer = true;
  return unix_connection::point(native_handle(), address_, until, waiting);
}

result<unix_datagram_receiver> unix_datagram_receiver::create(
    std::string_view address, const unix_datagram_options& options) {
  auto parsed = unix_address::parse(address);
  if (!parsed) return failure{parsed.error()};
  auto bound =
      unix_endpoint::bind(type, *parsed, {.mode = options.mode, .directory = options.directory});
  if (!bound) return failure{bound.error()};
  auto socket = with_room(std::move(bound->fd), options.max_message_bytes);
  if (!socket) return failure{socket.error()};
  return unix_datagram_receiver{std::move(*socket), std::move(bound->name)};
}

result<unix_datagram_pair> unix_datagram_receiver::create_pair(std::size_t max_message_bytes) {
  auto ends = syscall::socket_pair(type);
  if (!ends) return failure{ends.error()};
  auto sender = with_room(std::move(ends->one), max_message_bytes);
  if (!sender) return failure{sender.error()};
  auto receiver = with_room(std::move(ends->other), max_message_bytes);
  if (!receiver) return failure{receiver.error()};
  return unix_datagram_pair{unix_datagram_sender{std::move(*sender), {}, {}},
                            unix_datagram_receiver{std::move(*receiver), std::nullopt}};
}

result<unix_datagram_receiver> unix_datagram_receiver::duplicate() const {
  auto copy = socket_.duplicate();
  if (!copy) return failure{copy.error()};
  return unix_datagram_receiver{std::move(*copy), std::nullopt};
}

}  // namespace sluice
