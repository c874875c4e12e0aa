#pragma once
// Stands in front of the library's header of this name: the same atomics for ring/, but each
// operation is a step of the scheduler in explorer.hpp. The default arguments tell which function
// of ring/ it stands in.

#include <atomic>
#include <cstdint>

#include "explorer.hpp"

namespace sluice::ring {

template <class T>
class atomic {
 public:
  static constexpr bool is_always_lock_free = true;

  constexpr atomic() noexcept = default;
  constexpr atomic(T value) noexcept : value_(value) {}

  T load(std::memory_order order,
         weak::place from = {__builtin_FILE(), __builtin_FUNCTION()}) const noexcept {
    return static_cast<T>(weak::load({&value_, sizeof(T)}, order, from));
  }
  void store(T value, std::memory_order order,
             weak::place from = {__builtin_FILE(), __builtin_FUNCTION()}) noexcept {
    weak::store({&value_, sizeof(T)}, value, order, from);
  }
  T exchange(T value, std::memory_order order,
             weak::place from = {__builtin_FILE(), __builtin_FUNCTION()}) noexcept {
    return modify(weak::modification::set, value, order, from);
  }
  T fetch_add(T value, std::memory_order order,
              weak::place from = {__builtin_FILE(), __builtin_FUNCTION()}) noexcept {
    return modify(weak::modification::add, value, order, from);
  }
  T fetch_or(T value, std::memory_order order,
             weak::place from = {__builtin_FILE(), __builtin_FUNCTION()}) noexcept {
    return modify(weak::modification::bit_or, value, order, from);
  }
  T fetch_and(T value, std::memory_order order,
              weak::place from = {__builtin_FILE(), __builtin_FUNCTION()}) noexcept {
    return modify(weak::modification::bit_and, value, order, from);
  }
  bool compare_exchange_strong(T& expected, T wanted, std::memory_order order,
                               weak::place from = {__builtin_FILE(),
                                                   __builtin_FUNCTION()}) noexcept {
    std::uint64_t seen = expected;
    const bool done = weak::compare_exchange({&value_, sizeof(T)}, seen, wanted, order, from);
    expected = static_cast<T>(seen);
    return done;
  }
  bool compare_exchange_weak(T& expected, T wanted, std::memory_order order,
                             weak::place from = {__builtin_FILE(), __builtin_FUNCTION()}) noexcept {
    return compare_exchange_strong(expected, wanted, order, from);
  }

 private:
  T modify(weak::modification how, T value, std::memory_order order, weak::place from) noexcept {
    return static_cast<T>(weak::modify({&value_, sizeof(T)}, how, value, order, from));
  }

  T value_{};
};

template <class T>
class atomic_ref {
 public:
  explicit atomic_ref(T& value) noexcept : value_(&value) {}

  T load(std::memory_order order = std::memory_order_seq_cst,
         weak::place from = {__builtin_FILE(), __builtin_FUNCTION()}) const noexcept {
    return static_cast<T>(weak::load({value_, sizeof(T)}, order, from));
  }
  void store(T value, std::memory_order order,
             weak::place from = {__builtin_FILE(), __builtin_FUNCTION()}) const noexcept {
    weak::store({value_, sizeof(T)}, value, order, from);
  }

 private:
  T* value_;
};

inline void atomic_thread_fence(std::memory_order order,
                                weak::place from = {__builtin_FILE(),
                                                    __builtin_FUNCTION()}) noexcept {
  weak::fence(order, from);
}
/// The scheduler runs what is written in the order in which it is written.
inline void atomic_signal_fence(std::memory_order) noexcept {}

}  // namespace sluice::ring
