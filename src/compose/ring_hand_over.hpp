#pragma once
// What the two sides of a ring_connection say to each other before they use it, and how what is
// offered is made and taken. Normative: docs/ring-format.md, "Handing rings over".

#include <array>
#include <cstdint>
#include <optional>
#include <sluice/channel/ring_channel_options.hpp>
#include <sluice/channel/unix_seqpacket.hpp>
#include <sluice/compose/ring_connection.hpp>
#include <type_traits>

namespace sluice::ring_hand_over {

/// From the client, first of all: it costs the listener nothing to wait for.
struct hello {
  std::array<char, 8> mark{'s', 'l', 'h', 'e', 'l', 'l', 'o', '3'};
  ring_carrier best = ring_carrier::shared;  // no carrier before this one need be offered
  std::uint32_t reserved = 0;
  std::uint64_t max_capacity_bytes = 0;
  [[nodiscard]] bool is_known() const noexcept {
    return mark == hello{}.mark && best <= ring_carrier::socket && reserved == 0;
  }
};
static_assert(sizeof(hello) == 24 && std::has_unique_object_representations_v<hello>);

/// From the listener; of rings with two descriptors: of the direction to the client, and of that
/// from it.
struct offer {
  std::array<char, 8> mark{'s', 'l', 'r', 'i', 'n', 'g', 's', '3'};
  ring_carrier carrier = ring_carrier::shared;
  std::uint32_t reserved = 0;
  std::uint64_t to_client_bytes = 0;  // capacities
  std::uint64_t from_client_bytes = 0;
  [[nodiscard]] bool is_known() const noexcept {
    return mark == offer{}.mark && carrier <= ring_carrier::socket && reserved == 0;
  }
};
static_assert(sizeof(offer) == 32 && std::has_unique_object_representations_v<offer>);

/// How many descriptors come with it.
[[nodiscard]] constexpr std::size_t handles_of(ring_carrier carrier) noexcept {
  return carrier == ring_carrier::socket ? 0 : 2;
}

enum class verdict : std::uint32_t { taken = 1, something_else = 2 };

/// From the client: if it has taken hardened rings with two descriptors, of the same directions.
struct answer {
  std::array<char, 8> mark{'s', 'l', 'a', 'n', 's', 'w', 'e', '3'};
  verdict what = verdict::taken;
  std::uint32_t reserved = 0;
  [[nodiscard]] bool is_known() const noexcept {
    return mark == answer{}.mark && reserved == 0 &&
           (what == verdict::taken || what == verdict::something_else);
  }
};
static_assert(sizeof(answer) == 16 && std::has_unique_object_representations_v<answer>);

/// From the listener, to a client that has taken hardened rings, which it could take in turn, or a
/// socket: now messages may follow. Else an offer of what comes next.
struct agreement {
  std::array<char, 8> mark{'s', 'l', 'a', 'g', 'r', 'e', 'e', '3'};
  friend bool operator==(const agreement&, const agreement&) = default;
};

/// From the listener, to a client that it lets go because others came: it may come again.
struct turned_away {
  std::array<char, 8> mark{'s', 'l', 'a', 'g', 'a', 'i', 'n', '3'};
  friend bool operator==(const turned_away&, const turned_away&) = default;
};

/// The first carrier that may be used with a process of this user.
[[nodiscard]] ring_carrier best_with(uid_t user, ring_trust trust) noexcept;

/// What is offered after this one was refused.
[[nodiscard]] constexpr ring_carrier next_of(ring_carrier refused) noexcept {
  return refused == ring_carrier::shared ? ring_carrier::hardened : ring_carrier::socket;
}

/// Of a ring that can be handed over: frames hold as much.
inline constexpr std::uint64_t most_capacity_bytes = std::uint64_t{1} << 32;
[[nodiscard]] bool is_capacity(std::uint64_t bytes) noexcept;

/// What a listener has offered: rings, or nothing, for a socket is there already.
struct offered {
  ring_carrier carrier = ring_carrier::socket;
  std::optional<ring_connection_ends> rings = {};
};

/// Makes what the offer says, or, where that cannot be made, what comes after it, and says so to
/// the client.
[[nodiscard]] result<offered> make(unix_seqpacket& client, offer what,
                                   const ring_wait_options& wait);
/// Takes rings, and sends the answer.
[[nodiscard]] result<ring_connection_ends> take(unix_seqpacket& server, const offer& what,
                                                received_handles& came,
                                                const ring_wait_options& wait);
/// What a client that has taken hardened rings sent.
[[nodiscard]] result<void> complete(ring_connection_ends& rings, received_handles& came);

/// The ends where the connection itself carries the messages.
[[nodiscard]] result<ring_connection_ends> over_connection(const shared_connection& connection,
                                                           std::uint64_t sending_bytes,
                                                           std::uint64_t receiving_bytes);

/// Whether something else may do where this cannot be had.
[[nodiscard]] bool is_shortage(const error& why) noexcept;

}  // namespace sluice::ring_hand_over
