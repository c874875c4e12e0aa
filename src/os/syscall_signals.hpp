#pragma once
// The door, for signals: masks, dispositions, sending with a payload, and receiving by descriptor.
// Sets of signals are the kernel's: bit n-1 is signal n.

#include <signal.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/unique_fd.hpp>
#include <span>
#include <string>

namespace sluice::syscall {

/// What the calling thread blocks. Changing leaves alone what the C library keeps for itself; both
/// return what was blocked before.
[[nodiscard]] result<std::uint64_t> block_signals(std::uint64_t set);
[[nodiscard]] result<std::uint64_t> unblock_signals(std::uint64_t set);
/// False if the kernel refused, for which there is no reason.
bool set_signal_mask(std::uint64_t set) noexcept;

/// What a signal does: what the kernel knows of it, a fifth of the C library's structure. With
/// SA_SIGINFO `handler` is the function of three parameters.
struct signal_action {
  void (*handler)(int) = SIG_DFL;
  int flags = 0;
  std::uint64_t blocked = 0;  // while the handler runs
};
/// Sets what a signal does and stores what it did; 0, or minus the errno, which `action_refused`
/// makes a failure of. Through the C library: the kernel's form needs a return path for handlers
/// that belongs to it. Source: sigaction(2).
[[nodiscard]] int exchange_signal_action(int number, const signal_action& action,
                                         signal_action& before) noexcept;
[[nodiscard]] failure action_refused(int outcome) noexcept;
/// The same without an answer; false if the kernel refused.
bool set_signal_action(int number, const signal_action& action) noexcept;

/// A signal as it is queued: sender and user are filled in here. `mark` travels in si_errno, which
/// nothing else uses.
struct queued_signal {
  int number = 0;
  int mark = 0;
  std::uint64_t payload = 0;
};
[[nodiscard]] result<void> queue_signal(int process, const queued_signal& signal);
[[nodiscard]] result<void> queue_signal_to_self(const queued_signal& signal);
[[nodiscard]] result<void> queue_signal_to_thread(pid_t thread, const queued_signal& signal);
/// To the group that the process behind the descriptor leads; `id` is its number, for kernels that
/// do not know how to do it by descriptor.
[[nodiscard]] result<void> send_signal_to_group(int leader, pid_t id, int number);

/// A signal as it was received.
struct signal_record {
  int number = 0;
  int code = 0;  // si_code
  int mark = 0;
  pid_t sender = 0;
  uid_t user = 0;
  int status = 0;
  std::uint64_t payload = 0;
};
inline constexpr std::size_t max_signal_records = 32;
[[nodiscard]] result<unique_fd> signal_descriptor(std::uint64_t set);
/// Reads what is pending, at most `max_signal_records`; returns how many.
[[nodiscard]] result<std::size_t> read_signals(int fd, std::span<signal_record> into);

/// Waits until one of the descriptors can be read or has an end or an error to report; `timed_out`
/// once the deadline passed.
[[nodiscard]] result<void> wait_any_readable(std::array<int, 2> fds, deadline until);

/// A small text of /proc. Source: proc(5).
[[nodiscard]] result<std::string> read_text(const char* path);

[[nodiscard]] pid_t thread_id() noexcept;

}  // namespace sluice::syscall
