#pragma once
// Signals as values: numbers, names, and sets of them. No system call is made here.

#include <signal.h>

#include <cstdint>
#include <initializer_list>
#include <sluice/base/result.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// The name as the shell's `kill -l` writes it: "SIGINT", "SIGRTMIN", "SIGRTMIN+3", "SIGRTMAX-2".
/// Numbers that programs cannot use give "signal 99".
[[nodiscard]] std::string signal_name(int number);

/// The number behind a name: "SIGINT", "INT", "int", "SIGRTMIN+3", "RTMAX-2", an old name ("IOT",
/// "CLD", "POLL", "UNUSED"), or digits. `invalid_argument` with the reason otherwise. Real-time
/// numbers count from what the C library leaves to programs, as its SIGRTMIN does.
[[nodiscard]] result<int> signal_number(std::string_view name);

/// All signals that programs can use, in order of their numbers, as `kill -l` lists them.
[[nodiscard]] std::vector<int> all_signals();

/// True for what `all_signals` lists; not for 0, nor for the few that the C library keeps.
[[nodiscard]] bool is_signal(int number) noexcept;

/// True for SIGRTMIN to SIGRTMAX: they queue, each with its payload; the others merge.
[[nodiscard]] bool is_real_time(int number) noexcept;

/// True for what a program's own instruction raises (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP,
/// SIGSYS): nothing that runs later can receive those, since the instruction would run again.
[[nodiscard]] bool is_synchronous(int number) noexcept;

/// A set of signals.
///
/// *Semantics*: a value over the kernel's numbers 1 to 64; other numbers are never in it.
/// *Threads*: a value. *Errors*: none. *Lifetime*: a value. *Crash*: nothing.
class signal_set {
 public:
  constexpr signal_set() noexcept = default;
  constexpr signal_set(std::initializer_list<int> numbers) noexcept {
    for (int number : numbers) insert(number);
  }
  /// Everything, also what cannot be blocked and what the C library keeps for itself.
  [[nodiscard]] static constexpr signal_set all() noexcept { return from_bits(~std::uint64_t{0}); }

  constexpr void insert(int number) noexcept { bits_ |= bit(number); }
  constexpr void erase(int number) noexcept { bits_ &= ~bit(number); }
  [[nodiscard]] constexpr bool contains(int number) const noexcept {
    return (bits_ & bit(number)) != 0;
  }
  /// Whether all of `others` are in it.
  [[nodiscard]] constexpr bool contains(signal_set others) const noexcept {
    return (others.bits_ & ~bits_) == 0;
  }
  [[nodiscard]] constexpr bool empty() const noexcept { return bits_ == 0; }
  /// The members in order of their numbers.
  [[nodiscard]] std::vector<int> numbers() const;

  /// Bit n-1 is signal n: the kernel's own form (rt_sigprocmask(2)).
  [[nodiscard]] constexpr std::uint64_t bits() const noexcept { return bits_; }
  [[nodiscard]] static constexpr signal_set from_bits(std::uint64_t bits) noexcept {
    signal_set made;
    made.bits_ = bits;
    return made;
  }

  [[nodiscard]] friend constexpr signal_set operator|(signal_set a, signal_set b) noexcept {
    return from_bits(a.bits_ | b.bits_);
  }
  [[nodiscard]] friend constexpr signal_set operator&(signal_set a, signal_set b) noexcept {
    return from_bits(a.bits_ & b.bits_);
  }
  /// Everything but these.
  [[nodiscard]] friend constexpr signal_set operator~(signal_set a) noexcept {
    return from_bits(~a.bits_);
  }
  friend constexpr bool operator==(signal_set, signal_set) noexcept = default;

 private:
  static constexpr std::uint64_t bit(int number) noexcept {
    return number >= 1 && number <= 64 ? std::uint64_t{1} << (number - 1) : 0;
  }
  std::uint64_t bits_ = 0;
};

}  // namespace sluice
