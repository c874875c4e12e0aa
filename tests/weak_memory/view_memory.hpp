#pragma once
// The memory of one run: what was stored in each word, in its order, and what each thread knows of
// it. Nothing here chooses; explorer.cpp says who does what next, and which store a load reads.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "explorer.hpp"

namespace sluice::weak {

inline constexpr std::size_t max_threads = 4;
inline constexpr std::size_t max_words = 80;

/// What somebody knows: of each word how many stores, and of each thread how much it has done.
struct view {
  std::array<std::uint16_t, max_words> stores{};
  std::array<std::uint16_t, max_threads> done{};

  void learn_stores(const view& other) noexcept;
  void learn(const view& other) noexcept;
};

class view_memory {
 public:
  /// Forgets the run before.
  void reset(std::size_t threads);
  /// The number of a word. The same word is always named by the same address and size.
  [[nodiscard]] std::size_t index_of(word which);

  [[nodiscard]] const void* address_of(std::size_t index) const noexcept {
    return words_[index].which.at;
  }

  /// How many stores a load of this thread may read: the newest, and those before it that this
  /// thread does not know to be overwritten.
  [[nodiscard]] std::size_t choices(std::size_t thread, std::size_t index) const noexcept;
  /// What was stored `back` stores before the newest.
  [[nodiscard]] std::uint64_t value(std::size_t index, std::size_t back = 0) const noexcept;
  [[nodiscard]] std::size_t stores(std::size_t index) const noexcept;
  /// What somebody keeps for the newest store, and for one before it. 0 is for what was there.
  [[nodiscard]] std::size_t& mark(std::size_t index, std::size_t back = 0) noexcept;

  std::uint64_t load(std::size_t thread, std::size_t index, std::size_t back,
                     std::memory_order order);
  void store(std::size_t thread, std::size_t index, std::uint64_t value, std::memory_order order);
  /// Reads the newest store and is the next one.
  void modify(std::size_t thread, std::size_t index, std::uint64_t value, std::memory_order order);
  void fence(std::size_t thread, std::memory_order order);
  void barrier_for_all(std::size_t thread);
  /// The thread sees all that another one did, which has ended.
  void join(std::size_t thread, std::size_t ended);

  /// Whether somebody else may touch these bytes at the same moment.
  [[nodiscard]] bool races(std::size_t thread, const void* at, std::size_t bytes, bool writes);

 private:
  struct message {
    std::uint64_t value = 0;
    view told;
    std::size_t mark = 0;
  };
  struct stored_word {
    word which{};
    std::vector<message> stores;
  };
  struct thread_state {
    view known;
    view read;      // of what it read without acquire: a fence takes it over
    view released;  // what it knew at its last release fence
  };
  struct cell {
    std::size_t writer = 0;
    std::uint16_t written = 0;
    std::array<std::uint16_t, max_threads> reads{};
  };

  void append(std::size_t thread, std::size_t index, std::uint64_t value, std::memory_order order,
              const view* continued);
  void exchange_views(thread_state& thread) noexcept;

  std::vector<stored_word> words_;
  std::array<std::int16_t, memory_bytes / 4> numbers_{};
  std::array<cell, memory_bytes / 8> cells_{};
  std::vector<std::size_t> touched_;  // of cells_
  std::array<thread_state, max_threads> threads_{};
  std::size_t count_ = 0;
  std::size_t used_ = 0;  // of words_
  view fenced_;           // what those know who made a full fence
};

}  // namespace sluice::weak
