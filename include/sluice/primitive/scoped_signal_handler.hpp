#pragma once
// What a signal does to this process, changed for a scope.

#include <signal.h>

#include <cstdint>
#include <sluice/base/result.hpp>
#include <utility>

namespace sluice {

/// Sets what one signal does, and restores what it did before.
///
/// *Semantics*: for the whole process, all threads. Scopes nest: the last one made must end first.
/// A handler is called in signal context and may only do what signal-safety(7) allows; system calls
/// that it interrupts go on where the kernel can (SA_RESTART), and it runs on the thread's
/// alternate stack if there is one. What an instruction of the program raises itself (see
/// is_synchronous) cannot be ignored: the kernel ends the process. *Threads*: made and ended by one
/// thread at a time. *Errors*: `invalid_argument` for SIGKILL and SIGSTOP, which nobody can change,
/// for what is no signal, and for no function. *Lifetime*: restored when this goes, also over what
/// somebody else set meanwhile. *Crash*: what signals do belongs to the process and goes with it. A
/// program started by exec keeps what is ignored; one started by process::spawn begins with
/// everything at its default.
class scoped_signal_handler {
 public:
  using function = void (*)(int number);

  /// Calls `handler` when the signal comes.
  [[nodiscard]] static result<scoped_signal_handler> call(int number, function handler);
  /// Lets the signal have no effect.
  [[nodiscard]] static result<scoped_signal_handler> ignore(int number);
  /// Lets it do what it does in a program that never asked for anything else.
  [[nodiscard]] static result<scoped_signal_handler> restore_default(int number);

  scoped_signal_handler(scoped_signal_handler&& other) noexcept
      : number_(std::exchange(other.number_, 0)), before_(other.before_) {}
  scoped_signal_handler& operator=(scoped_signal_handler&&) = delete;
  ~scoped_signal_handler() {
    if (number_ != 0) restore();
  }

  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  // What sigaction(2) tells, without the room that the C library's structure has to spare.
  struct action {
    function handler;
    int flags;
    std::uint64_t blocked;
  };
  scoped_signal_handler(int number, const action& before) noexcept
      : number_(number), before_(before) {}
  void restore() noexcept;
  static result<scoped_signal_handler> set(int number, function handler);

  int number_;  // 0 after a move
  action before_;
};

}  // namespace sluice
