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
  /// Clients that were made an offer and have not answered yet. When one more comes, the one that
  /// has been silent longest is let go: memory is held for so many and no more.
  std::size_t max_undecided = 16;
};

/// Hands out a pair of rings to each client that comes to an address.
///
/// *Semantics*: memory is made only after the filter has let a client in. With a client of our own
/// user it is shared; with others the rings are hardened; where memory is short, here or there, a
/// socket takes their place, with the same messages in the same order. A client counts once it has
/// taken what it was offered, so whoever stays silent keeps nobody waiting. *Threads*: one thread
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
  // A client that was made an offer.
  struct undecided {
    std::uint64_t number = 0;
    unix_seqpacket socket;
    ring_connection_sender sender;
    ring_connection_receiver receiver;
  };
  ring_listener(unix_seqpacket_listener door, unique_fd watched, pid_t maker,
                const ring_listener_options& options)
      : door_(std::move(door)), watched_(std::move(watched)), maker_(maker), options_(options) {}

  [[nodiscard]] result<void> offer_to(unix_seqpacket client, ring_carrier carrier);
  [[nodiscard]] result<std::optional<ring_connection>> look_at(std::uint64_t number);
  [[nodiscard]] bool is_trusted(const unix_seqpacket& client) const;

  unix_seqpacket_listener door_;
  unique_fd watched_;  // the door and the undecided
  pid_t maker_;
  ring_listener_options options_;
  std::vector<undecided> undecided_ = {};  // the eldest first
  std::uint64_t last_number_ = 0;
  std::uint64_t let_go_ = 0;
};

template <>
inline constexpr bool polled_by_native_handle<ring_listener> = true;

}  // namespace sluice
