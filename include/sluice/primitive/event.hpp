#pragma once
// A notification without a payload, over eventfd(2).

#include <cstdint>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/unique_fd.hpp>

namespace sluice {

struct event_options {
  std::uint32_t initial = 0;  ///< Notifications that are there from the start.
  /// True: each notification is taken singly, as from a semaphore. False: they merge, and one wait
  /// takes all.
  bool counting = false;
};

/// Wakes one waiter, in this process or in one that inherited or was passed the descriptor.
///
/// *Semantics*: a notification before the wait is not lost; a wait without deadline is one system
/// call while nobody asked for the handle nor notified by hundreds. *Threads*: all verbs from any
/// thread or process at once. *Errors*: `notify` reports would_block when 2^64-2 notifications
/// wait. *Lifetime*: lives as long as some descriptor of it. *Crash*: nothing is held; what a
/// killed waiter had taken is gone, what it had not taken stays.
class event {
 public:
  static constexpr channel_capabilities capabilities{
      .mechanism = "event (eventfd)",
      .keeps_boundaries = false,
      .order = ordering::total,
      .many_senders = true,
      .many_receivers = true,
      .pollable = true,
      .carries_handles = false,
      .max_message_bytes = 0,
  };

  [[nodiscard]] static result<event> create(const event_options& options = {});
  /// Takes over an eventfd, `counting` or not as it was made; `invalid_argument` if it is none.
  [[nodiscard]] static result<event> from_native(unique_fd fd);

  [[nodiscard]] result<void> notify() { return notify(1); }
  /// Notifies `times` at once (1 to 2^64-2).
  [[nodiscard]] result<void> notify(std::uint64_t times);
  /// Takes one notification (counting) or all there are; would_block when there is none.
  [[nodiscard]] result<void> try_wait();
  [[nodiscard]] result<void> wait(deadline until = deadline::never());
  /// As `try_wait`, and tells how many notifications were taken.
  [[nodiscard]] result<std::uint64_t> try_take();

  /// Readable while there is something to take. Non-blocking, and that for all who share it, from
  /// the first time that it is asked for.
  [[nodiscard]] int native_handle() const noexcept;
  [[nodiscard]] unique_fd release_handle() && noexcept;

 private:
  explicit event(unique_fd fd) noexcept : fd_(std::move(fd)) {}
  [[nodiscard]] result<void> become_nonblocking() const;
  [[nodiscard]] bool is_nonblocking() const noexcept;

  unique_fd fd_;
  mutable bool nonblocking_ = false;  // that we know of; atomically, once and for ever
};

static_assert(event_source<event>);

}  // namespace sluice
