#pragma once
// One side of a conversation through memory between two processes that met at the address of a
// ring_listener. The connection over which they met stays, and its end tells of a death.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>
#include <sluice/channel/ring_channel_options.hpp>
#include <sluice/channel/unix_connection.hpp>
#include <sluice/channel/unix_seqpacket.hpp>
#include <sluice/compose/ring_connection_ends.hpp>
#include <string_view>
#include <utility>

namespace sluice {

/// With whom memory is shared that both sides can write. Either side may insist on less: the other
/// follows.
enum class ring_trust : std::uint8_t {
  same_user,  ///< With processes of our user. With others the rings are hardened.
  everybody,  ///< With whoever was let in, and with whoever listens.
  nobody,     ///< The rings are hardened.
};

struct ring_connect_options {
  unix_connect_options socket = {};
  ring_wait_options wait = {};
  ring_trust trust = ring_trust::same_user;
  /// A ring of the listener's that is larger is refused: `value_too_large`.
  std::size_t max_capacity_bytes = std::size_t{1} << 26;
};

/// One side of a conversation in both directions.
///
/// *Semantics*: `sender` and `receiver` belong to the caller to use, or to move into an any_sender
/// and any_receiver, for requests, relays and selectors. Rings need nothing more of the connection
/// but its end; where there are none it carries the messages itself. *Threads*: each part as its
/// class says. *Errors*: those of its parts. *Lifetime*: nothing of it has a name, so nothing is
/// left when both are gone. *Crash*: `watch_handle` is readable at the peer's death at once; what
/// it had sent is received.
class ring_connection {
 public:
  /// Connects with the listener at `address` (os/unix_address.hpp), and waits until it has handed
  /// the rings over. What this side cannot take, for want of memory, descriptors or trust, it says,
  /// and gets something else. A listener that is overrun may let a client go before it has
  /// answered: it comes again until the deadline. `errc::incompatible` when what came is none of
  /// the listener's offers, and `errc::closed` when the listener does not let us in.
  [[nodiscard]] static result<ring_connection> connect(std::string_view address,
                                                       deadline until = deadline::never(),
                                                       const ring_connect_options& options = {});

  [[nodiscard]] ring_connection_sender& sender() noexcept { return sender_; }
  [[nodiscard]] ring_connection_receiver& receiver() noexcept { return receiver_; }
  /// Of both directions.
  [[nodiscard]] ring_carrier carrier() const noexcept { return sender_.carrier(); }

  /// Who is at the other side, as the kernel saw it.
  [[nodiscard]] result<socket_credentials> peer_credentials() const {
    return connection_->peer_credentials();
  }
  [[nodiscard]] result<process> peer_process() const { return connection_->peer_process(); }
  /// Whether the other side has gone, in order or not: what it sent may still wait to be received.
  /// Over a socket that is also so once both directions have ended.
  [[nodiscard]] result<bool> peer_has_left() const;
  /// For a selector, poll(2) and epoll(7): readable (POLLIN) once the other side has gone. Stays
  /// ours. Over a socket for which not even one more descriptor was to be had it is the socket,
  /// readable for messages as well: `peer_has_left` tells.
  [[nodiscard]] int watch_handle() const noexcept {
    return hang_up_ ? hang_up_.get() : connection_->native_handle();
  }

 private:
  friend class ring_listener;
  ring_connection(shared_connection connection, ring_connection_ends ends)
      : connection_(std::move(connection)),
        sender_(std::move(ends.sender)),
        receiver_(std::move(ends.receiver)) {}
  // Rings that were agreed upon, or the connection itself.
  [[nodiscard]] static ring_connection over_rings(unix_seqpacket connection,
                                                  ring_connection_ends rings);
  [[nodiscard]] static result<ring_connection> over_socket(unix_seqpacket connection,
                                                           std::uint64_t sending_bytes,
                                                           std::uint64_t receiving_bytes);
  // Nothing, if the listener lets us go.
  [[nodiscard]] static result<std::optional<ring_connection>> meet(
      std::string_view address, deadline until, const ring_connect_options& options);

  shared_connection connection_;
  unique_fd hang_up_ = {};  // of a socket: readable at its end, and not for messages
  ring_connection_sender sender_;
  ring_connection_receiver receiver_;
};

}  // namespace sluice
