#include "compose/ring_hand_over.hpp"

#include <algorithm>
#include <sluice/ring/log.hpp>
#include <sluice/ring/record.hpp>
#include <span>
#include <utility>

namespace sluice::ring_hand_over {

namespace {

constexpr const char* operation = "ring_connection";

using framed_out = framed_sender<unix_stream>;
using framed_in = framed_receiver<unix_stream>;

// The largest message of a ring of this capacity.
std::size_t most_of(std::uint64_t capacity_bytes) noexcept {
  return static_cast<std::size_t>(capacity_bytes / 2 - ring::record_header::size_bytes);
}

template <class Sender, class Receiver>
ends ends_of(Sender sender, Receiver receiver) {
  return {.sender = ring_connection_sender{std::move(sender)},
          .receiver = ring_connection_receiver{std::move(receiver)}};
}

result<ends> make_shared(unix_seqpacket& client, const offer& what, const ring_wait_options& wait) {
  auto to_client = ring_channel::create_anonymous({.capacity_bytes = what.to_client_bytes});
  if (!to_client) return failure{to_client.error()};
  auto from_client = ring_channel::create_anonymous({.capacity_bytes = what.from_client_bytes});
  if (!from_client) return failure{from_client.error()};
  auto sender = ring_sender::attach(*to_client, {.wait = wait});
  if (!sender) return failure{sender.error()};
  auto receiver = ring_receiver::attach(*from_client, {.wait = wait});
  if (!receiver) return failure{receiver.error()};
  const std::array<int, 2> handles{to_client->native_handle(), from_client->native_handle()};
  if (auto sent = client.try_send(bytes_of(what), handles); !sent) return failure{sent.error()};
  return ends_of(std::move(*sender), std::move(*receiver));
}

result<ends> make_hardened(unix_seqpacket& client, const offer& what,
                           const ring_wait_options& wait) {
  auto sender = hardened_sender::create({.capacity_bytes = what.to_client_bytes, .wait = wait});
  if (!sender) return failure{sender.error()};
  auto receiver =
      hardened_receiver::create({.max_capacity_bytes = what.from_client_bytes, .wait = wait});
  if (!receiver) return failure{receiver.error()};
  const std::array<int, 2> handles{sender->native_handle(), receiver->native_handle()};
  if (auto sent = client.try_send(bytes_of(what), handles); !sent) return failure{sent.error()};
  return ends_of(std::move(*sender), std::move(*receiver));
}

result<ends> framed_ends(unix_stream out, std::uint64_t out_bytes, unix_stream in,
                         std::uint64_t in_bytes) {
  auto sender = framed_out::create(std::move(out), {.max_message_bytes = most_of(out_bytes)});
  if (!sender) return failure{sender.error()};
  auto receiver = framed_in::create(std::move(in), {.max_message_bytes = most_of(in_bytes)});
  if (!receiver) return failure{receiver.error()};
  return ends_of(std::move(*sender), std::move(*receiver));
}

result<ends> make_sockets(unix_seqpacket& client, const offer& what) {
  auto to_client = unix_stream::create_pair();
  if (!to_client) return failure{to_client.error()};
  auto from_client = unix_stream::create_pair();
  if (!from_client) return failure{from_client.error()};
  const std::array<int, 2> handles{to_client->second.native_handle(),
                                   from_client->first.native_handle()};
  if (auto sent = client.try_send(bytes_of(what), handles); !sent) return failure{sent.error()};
  return framed_ends(std::move(to_client->first), what.to_client_bytes,
                     std::move(from_client->second), what.from_client_bytes);
}

result<ends> take_shared(const offer& what, received_handles& came, const ring_wait_options& wait) {
  auto to_client = ring_channel::from_native(std::move(came[0]));
  if (!to_client) return failure{to_client.error()};
  auto from_client = ring_channel::from_native(std::move(came[1]));
  if (!from_client) return failure{from_client.error()};
  if (to_client->max_message_bytes() != most_of(what.to_client_bytes) ||
      from_client->max_message_bytes() != most_of(what.from_client_bytes))
    return failure{errc::incompatible, operation, "rings of another size than was said"};
  auto receiver = ring_receiver::attach(*to_client, {.wait = wait});
  if (!receiver) return failure{receiver.error()};
  auto sender = ring_sender::attach(*from_client, {.wait = wait});
  if (!sender) return failure{sender.error()};
  return ends_of(std::move(*sender), std::move(*receiver));
}

result<ends> take_hardened(const offer& what, received_handles& came,
                           const ring_wait_options& wait) {
  auto receiver =
      hardened_receiver::create({.max_capacity_bytes = what.to_client_bytes, .wait = wait});
  if (!receiver) return failure{receiver.error()};
  auto sender = hardened_sender::create({.capacity_bytes = what.from_client_bytes, .wait = wait});
  if (!sender) return failure{sender.error()};
  if (auto met = receiver->connect(std::move(came[0])); !met) return failure{met.error()};
  if (auto met = sender->connect(std::move(came[1])); !met) return failure{met.error()};
  return ends_of(std::move(*sender), std::move(*receiver));
}

result<ends> take_sockets(const offer& what, received_handles& came) {
  auto to_client = unix_stream::from_native(std::move(came[0]));
  if (!to_client) return failure{to_client.error()};
  auto from_client = unix_stream::from_native(std::move(came[1]));
  if (!from_client) return failure{from_client.error()};
  return framed_ends(std::move(*from_client), what.from_client_bytes, std::move(*to_client),
                     what.to_client_bytes);
}

result<ends> taken(const offer& what, received_handles& came, const ring_wait_options& wait) {
  switch (what.carrier) {
    case ring_carrier::shared:
      return take_shared(what, came, wait);
    case ring_carrier::hardened:
      return take_hardened(what, came, wait);
    case ring_carrier::socket:
      break;
  }
  return take_sockets(what, came);
}

}  // namespace

bool is_shortage(const error& why) noexcept {
  constexpr std::array shortages{
      std::errc::not_enough_memory,
      std::errc::no_space_on_device,
      std::errc::too_many_files_open,
      std::errc::too_many_files_open_in_system,
      std::errc::resource_unavailable_try_again,
      // A sandbox without memory files, locks or mappings; a kernel without seals.
      std::errc::function_not_supported,
      std::errc::operation_not_permitted,
      std::errc::operation_not_supported,
  };
  return std::ranges::any_of(shortages, [&](std::errc one) { return why == one; });
}

bool is_capacity(std::uint64_t bytes) noexcept {
  return ring::log::is_capacity(bytes) && bytes <= most_capacity_bytes;
}

result<ends> make(unix_seqpacket& client, const offer& what, const ring_wait_options& wait) {
  switch (what.carrier) {
    case ring_carrier::shared:
      return make_shared(client, what, wait);
    case ring_carrier::hardened:
      return make_hardened(client, what, wait);
    case ring_carrier::socket:
      break;
  }
  return make_sockets(client, what);
}

result<ends> make_first(unix_seqpacket& client, offer what, const ring_wait_options& wait) {
  for (;;) {
    auto made = make(client, what, wait);
    if (made || what.carrier == ring_carrier::socket || !is_shortage(made.error())) return made;
    what.carrier = next_of(what.carrier);
  }
}

result<ends> take(unix_seqpacket& server, const offer& what, received_handles& came,
                  const ring_wait_options& wait) {
  auto mine = taken(what, came, wait);
  if (!mine) return mine;
  std::array<int, 2> handles{};
  std::size_t count = 0;
  if (auto* receiver = mine->receiver.get_if<hardened_receiver>()) {
    handles = {receiver->native_handle(), mine->sender.get_if<hardened_sender>()->native_handle()};
    count = handles.size();
  }
  auto sent = server.try_send(bytes_of(answer{}), std::span{handles}.first(count));
  if (!sent) return failure{sent.error()};
  return mine;
}

result<void> complete(ring_connection_sender& sender, ring_connection_receiver& receiver,
                      received_handles& came) {
  auto* out = sender.get_if<hardened_sender>();
  auto* in = receiver.get_if<hardened_receiver>();
  if (came.size() != (out != nullptr ? 2U : 0U))
    return failure{errc::incompatible, operation, "an answer with other descriptors"};
  if (out == nullptr) return {};
  if (auto met = out->connect(std::move(came[0])); !met) return met;
  return in->connect(std::move(came[1]));
}

}  // namespace sluice::ring_hand_over
