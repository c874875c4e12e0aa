#pragma once
// Where the two processes of a cell meet: a page that they share, the probe that tells how far
// apart their cores are at the moment, and batches of messages of which the clock is kept.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

#include "costs.hpp"
#include "delays.hpp"
#include "futex.hpp"

namespace bench {

/// The leader keeps the clock: it receives a stream, or serves in a ping-pong.
enum class side : unsigned { leader, follower };
enum class placement { two_cores, one_core };
/// What a run does on purpose, to show that it would be noticed.
enum class sabotage { none, spoil, die, hang };

/// What came out of a cell in one round.
struct figures {
  double seconds = 0;  ///< Of all messages; a round trip is two.
  double wall_seconds = 0;
  double cpu_seconds = 0;       ///< Of both processes.
  std::array<costs, 2> used{};  ///< Of each side; the leader is the one that receives.
  std::uint64_t messages = 0;
  double probe_before = 0;  ///< Seconds of one hand-over.
  double probe_after = 0;
};

struct alignas(apart_bytes) apart_word {
  std::atomic<std::uint64_t> value{0};
};

/// Shared by the two processes of a cell and their supervisor; starts as zeros.
struct shared_page {
  futex_word arrived;
  futex_word generation;
  std::array<apart_word, 2> balls;
  std::array<futex_word, 2> turns;
  apart_word received;  // of messages that are timed one by one
  std::atomic<double> sent_at{0};
  std::atomic<double> paced_from{0};  ///< When the first message of a batch was meant to go.
  // Written by one side before they meet and read by the other one afterwards.
  alignas(apart_bytes) std::uint64_t order = 0;
  std::array<double, 2> started_at{};
  std::array<costs, 2> used{};
  figures outcome;
  delay_histogram delays;                       ///< Of the last batch, by who takes them.
  std::array<std::array<char, 240>, 2> what{};  ///< Why a side failed; empty if it did not.
};

struct pace {
  placement where = placement::two_cores;
  double seconds = 0.02;
  std::uint64_t messages = 0;  ///< How many fill that time; 0: to be found out.
  sabotage on_purpose = sabotage::none;
};

/// Messages `first` to `first` + `count` - 1. The last one is to be spoilt if that is said.
struct batch {
  std::uint64_t first = 1;
  std::uint64_t count = 0;
  bool spoilt = false;
};

/// One side's view. Both sides make the same calls in the same order.
class stage {
 public:
  stage(shared_page& page, side me, const pace& chosen) noexcept
      : page_(page), me_(me), pace_(chosen) {}

  /// Waits until the other one is here, too.
  void meet() noexcept;

  /// Whose clock starts the time of a batch; the leader's stops it.
  enum class starts { leader, follower };
  /// Does its side of a batch. What the leader's returns is the time of the batch if it took that
  /// itself, or `by_the_clock`.
  using mover = std::function<double(const batch&)>;
  static constexpr double by_the_clock = -1;

  /// Probes, warms up, has a batch done and probes again; the outcome goes to the page.
  void perform(starts whose, const mover& move);

  /// When a message was sent, and how many were received: for who times single messages.
  [[nodiscard]] shared_page& page() noexcept { return page_; }

 private:
  void lead(starts whose, const mover& move);
  void follow(const mover& move);
  double move_timed(const batch& next, const mover& move);
  struct duration {
    double wall = 0;
    double reported = 0;
  };
  duration ordered(std::uint64_t count, starts whose, const mover& move);
  void misbehave() const;
  [[nodiscard]] double probe() noexcept;
  double hand_over(std::uint64_t round_trips) noexcept;
  double wake_up(std::uint64_t round_trips) noexcept;

  [[nodiscard]] std::size_t index() const noexcept { return static_cast<std::size_t>(me_); }
  shared_page& page_;
  side me_;
  pace pace_;
  std::uint64_t next_message_ = 1;
  std::uint64_t ball_ = 0;
  std::uint32_t turn_ = 0;
  double stopped_at_ = 0;
};

[[nodiscard]] double monotonic_seconds() noexcept;

}  // namespace bench
