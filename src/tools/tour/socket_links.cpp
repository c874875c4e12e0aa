#include "tools/tour/socket_links.hpp"

#include <chrono>
#include <sluice/channel/tcp_listener.hpp>
#include <string>

namespace sluice::tour {

template <>
result<unix_stream_link> unix_stream_link::create(const link_options& options) {
  auto made = unix_stream::create_pair();
  if (!made) return failure{made.error()};
  return unix_stream_link{std::move(made->first), std::move(made->second), options};
}

template <>
result<tcp_link> tcp_link::create(const link_options& options) {
  using namespace std::chrono_literals;
  auto server = tcp_listener::create();
  if (!server) return failure{server.error()};
  auto writer = tcp_stream::connect(server->address(), 10s);
  if (!writer) return failure{writer.error()};
  auto reader = server->accept(10s);
  if (!reader) return failure{reader.error()};
  return tcp_link{std::move(*writer), std::move(*reader), options};
}

result<unix_seqpacket_link> unix_seqpacket_link::create(const link_options&) {
  return unix_seqpacket::create_pair().transform(
      [](unix_seqpacket_pair&& ends) { return unix_seqpacket_link{std::move(ends)}; });
}

result<pieces_sender<unix_seqpacket>> unix_seqpacket_link::sender() && {
  auto mine = std::exchange(ends_, std::nullopt);
  return pieces_sender<unix_seqpacket>{std::move(mine->first)};
}

result<pieces_receiver<unix_seqpacket>> unix_seqpacket_link::receiver() && {
  auto mine = std::exchange(ends_, std::nullopt);
  return pieces_receiver<unix_seqpacket>{std::move(mine->second),
                                         packet_socket::default_max_message_bytes};
}

result<unix_datagram_link> unix_datagram_link::create(const link_options&) {
  std::string name = fresh_name();
  return unix_datagram_receiver::create(name).transform([&](unix_datagram_receiver&& made) {
    return unix_datagram_link{std::move(name), std::move(made)};
  });
}

result<pieces_sender<unix_datagram_sender>> unix_datagram_link::sender() && {
  return unix_datagram_sender::connect(name_).transform([](unix_datagram_sender&& mine) {
    return pieces_sender<unix_datagram_sender>{std::move(mine)};
  });
}

result<pieces_receiver<unix_datagram_receiver>> unix_datagram_link::receiver() && {
  auto mine = std::exchange(made_, std::nullopt);
  return pieces_receiver<unix_datagram_receiver>{std::move(*mine),
                                                 packet_socket::default_max_message_bytes};
}

}  // namespace sluice::tour
