#include <array>
#include <sluice/base/retry.hpp>
#include <sluice/channel/ring_listener.hpp>

#include "os/syscall.hpp"

namespace sluice {

namespace {

// What goes with the two rings: which they are, so that nobody takes other descriptors for them.
struct hand_over {
  std::array<char, 8> mark{'s', 'l', 'r', 'i', 'n', 'g', 's', '1'};
  friend bool operator==(const hand_over&, const hand_over&) = default;
};

}  // namespace

result<ring_connection> ring_connection::connect(std::string_view address, deadline until,
                                                 const unix_connect_options& options,
                                                 const ring_end_options& ends) {
  constexpr const char* operation = "ring_connection::connect";
  auto socket = unix_seqpacket::connect(address, until, options);
  if (!socket) return failure{socket.error()};
  hand_over came;
  received_handles rings;
  auto size = socket->receive(writable_bytes_of(came), rings, until);
  if (!size && size.error() == std::errc::no_buffer_space)
    return failure{errc::incompatible, operation, "the listener hands out something else"};
  if (!size) return failure{size.error()};
  if (*size != sizeof came || came != hand_over{} || rings.size() != 2)
    return failure{errc::incompatible, operation, "the listener hands out something else"};
  auto to_client = ring_channel::from_native(std::move(rings[0]));
  if (!to_client) return failure{to_client.error()};
  auto from_client = ring_channel::from_native(std::move(rings[1]));
  if (!from_client) return failure{from_client.error()};
  auto receiver = ring_receiver::attach(*to_client, ends);
  if (!receiver) return failure{receiver.error()};
  auto sender = ring_sender::attach(*from_client, ends);
  if (!sender) return failure{sender.error()};
  return ring_connection{std::move(*socket), std::move(*sender), std::move(*receiver)};
}

result<bool> ring_connection::peer_has_left() const {
  // Nothing more is ever sent over the connection: whatever can be read is its end.
  return syscall::is_readable(socket_.native_handle());
}

result<ring_listener> ring_listener::create(std::string_view address,
                                            const ring_listener_options& options) {
  auto door = unix_seqpacket_listener::create(address, options.socket);
  if (!door) return failure{door.error()};
  return ring_listener{std::move(*door), options};
}

result<ring_connection> ring_listener::try_accept() {
  for (;;) {
    auto client = door_.try_accept();
    if (!client) return failure{client.error()};
    auto to_client = ring_channel::create_anonymous(options_.to_client);
    if (!to_client) return failure{to_client.error()};
    auto from_client = ring_channel::create_anonymous(options_.from_client);
    if (!from_client) return failure{from_client.error()};
    auto sender = ring_sender::attach(*to_client, options_.ends);
    if (!sender) return failure{sender.error()};
    auto receiver = ring_receiver::attach(*from_client, options_.ends);
    if (!receiver) return failure{receiver.error()};
    const std::array<int, 2> rings{to_client->native_handle(), from_client->native_handle()};
    auto sent = client->try_send(bytes_of(hand_over{}), rings);
    if (sent) return ring_connection{std::move(*client), std::move(*sender), std::move(*receiver)};
    if (!(sent.error() == std::errc::broken_pipe)) return failure{sent.error()};
  }
}

result<ring_connection> ring_listener::accept(deadline until) {
  return retry_until(
      until, [&] { return try_accept(); }, [&](deadline d) { return wait_for_peer(d); });
}

}  // namespace sluice
