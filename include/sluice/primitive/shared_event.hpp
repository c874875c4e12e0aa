#pragma once
// A notification without a payload that lies in shared memory, on a futex. What `event` is to
// processes that can hand each other a descriptor, this is to processes that share memory. A
// condition variable of the C library must not be used there: a killed waiter can hang it.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>
#include <type_traits>

namespace sluice {

struct shared_event_options {
  std::uint32_t initial = 0;  ///< Notifications that are there from the start, below 2^31.
  /// True: each notification is taken singly, as from a semaphore. False: they merge, and one wait
  /// takes all.
  bool counting = false;
};

/// Wakes a waiter in any process that maps the memory. Made in place and never moved:
/// `new (where) shared_event`, or as a member of what is shared.
///
/// *Semantics*: a notification before the wait is not lost. All who sleep are woken, and one of
/// them takes it: for many workers that share a load, a semaphore wakes fewer. Notifying makes no
/// system call unless somebody sleeps, or gave up sleeping since the last notification. *Threads*:
/// all verbs from any thread of any process at once. *Errors*: would_block from `notify` when
/// 2^31-1 notifications are waiting; `errc::corrupt` when no event lies here. *Lifetime*: that of
/// its memory; there is nothing to destroy. All who write the memory are trusted. *Crash*: nothing
/// is held. A waiter that is killed at any point takes nothing away from the others but what it had
/// taken already; a notifier that is killed between its notification and the wake-up delays it by
/// at most `longest_sleep`: sleepers look again by themselves.
class shared_event {
 public:
  static constexpr channel_capabilities capabilities{
      .mechanism = "shared event (futex)",
      .keeps_boundaries = false,
      .order = ordering::total,
      .many_senders = true,
      .many_receivers = true,
      .pollable = false,
      .survives_processes = true,
      .max_message_bytes = 0,
  };
  static constexpr std::chrono::milliseconds longest_sleep{50};
  static constexpr std::uint32_t max_notifications = 0x7fff'ffff;

  explicit shared_event(const shared_event_options& options = {}) noexcept;
  shared_event(const shared_event&) = delete;
  shared_event& operator=(const shared_event&) = delete;
  ~shared_event() = default;

  [[nodiscard]] result<void> notify() { return notify(1); }
  /// Notifies `times` at once (1 to 2^31-1).
  [[nodiscard]] result<void> notify(std::uint32_t times);
  /// Takes one notification (counting) or all there are; would_block when there is none.
  [[nodiscard]] result<void> try_wait();
  [[nodiscard]] result<void> wait(deadline until = deadline::never());
  /// As `try_wait`, and tells how many notifications were taken.
  [[nodiscard]] result<std::uint32_t> try_take();

  /// How many notifications are waiting; by the time it is known it may be another number.
  [[nodiscard]] result<std::uint32_t> value() const;

 private:
  [[nodiscard]] bool is_made() const noexcept;
  [[nodiscard]] std::uint32_t take() noexcept;

  // Written by everybody: how many notifications wait, and in the highest bit whether somebody may
  // be asleep. In one word, so that neither side can miss what the other did.
  std::atomic<std::uint32_t> word_;
  // Written once, when the event is made; values in shared_event.cpp.
  std::atomic<std::uint32_t> kind_;
};

static_assert(event_source<shared_event>);
static_assert(std::is_standard_layout_v<shared_event> &&
              std::is_trivially_destructible_v<shared_event>);
static_assert(sizeof(shared_event) == 8 && alignof(shared_event) == 4);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);

}  // namespace sluice
