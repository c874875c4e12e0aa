#include "compose/ring_hand_over.hpp"

#include <algorithm>
#include <cerrno>
#include <sluice/ring/log.hpp>
#include <sluice/ring/record.hpp>
#include <span>
#include <utility>

#include "os/syscall.hpp"

namespace sluice::ring_hand_over {

namespace {

constexpr const char* operation = "ring_connection";

using ends = ring_connection_ends;
using framed_out = framed_sender<packet_byte_writer>;
using framed_in = framed_receiver<packet_byte_reader>;

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

result<ends> make_rings(unix_seqpacket& client, const offer& what, const ring_wait_options& wait) {
  return what.carrier == ring_carrier::shared ? make_shared(client, what, wait)
                                              : make_hardened(client, what, wait);
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
  // More descriptors of ours under way than RLIMIT_NOFILE: <system_error> has no word for it.
  const bool is_under_way = why.code() == std::error_code{ETOOMANYREFS, std::system_category()};
  return is_under_way || std::ranges::any_of(shortages, [&](std::errc one) { return why == one; });
}

ring_carrier best_with(uid_t user, ring_trust trust) noexcept {
  const bool is_trusted = trust == ring_trust::everybody ||
                          (trust == ring_trust::same_user && user == syscall::effective_user());
  return is_trusted ? ring_carrier::shared : ring_carrier::hardened;
}

bool is_capacity(std::uint64_t bytes) noexcept {
  return ring::log::is_capacity(bytes) && bytes <= most_capacity_bytes;
}

result<offered> make(unix_seqpacket& client, offer what, const ring_wait_options& wait) {
  for (; what.carrier != ring_carrier::socket; what.carrier = next_of(what.carrier)) {
    auto rings = make_rings(client, what, wait);
    if (rings) return offered{.carrier = what.carrier, .rings = std::move(*rings)};
    if (!is_shortage(rings.error())) return failure{rings.error()};
  }
  if (auto sent = client.try_send(bytes_of(what)); !sent) return failure{sent.error()};
  return offered{};
}

result<ends> take(unix_seqpacket& server, const offer& what, received_handles& came,
                  const ring_wait_options& wait) {
  auto mine = what.carrier == ring_carrier::shared ? take_shared(what, came, wait)
                                                   : take_hardened(what, came, wait);
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

result<void> complete(ends& rings, received_handles& came) {
  auto* out = rings.sender.get_if<hardened_sender>();
  auto* in = rings.receiver.get_if<hardened_receiver>();
  if (came.size() != (out != nullptr ? 2U : 0U))
    return failure{errc::incompatible, operation, "an answer with other descriptors"};
  if (out == nullptr) return {};
  if (auto met = out->connect(std::move(came[0])); !met) return met;
  return in->connect(std::move(came[1]));
}

result<ends> over_connection(const shared_connection& connection, std::uint64_t sending_bytes,
                             std::uint64_t receiving_bytes) {
  auto sender = framed_out::create(packet_byte_writer{connection},
                                   {.max_message_bytes = most_of(sending_bytes)});
  if (!sender) return failure{sender.error()};
  auto receiver = framed_in::create(packet_byte_reader{connection},
                                    {.max_message_bytes = most_of(receiving_bytes)});
  if (!receiver) return failure{receiver.error()};
  return ends_of(std::move(*sender), std::move(*receiver));
}

}  // namespace sluice::ring_hand_over
