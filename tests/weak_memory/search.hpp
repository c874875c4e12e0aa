#pragma once
// Which paths through a program are left to explore: those that differ in the order of two
// operations of which one can see the other, or in what a load reads. Of paths that differ in
// nothing else, one is walked.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "explorer.hpp"

namespace sluice::weak {

struct operation {
  static constexpr std::size_t no_word = ~std::size_t{0};
  action what = action::join;
  std::size_t word = no_word;
};

/// Whether it matters which of the two comes first.
[[nodiscard]] bool are_dependent(const operation& a, const operation& b) noexcept;

class search {
 public:
  static constexpr std::size_t max_threads = 4;

  explicit search(paths which) noexcept : walks_all_(which == paths::all) {}

  /// A path begins.
  void begin(std::size_t threads);
  /// What a thread will do when it is its turn.
  void announce(std::size_t thread, const operation& what) noexcept { pending_[thread] = what; }
  /// A thread does nothing any more.
  void retire(std::size_t thread) noexcept { pending_[thread] = {}; }
  /// From here on what a thread does comes after what another one did.
  void follows(std::size_t thread, std::size_t other) noexcept;
  /// The turn that a thread has now, as a number.
  [[nodiscard]] std::size_t turn_of(std::size_t thread) const noexcept { return turns_[thread]; }
  /// What a thread has read in its turn was stored in that one.
  void read_from(std::size_t thread, std::size_t turn) noexcept;
  /// Whose turn it is, of those that are ready; `current` if that makes no difference.
  [[nodiscard]] std::optional<std::size_t> pick(std::uint32_t ready, std::size_t current);
  /// One of so many ways to go on.
  [[nodiscard]] std::size_t choose(std::size_t ways);
  /// This path leads to nothing new.
  void cut() noexcept { is_cut_ = true; }
  [[nodiscard]] bool is_cut_short() const noexcept { return is_cut_; }

  /// The path has ended. False: it was the last one.
  [[nodiscard]] bool next_path();
  [[nodiscard]] std::uint64_t cut_short() const noexcept { return cut_short_; }

 private:
  using clock = std::array<std::uint32_t, max_threads>;

  // Where the path could go on in more than one way.
  struct node {
    bool is_turn = false;  // else: one of so many ways
    std::size_t chosen = 0;
    std::size_t ways = 0;
    // Of a turn, bits of threads:
    std::uint32_t ready = 0;
    std::uint32_t wanted = 0;  // are to be tried here
    std::uint32_t tried = 0;
    std::uint32_t asleep = 0;  // what they do next was done before, and nothing has changed for it
    operation what = {};
    clock after{};  // of the thread: how far it has seen each one's turns
  };

  [[nodiscard]] static bool matters(const operation& before, const operation& next) noexcept;
  void find_races();
  void take_turn(node& here);

  bool walks_all_;
  std::vector<node> path_;
  std::size_t depth_ = 0;
  std::size_t threads_ = 0;
  std::uint32_t asleep_ = 0;
  std::array<operation, max_threads> pending_{};
  std::array<clock, max_threads> seen_{};
  std::array<std::size_t, max_threads> turns_{};
  bool is_cut_ = false;
  std::uint64_t cut_short_ = 0;
};

}  // namespace sluice::weak
