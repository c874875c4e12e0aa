#pragma once
// What one chooses about a relay, how it ended, and what it did.

#include <atomic>
#include <chrono>
#include <concepts>
#include <cstdint>
#include <optional>
#include <sluice/base/bytes.hpp>
#include <sluice/base/error.hpp>

namespace sluice {

struct relay_options {
  /// How long a request to stop may take where an end has no descriptor (System V queues,
  /// mailboxes, hardened rings, local channels): it is waited for that long at a time. Where both
  /// have one, a request wakes the relay at once.
  std::chrono::nanoseconds look_every = std::chrono::milliseconds{10};
};

/// Why a relay returned.
enum class relay_end {
  passed_on,        ///< The receiving end reported `closed`, and the sending end has left.
  stopped,          ///< Somebody asked for it.
  timed_out,        ///< The deadline passed.
  receiver_failed,  ///< With what the receiving end reported.
  sender_failed,    ///< With what the sending end reported; the message is in hand.
};

struct relay_outcome {
  relay_end end = relay_end::stopped;
  std::optional<error> reason = {};  ///< Of a side that failed.
};

/// Counts since the relay was made.
struct relay_statistics {
  std::uint64_t messages = 0;        ///< Passed on.
  std::uint64_t bytes = 0;           ///< Of these, as they were sent.
  std::uint64_t dropped = 0;         ///< That the filter did not want.
  std::uint64_t receiver_waits = 0;  ///< Times that there was nothing to pass on.
  std::uint64_t sender_waits = 0;    ///< Times that there was no room: back-pressure.
};

/// The same while they are counted.
///
/// *Semantics*: one thread counts, any may look. *Threads*: as said. *Errors*: none. *Lifetime*:
/// stays where it was made. *Crash*: goes with the process.
class relay_counters {
 public:
  using counter = std::atomic<std::uint64_t>;
  counter messages = 0;
  counter bytes = 0;
  counter dropped = 0;
  counter receiver_waits = 0;
  counter sender_waits = 0;

  // Relaxed: each is a fact of its own; and only one adds, so nothing is lost.
  static void add(counter& to, std::uint64_t more = 1) noexcept {
    to.store(of(to) + more, relaxed);
  }
  [[nodiscard]] relay_statistics now() const noexcept {
    return {.messages = of(messages),
            .bytes = of(bytes),
            .dropped = of(dropped),
            .receiver_waits = of(receiver_waits),
            .sender_waits = of(sender_waits)};
  }

 private:
  static constexpr auto relaxed = std::memory_order_relaxed;
  static std::uint64_t of(const counter& one) noexcept { return one.load(relaxed); }
};

/// What a relay does with each message: a filter tells whether it goes on; a transformation gives
/// what goes on instead (a part of the message, or memory of its own that stays valid until the
/// next call), or nothing.
template <class F>
concept relay_filter = requires(F& change, const_bytes message) {
  { change(message) } -> std::same_as<bool>;
};
template <class F>
concept relay_transformation = requires(F& change, const_bytes message) {
  { change(message) } -> std::convertible_to<std::optional<const_bytes>>;
};
template <class F>
concept relay_change = std::move_constructible<F> && (relay_filter<F> || relay_transformation<F>);

/// Everything goes on as it came.
struct pass_everything {
  [[nodiscard]] const_bytes operator()(const_bytes message) const noexcept { return message; }
};

}  // namespace sluice
