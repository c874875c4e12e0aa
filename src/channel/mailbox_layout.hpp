#pragma once
// What lies in the memory of a mailbox. docs/mailbox-format.md is the page about it.
//
// The mutex guards all but the semaphores. Both counters only grow; each operation publishes itself
// by one store to one of them, so whoever dies while holding the mutex leaves either the state
// before or that after, and the next holder has nothing to repair. The semaphores only wake: their
// values may lag behind or run ahead of the counters after a death, and nobody believes them.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <sluice/channel/mailbox.hpp>
#include <sluice/primitive/mutex.hpp>
#include <sluice/primitive/posix_semaphore.hpp>
#include <type_traits>

namespace sluice {

struct mailbox_layout {
  static constexpr std::uint64_t magic_value = 0x786f'626c'6961'6d73;  // "smailbox" in memory
  static constexpr std::uint32_t current_version = 1;
  static constexpr std::size_t slots_offset = 192;

  // Written once, before the memory has a name.
  std::uint64_t magic;
  std::uint32_t version;
  std::uint32_t slot_header_bytes;
  std::uint64_t capacity_messages;
  std::uint64_t max_message_bytes;

  mutex lock;
  alignas(8) std::byte arrived[posix_semaphore::size_bytes];  // receivers sleep here
  std::byte freed[posix_semaphore::size_bytes];               // senders sleep here

  // Written under the lock, read by `messages` without it.
  std::atomic<std::uint64_t> sent;
  std::atomic<std::uint64_t> received;
};

/// Before the bytes of each message.
struct mailbox_slot_header {
  std::uint64_t size;
};

static_assert(std::is_standard_layout_v<mailbox_layout>);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(offsetof(mailbox_layout, capacity_messages) == 16);
static_assert(offsetof(mailbox_layout, max_message_bytes) == 24);
static_assert(offsetof(mailbox_layout, lock) == 32);
static_assert(offsetof(mailbox_layout, arrived) == 80);
static_assert(offsetof(mailbox_layout, freed) == 112);
static_assert(offsetof(mailbox_layout, sent) == 144);
static_assert(offsetof(mailbox_layout, received) == 152);
static_assert(sizeof(mailbox_layout) <= mailbox_layout::slots_offset);

/// Bytes from the start of one slot to that of the next; 0 for messages beyond the largest.
[[nodiscard]] inline std::size_t mailbox_slot_bytes(std::size_t max_message_bytes) noexcept {
  constexpr std::size_t unit = alignof(mailbox_slot_header);
  if (max_message_bytes > mailbox_capabilities.max_message_bytes) return 0;
  return sizeof(mailbox_slot_header) + (max_message_bytes + unit - 1) / unit * unit;
}

/// Bytes of all of it; 0 when so many slots cannot be addressed.
[[nodiscard]] inline std::size_t mailbox_bytes(std::size_t capacity_messages,
                                               std::size_t max_message_bytes) noexcept {
  const std::size_t slot = mailbox_slot_bytes(max_message_bytes);
  constexpr std::size_t largest = std::numeric_limits<std::ptrdiff_t>::max();
  if (slot == 0 || capacity_messages > (largest - mailbox_layout::slots_offset) / slot) return 0;
  return mailbox_layout::slots_offset + capacity_messages * slot;
}

}  // namespace sluice
