// Opening addresses of sockets: the receiver has the address, the sender goes there.

#include <optional>
#include <sluice/channel/tcp_listener.hpp>
#include <sluice/channel/tcp_stream.hpp>
#include <sluice/channel/udp_socket.hpp>
#include <sluice/channel/unix_datagram.hpp>
#include <sluice/channel/unix_listener.hpp>
#include <sluice/channel/unix_seqpacket.hpp>
#include <sluice/channel/unix_stream.hpp>
#include <sluice/compose/accepting_receiver.hpp>
#include <sluice/os/inet_address.hpp>

#include "compose/any_open.hpp"

namespace sluice {

namespace {

using namespace endpoint_options;

std::optional<std::size_t> max_message_of(const endpoint& where) noexcept {
  const auto said = where.number(endpoint_option::max_message);
  return said ? std::optional{static_cast<std::size_t>(*said)} : std::nullopt;
}

// A sender of frames over a connection, if there is one.
template <class Stream>
result<any_sender> framed_over(const endpoint& where, result<Stream> connection) {
  if (!connection) return failure{connection.error()};
  auto framed = framed_sender<Stream>::create(std::move(*connection), frames(where));
  if (!framed) return failure{framed.error()};
  return any_sender{std::move(*framed)};
}

// The receiver of the first connection that comes to a listener, if that listens.
template <class Listener>
result<any_receiver> accepting(const endpoint& where, result<Listener> listener) {
  if (!listener) return failure{listener.error()};
  auto made = accepting_receiver<Listener>::over(std::move(*listener), max_message_of(where));
  if (!made) return failure{made.error()};
  return any_receiver{std::move(*made)};
}

// --- Unix --------------------------------------------------------------------------------------

socket_type type_of(const endpoint& where) noexcept {
  const auto said = where.number(endpoint_option::socket);
  return said ? static_cast<socket_type>(*said) : socket_type::stream;
}

result<void> check_datagrams(const endpoint& where) {
  if (!where.has(endpoint_option::max_message)) return {};
  return failure{std::errc::invalid_argument, "endpoint",
                 "datagrams are as long as their class lets them be: max_message is for stream "
                 "and seqpacket"};
}

result<any_sender> unix_sender(const endpoint& where, deadline until) {
  const std::string address = name_of(where);
  auto options = base<unix_connect_options>(where);
  options.wait_for_peer = true;
  switch (type_of(where)) {
    case socket_type::stream:
      return framed_over(where, unix_stream::connect(address, until, options));
    case socket_type::seqpacket: {
      auto made = unix_seqpacket::connect(address, until, options);
      if (const auto size = max_message_of(where); made && size)
        made = unix_seqpacket::from_native(std::move(*made).release_handle(), *size);
      if (!made) return failure{made.error()};
      return any_sender{std::move(*made)};
    }
    case socket_type::datagram:
      break;
  }
  if (auto checked = check_datagrams(where); !checked) return failure{checked.error()};
  auto made = unix_datagram_sender::connect(address, until, options);
  if (!made) return failure{made.error()};
  return any_sender{std::move(*made)};
}

unix_listener_options listening_at(const endpoint& where) {
  auto options = base<unix_listener_options>(where);
  options.backlog = 1;  // who comes second waits, instead of sending to nobody
  if (const auto user = where.number(endpoint_option::owner))
    options.filter.users = {static_cast<uid_t>(*user)};
  return options;
}

result<any_receiver> unix_receiver(const endpoint& where) {
  const std::string address = name_of(where);
  switch (type_of(where)) {
    case socket_type::stream:
      return accepting(where, unix_stream_listener::create(address, listening_at(where)));
    case socket_type::seqpacket:
      // A size that the kernel refuses is told now, and not when somebody comes.
      if (const auto size = max_message_of(where))
        if (auto room = unix_seqpacket::create_pair(*size); !room) return failure{room.error()};
      return accepting(where, unix_seqpacket_listener::create(address, listening_at(where)));
    case socket_type::datagram:
      break;
  }
  if (auto checked = check_datagrams(where); !checked) return failure{checked.error()};
  if (where.has(endpoint_option::owner))
    return failure{std::errc::invalid_argument, "endpoint",
                   "nobody knows who sends datagrams: mode says who may, and owner is for senders"};
  auto made = unix_datagram_receiver::create(address, base<unix_datagram_options>(where));
  if (!made) return failure{made.error()};
  return any_receiver{std::move(*made)};
}

// --- Internet protocols ------------------------------------------------------------------------

result<inet_address> inet_of(const endpoint& where) {
  const auto& target = std::get<inet_socket_target>(where.target());
  if (target.host == "localhost") return inet_address::loopback(target.port);
  auto parsed = inet_address::parse(where.target_text());
  if (!parsed)
    return failure{std::errc::invalid_argument, "endpoint",
                   "names of hosts are not looked up: write the address in numbers, or localhost"};
  return parsed;
}

// Where a sender goes to.
result<inet_address> inet_target_of(const endpoint& where) {
  auto address = inet_of(where);
  if (address && address->port() == 0)
    return failure{std::errc::invalid_argument, "endpoint",
                   "port 0 lets a receiver have any port: a sender needs the one that it got"};
  return address;
}

result<any_sender> tcp_sender(const endpoint& where, deadline until) {
  auto address = inet_target_of(where);
  if (!address) return failure{address.error()};
  return framed_over(where, tcp_stream::connect(*address, until,
                                                {.stream = base<tcp_stream_options>(where),
                                                 .wait_for_peer = true}));
}

result<any_receiver> tcp_receiver(const endpoint& where) {
  auto address = inet_of(where);
  if (!address) return failure{address.error()};
  return accepting(
      where, tcp_listener::create(
                 {.address = *address, .backlog = 1, .stream = base<tcp_stream_options>(where)}));
}

// The interface that an address says, which only groups have; 0: the kernel chooses.
result<unsigned> interface_of(const endpoint& where, const inet_address& address) {
  const auto said = where.number(endpoint_option::interface);
  if (said && !address.is_multicast())
    return failure{std::errc::invalid_argument, "endpoint",
                   "interface is for groups, 224.0.0.0 to 239.255.255.255 and ff00::/8"};
  return static_cast<unsigned>(said.value_or(0));
}

result<any_sender> udp_sender(const endpoint& where) {
  auto address = inet_target_of(where);
  if (!address) return failure{address.error()};
  auto interface = interface_of(where, *address);
  if (!interface) return failure{interface.error()};
  // The kernel chooses where we send from: who is bound to this machine alone reaches no other.
  auto made = udp_socket::create(
      {.address = address->is_v6() ? inet_address::any_v6() : inet_address::any()});
  if (!made) return failure{made.error()};
  if (*interface != 0) {
    if (auto set = made->set_group_sending({.interface = *interface}); !set)
      return failure{set.error()};
  }
  if (auto connected = made->connect(*address); !connected) return failure{connected.error()};
  return any_sender{std::move(*made)};
}

result<any_receiver> udp_receiver(const endpoint& where) {
  auto address = inet_of(where);
  if (!address) return failure{address.error()};
  auto interface = interface_of(where, *address);
  if (!interface) return failure{interface.error()};
  auto options = base<udp_options>(where);
  options.address = *address;
  options.share_address = address->is_multicast();
  auto made = udp_socket::create(options);
  if (!made) return failure{made.error()};
  if (address->is_multicast()) {
    if (auto joined = made->join(*address, *interface); !joined) return failure{joined.error()};
  }
  return any_receiver{std::move(*made)};
}

}  // namespace

result<any_sender> any_open::socket_sender(const endpoint& where, deadline until) {
  if (where.kind() == endpoint_kind::unix_socket) return unix_sender(where, until);
  if (where.kind() == endpoint_kind::tcp) return tcp_sender(where, until);
  return udp_sender(where);
}

result<any_receiver> any_open::socket_receiver(const endpoint& where) {
  if (where.kind() == endpoint_kind::unix_socket) return unix_receiver(where);
  if (where.kind() == endpoint_kind::tcp) return tcp_receiver(where);
  return udp_receiver(where);
}

}  // namespace sluice
