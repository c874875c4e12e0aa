#pragma once
// What a channel can do, as data: one constexpr record per channel class, asked for with
// `channel_traits<C>`. The README's table is printed from these records, generic code refuses
// misuse at compile time with them, and a test compares every cell with what the kernel does.

#include <cstddef>
#include <limits>
#include <string_view>
#include <type_traits>

namespace sluice {

/// Order of what is received. First-in first-out per sender always holds.
enum class ordering { per_sender, total };

/// How far a channel reaches.
enum class reach { one_process, one_machine, machines };

struct channel_capabilities {
  std::string_view mechanism;     ///< As the table names it: "pipe".
  bool keeps_boundaries = false;  ///< A message arrives as it was sent, never split or joined.
  ordering order = ordering::per_sender;  ///< Across several senders.
  bool many_senders = false;              ///< Several processes may send; nothing interleaves.
  bool many_receivers = false;  ///< Several processes may receive; each message whole, once.
  bool broadcast = false;       ///< Several may receive, and each gets every message.
  /// Has a descriptor that poll(2) tells readiness of: readable while a look is worth it, at the
  /// latest until one says that it would block.
  bool pollable = false;
  bool zero_copy = false;           ///< Can be written or read in place.
  bool carries_handles = false;     ///< Can pass descriptors.
  bool selective = false;           ///< Priorities, or receiving by type.
  bool survives_processes = false;  ///< Content stays when all processes that had it open are gone.
  bool may_lose = false;            ///< What was accepted may be lost, and nobody is told.
  reach reaches = reach::one_machine;
  std::size_t min_message_bytes = 0;  ///< Shorter messages are refused as too long ones are.
  /// Bytes; what is limited only by options has the largest value that the format allows.
  std::size_t max_message_bytes = std::numeric_limits<std::size_t>::max();
};

/// Classes state theirs as `static constexpr channel_capabilities capabilities`.
template <class C>
  requires std::is_same_v<std::remove_cvref_t<decltype(C::capabilities)>, channel_capabilities>
inline constexpr const channel_capabilities& channel_traits = C::capabilities;

}  // namespace sluice
