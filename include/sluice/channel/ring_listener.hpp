#pragma once
// Rings between processes that do not know each other beforehand: a client connects to an address,
// the server looks who it is, makes a ring for each direction without a name, and hands both over.
// From then on messages go through memory; the connection stays, and its end tells of a death.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <sluice/base/bytes.hpp>
#include <sluice/base/deadline.hpp>
#include <sluice/base/readiness.hpp>
#include <sluice/base/result.hpp>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/channel/ring_channel_options.hpp>
#include <sluice/channel/unix_connection.hpp>
#include <sluice/channel/unix_listener.hpp>
#include <sluice/channel/unix_seqpacket.hpp>
#include <string_view>

namespace sluice {

/// One side of a conversation through two rings.
///
/// *Semantics*: `sender` and `receiver` are those of ring_channel.hpp, and belong to the caller to
/// use; the connection carries nothing more. *Threads*: each part as its class says. *Errors*:
/// those of the rings: `closed` or `connection_reset` after everything was received, `broken_pipe`
/// to who sends. *Lifetime*: nothing of it has a name, so nothing is left when both are gone.
/// *Crash*: `watch_handle` is readable at the peer's death at once; what it had sent is received.
class ring_connection {
 public:
  /// Connects with the listener at `address` (os/unix_address.hpp), and waits until it has handed
  /// the rings over. `errc::incompatible` when what came is no pair of rings.
  [[nodiscard]] static result<ring_connection> connect(std::string_view address,
                                                       deadline until = deadline::never(),
                                                       const unix_connect_options& options = {},
                                                       const ring_end_options& ends = {});

  [[nodiscard]] ring_sender& sender() noexcept { return sender_; }
  [[nodiscard]] ring_receiver& receiver() noexcept { return receiver_; }

  /// Who is at the other side, as the kernel saw it.
  [[nodiscard]] result<socket_credentials> peer_credentials() const {
    return socket_.peer_credentials();
  }
  [[nodiscard]] result<process> peer_process() const { return socket_.peer_process(); }
  /// Whether the other side has gone, in order or not: what it sent may still wait to be received.
  [[nodiscard]] result<bool> peer_has_left() const;
  /// For poll(2) and epoll(7): readable (POLLIN) once the other side has gone. Stays ours.
  [[nodiscard]] int watch_handle() const noexcept { return socket_.native_handle(); }

 private:
  friend class ring_listener;
  ring_connection(unix_seqpacket socket, ring_sender sender, ring_receiver receiver)
      : socket_(std::move(socket)), sender_(std::move(sender)), receiver_(std::move(receiver)) {}
  unix_seqpacket socket_;
  ring_sender sender_;
  ring_receiver receiver_;
};

struct ring_listener_options {
  unix_listener_options socket = {};  ///< Its mode and its filter say who may come.
  ring_channel_options to_client = {};
  ring_channel_options from_client = {};
  ring_end_options ends = {};
};

/// Hands out a pair of rings to each client that comes to an address.
///
/// *Semantics*: memory is made only after the filter has let a client in. Clients are trusted: who
/// may use a ring may write all of it. *Threads*: one thread at a time. *Errors*: those of
/// unix_listener and of ring_channel::create_anonymous; a client that went meanwhile costs nothing
/// but its turn. *Lifetime*: connections stay when it goes. *Crash*: as *Lifetime*; the name is
/// cleared away by the next listener.
class ring_listener {
 public:
  [[nodiscard]] static result<ring_listener> create(std::string_view address,
                                                    const ring_listener_options& options = {});

  /// The next client, if one waits.
  [[nodiscard]] result<ring_connection> try_accept();
  /// Waits for one.
  [[nodiscard]] result<ring_connection> accept(deadline until = deadline::never());
  /// Waits until somebody connects, without accepting; `timed_out` once the deadline passed.
  [[nodiscard]] result<void> wait_for_peer(deadline until) { return door_.wait_for_peer(until); }

  /// How many connections the filter did not admit.
  [[nodiscard]] std::uint64_t refused() const noexcept { return door_.refused(); }
  /// Readable (POLLIN) while a client waits.
  [[nodiscard]] int native_handle() const noexcept { return door_.native_handle(); }

 private:
  ring_listener(unix_seqpacket_listener door, const ring_listener_options& options)
      : door_(std::move(door)), options_(options) {}
  unix_seqpacket_listener door_;
  ring_listener_options options_;
};

/// Readable while a client waits.
template <>
inline constexpr bool polled_by_native_handle<ring_listener> = true;

}  // namespace sluice
