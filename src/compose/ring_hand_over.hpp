#pragma once
// What the two sides of a ring_connection say to each other before they use it, and how what is
// offered is made and taken. Normative: docs/ring-format.md, "Handing rings over".

#include <array>
#include <cstdint>
#include <sluice/channel/ring_channel_options.hpp>
#include <sluice/channel/unix_seqpacket.hpp>
#include <sluice/compose/ring_connection_ends.hpp>
#include <type_traits>

namespace sluice::ring_hand_over {

/// From the listener, with two descriptors: of the direction to the client, and of that from it.
struct offer {
  std::array<char, 8> mark{'s', 'l', 'r', 'i', 'n', 'g', 's', '2'};
  ring_carrier carrier = ring_carrier::shared;
  std::uint32_t reserved = 0;
  std::uint64_t to_client_bytes = 0;  // capacities
  std::uint64_t from_client_bytes = 0;
  [[nodiscard]] bool is_known() const noexcept {
    return mark == offer{}.mark && carrier <= ring_carrier::socket && reserved == 0;
  }
};
static_assert(sizeof(offer) == 32 && std::has_unique_object_representations_v<offer>);

enum class verdict : std::uint32_t { taken = 1, something_else = 2 };

/// From the client: if it has taken hardened rings with two descriptors, of the same directions.
struct answer {
  std::array<char, 8> mark{'s', 'l', 'a', 'n', 's', 'w', 'e', '2'};
  verdict what = verdict::taken;
  std::uint32_t reserved = 0;
  [[nodiscard]] bool is_known() const noexcept {
    return mark == answer{}.mark && reserved == 0 &&
           (what == verdict::taken || what == verdict::something_else);
  }
};
static_assert(sizeof(answer) == 16 && std::has_unique_object_representations_v<answer>);

/// From the listener, when it could take the client's hardened rings in turn; else an offer of what
/// comes next.
struct agreement {
  std::array<char, 8> mark{'s', 'l', 'a', 'g', 'r', 'e', 'e', '2'};
  friend bool operator==(const agreement&, const agreement&) = default;
};

/// What is offered after this one was refused.
[[nodiscard]] constexpr ring_carrier next_of(ring_carrier refused) noexcept {
  return refused == ring_carrier::shared ? ring_carrier::hardened : ring_carrier::socket;
}

/// Of a ring that can be handed over: frames hold as much.
inline constexpr std::uint64_t most_capacity_bytes = std::uint64_t{1} << 32;
[[nodiscard]] bool is_capacity(std::uint64_t bytes) noexcept;

/// What one side holds.
struct ends {
  ring_connection_sender sender;
  ring_connection_receiver receiver;
};

/// Makes what the offer says and sends it to the client.
[[nodiscard]] result<ends> make(unix_seqpacket& client, const offer& what,
                                const ring_wait_options& wait);
/// Likewise, and where it cannot be made what comes after it.
[[nodiscard]] result<ends> make_first(unix_seqpacket& client, offer what,
                                      const ring_wait_options& wait);
/// Takes it, and sends the answer.
[[nodiscard]] result<ends> take(unix_seqpacket& server, const offer& what, received_handles& came,
                                const ring_wait_options& wait);
/// What a client that has taken hardened rings sent.
[[nodiscard]] result<void> complete(ring_connection_sender& sender,
                                    ring_connection_receiver& receiver, received_handles& came);

/// Whether something else may do where this cannot be had.
[[nodiscard]] bool is_shortage(const error& why) noexcept;

}  // namespace sluice::ring_hand_over
