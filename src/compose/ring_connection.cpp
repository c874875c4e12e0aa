#include <algorithm>
#include <array>
#include <optional>
#include <sluice/compose/ring_connection.hpp>

#include "compose/ring_hand_over.hpp"
#include "os/syscall.hpp"

namespace sluice {

namespace {

using namespace ring_hand_over;

constexpr const char* operation = "ring_connection::connect";

// Nothing when it says instead that it agrees, if that is what is waited for.
result<std::optional<offer>> receive_offer(unix_seqpacket& server, received_handles& came,
                                           bool may_agree, deadline until) {
  offer what;
  auto size = server.receive(writable_bytes_of(what), came, until);
  if (may_agree && size && *size == sizeof(agreement) && what.mark == agreement{}.mark &&
      came.empty())
    return std::optional<offer>{};
  const bool is_other = size ? *size != sizeof what || !what.is_known() || came.size() != 2
                             : size.error() == std::errc::no_buffer_space;
  if (is_other)
    return failure{errc::incompatible, operation, "the listener hands out something else"};
  if (!size) return failure{size.error()};
  if (!is_capacity(what.to_client_bytes) || !is_capacity(what.from_client_bytes))
    return failure{errc::incompatible, operation, "the listener offers a size that no ring has"};
  return std::optional{what};
}

}  // namespace

result<ring_connection> ring_connection::connect(std::string_view address, deadline until,
                                                 const ring_connect_options& options) {
  auto server = unix_seqpacket::connect(address, until, options.socket);
  if (!server) return failure{server.error()};
  auto who = server->peer_credentials();
  if (!who) return failure{who.error()};
  const bool is_trusted =
      options.trust == ring_trust::everybody ||
      (options.trust == ring_trust::same_user && who->user == syscall::effective_user());
  const auto with = [&](ends&& mine) {
    return ring_connection{std::move(*server), std::move(mine.sender), std::move(mine.receiver)};
  };
  std::optional<ends> hardened;  // until the listener agrees
  std::optional<ring_carrier> before;
  for (;;) {
    received_handles came;
    auto next = receive_offer(*server, came, hardened.has_value(), until);
    if (!next) return failure{next.error()};
    if (!*next) return with(std::move(*hardened));
    hardened.reset();
    const offer* what = &**next;
    if (before && what->carrier <= *before)
      return failure{errc::incompatible, operation, "the listener offers what was refused"};
    before = what->carrier;
    if (std::max(what->to_client_bytes, what->from_client_bytes) > options.max_capacity_bytes)
      return failure{std::errc::value_too_large, operation,
                     "a ring of the listener is beyond ring_connect_options::max_capacity_bytes"};
    const bool may_be = is_trusted || what->carrier != ring_carrier::shared;
    if (may_be) {
      auto mine = take(*server, *what, came, options.wait);
      if (mine && what->carrier != ring_carrier::hardened) return with(std::move(*mine));
      if (mine) {
        hardened.emplace(std::move(*mine));
        continue;
      }
      if (what->carrier == ring_carrier::socket || !is_shortage(mine.error()))
        return failure{mine.error()};
    }
    auto refused = server->try_send(bytes_of(answer{.what = verdict::something_else}));
    if (!refused) return failure{refused.error()};
  }
}

result<bool> ring_connection::peer_has_left() const {
  // Nothing more is ever sent over the connection: whatever can be read is its end.
  return syscall::is_readable(socket_.native_handle());
}

}  // namespace sluice
