#pragma once
// Rings between processes that do not know each other beforehand: a client connects to an address,
// the server looks who it is, makes a ring for each direction without a name, and hands both over.
// From then on messages go through memory. How they agree upon it: docs/ring-format.md.

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <sluice/base/deadline.hpp>
#include <sluice/base/readiness.hpp>
#include <sluice/base/result.hpp>
#include <sluice/channel/ring_channel_options.hpp>
#include <sluice/channel/unix_listener.hpp>
#include <sluice/channel/unix_seqpacket.hpp>
#include <sluice/compose/ring_connection.hpp>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice {

/// The ring of one direction. A sender that finds it full waits.
struct ring_direction {
  /// A power of two of at least a page; the largest message with its header takes half of it.
  std::size_t capacity_bytes = std::size_t{1} << 20;
};

struct ring_listener_options {
  unix_listener_options socket = {};  ///< Its mode and its filter say who may come.
  ring_direction to_client = {};
  ring_direction from_client = {};
  ring_wait_options wait = {};
  ring_trust trust = ring_trust::same_user;
  /// Of one user, clients that were offered memory and have not answered, or not even looked: one
  /// more is offered a socket, so that memory is held for so many and no more. And in all, clients
  /// for which none is held and that have not spoken or not answered: when one more comes, the
  /// eldest of the user that has most of them is let go, and is told that it may come again.
  std::size_t max_undecided = 16;
};

/// Hands out a pair of rings to each client that comes to an address.
///
/// *Semantics*: memory is made, and descriptors are sent, only after the filter has let a client in
/// and it has spoken. With a client of our own user memory is shared; with others the rings are
/// hardened; where memory or descriptors are short, here or there, the socket over which they met
/// takes their place, with the same messages in the same order. A client counts once it has taken
/// what it was offered, so whoever stays silent keeps nobody waiting; in a flood of them a client
/// that means it may be let go before its turn, and ring_connection::connect comes again until its
/// deadline. What a client has received it may keep, as any file. *Threads*: one thread
/// at a time, in the process that made it. *Errors*: those of unix_listener and, for capacities
/// that cannot be, of ring_channel; a client that went meanwhile, or answers nonsense, costs
/// nothing but its turn; `operation_not_permitted` in a forked child. *Lifetime*: connections stay
/// when it goes. *Crash*: as *Lifetime*; the name is cleared away by the next listener.
class ring_listener {
 public:
  [[nodiscard]] static result<ring_listener> create(std::string_view address,
                                                    const ring_listener_options& options = {});

  /// The next client that has taken its rings, if there is one.
  [[nodiscard]] result<ring_connection> try_accept();
  /// Waits for one.
  [[nodiscard]] result<ring_connection> accept(deadline until = deadline::never());
  /// Waits until accepting is worth it: somebody connects, or answers.
  [[nodiscard]] result<void> wait_for_peer(deadline until);

  /// How many connections the filter did not admit.
  [[nodiscard]] std::uint64_t refused() const noexcept { return door_.refused(); }
  /// How many were let go because others came and they had not answered.
  [[nodiscard]] std::uint64_t let_go() const noexcept { return let_go_; }
  /// Readable (POLLIN) while accepting is worth it.
  [[nodiscard]] int native_handle() const noexcept { return watched_.get(); }

 private:
  // A client that is not a connection yet.
  struct undecided {
    std::uint64_t number = 0;
    uid_t user = 0;
    unix_seqpacket socket;
    std::optional<ring_carrier> offered = {};        // none: it has not spoken
    std::optional<ring_connection_ends> rings = {};  // what memory is held for
  };
  // One that went, or spoke nonsense, before it had received the rings that it was offered.
  struct unread {
    uid_t user = 0;
    unix_seqpacket socket;
  };
  ring_listener(unix_seqpacket_listener door, unique_fd watched, pid_t maker,
                const ring_listener_options& options)
      : door_(std::move(door)), watched_(std::move(watched)), maker_(maker), options_(options) {}

  [[nodiscard]] result<std::optional<ring_connection>> look_at(std::uint64_t number);
  [[nodiscard]] result<std::optional<ring_connection>> hear(undecided client);
  [[nodiscard]] result<std::optional<ring_connection>> conclude(undecided client,
                                                                received_handles& came);
  [[nodiscard]] result<void> offer_to(undecided client, ring_carrier carrier);
  [[nodiscard]] result<void> keep(undecided client);
  void let_go_of_one();
  [[nodiscard]] std::size_t memory_held_for(uid_t user);

  unix_seqpacket_listener door_;
  unique_fd watched_;  // the door and the undecided
  pid_t maker_;
  ring_listener_options options_;
  std::vector<undecided> undecided_ = {};  // the eldest first
  std::vector<unread> unread_ = {};
  std::uint64_t last_number_ = 0;
  std::uint64_t let_go_ = 0;
};

template <>
inline constexpr bool polled_by_native_handle<ring_listener> = true;

}  // namespace sluice
