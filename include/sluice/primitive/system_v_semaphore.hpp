#pragma once
// One semaphore of a System V set: counting, as an event; and one unit of it held in such a way
// that the kernel gives it back when the holder dies. Sets are made and found by
// system_v_semaphore_set.hpp.

#include <sys/types.h>

#include <cstdint>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>
#include <utility>

namespace sluice {

/// One unit of a semaphore, held.
///
/// *Semantics*: took one unit, and gives it back when this goes. Only what takes and gives back one
/// unit is undone by the kernel at a death (SEM_UNDO): for producers and consumers, where one gives
/// what another took, undoing would invent or destroy units. *Threads*: one thread at a time; the
/// unit belongs to the process. *Errors*: `errc::removed` from `release` when the set is gone.
/// *Lifetime*: in a forked child this does nothing: the unit is the parent's. *Crash*: the kernel
/// gives the unit back, and wakes who waits for it. Not when somebody set the semaphore's value
/// meanwhile, which makes the kernel forget all that was held.
class [[nodiscard]] semaphore_unit {
 public:
  semaphore_unit(semaphore_unit&& other) noexcept
      : id_(other.id_), index_(other.index_), owner_(std::exchange(other.owner_, 0)) {}
  semaphore_unit& operator=(semaphore_unit&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(index_, other.index_);
    std::swap(owner_, other.owner_);
    return *this;
  }
  ~semaphore_unit() {
    if (owner_ != 0) static_cast<void>(release());
  }

  /// Gives it back now.
  result<void> release();

 private:
  friend class system_v_semaphore;
  semaphore_unit(int id, std::uint16_t index, pid_t owner) noexcept
      : id_(id), index_(index), owner_(owner) {}
  int id_;
  std::uint16_t index_;
  pid_t owner_;  // 0: given back
};

/// One semaphore of a set: how many units of something are free.
///
/// *Semantics*: `notify` gives a unit, `try_wait` and `wait` take one for good; `try_hold` and
/// `hold` take one that comes back. Waits are on the monotonic clock. *Threads*: all verbs from any
/// thread of any process at once. *Errors*: `errc::removed` when the set is removed, also while
/// waiting; `result_out_of_range` beyond 32767 units. *Lifetime*: says which semaphore; the set may
/// go before. *Crash*: a killed waiter harms nobody; units taken by `wait` are gone with who took
/// them, units that were held come back.
class system_v_semaphore {
 public:
  static constexpr channel_capabilities capabilities{
      .mechanism = "System V semaphore",
      .keeps_boundaries = false,
      .order = ordering::total,
      .many_senders = true,
      .many_receivers = true,
      .pollable = false,
      .survives_processes = true,
      .max_message_bytes = 0,
  };
  static constexpr std::uint16_t max_value = 32767;

  [[nodiscard]] result<void> notify() { return notify(1); }
  /// Gives several units at once (1 to 32767).
  [[nodiscard]] result<void> notify(std::uint16_t times);
  [[nodiscard]] result<void> try_wait();
  [[nodiscard]] result<void> wait(deadline until = deadline::never());

  [[nodiscard]] result<semaphore_unit> try_hold();
  [[nodiscard]] result<semaphore_unit> hold(deadline until = deadline::never());

  [[nodiscard]] result<std::uint16_t> value() const;
  /// Also wakes whom the new value lets through. What was held does not come back any more.
  [[nodiscard]] result<void> set_value(std::uint16_t value);
  /// How many wait until there are more units, and until there is none.
  [[nodiscard]] result<std::size_t> waiters() const;
  [[nodiscard]] result<std::size_t> waiters_for_zero() const;
  /// The last process that changed it; 0: none.
  [[nodiscard]] result<pid_t> last_process() const;

  [[nodiscard]] std::uint16_t index() const noexcept { return index_; }

 private:
  friend class system_v_semaphore_set;
  system_v_semaphore(int id, std::uint16_t index) noexcept : id_(id), index_(index) {}
  int id_;
  std::uint16_t index_;
};

static_assert(event_source<system_v_semaphore>);

}  // namespace sluice
