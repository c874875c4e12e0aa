#pragma once
// Another process, held by a pidfd: its death can be polled for, and a signal reaches that process
// or none, never a stranger that was given the same number later.

#include <sys/types.h>

#include <functional>
#include <optional>
#include <sluice/base/deadline.hpp>
#include <sluice/base/readiness.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/unique_fd.hpp>
#include <string>
#include <vector>

namespace sluice {

/// How a process ended.
struct exit_status {
  int code = 0;    ///< What it returned; meaningless when `signal` is not 0.
  int signal = 0;  ///< The number of the signal that killed it, or 0.
  [[nodiscard]] bool success() const noexcept { return code == 0 && signal == 0; }
  friend bool operator==(const exit_status&, const exit_status&) = default;
};

/// "In the child, number `target` is this descriptor of mine." The child's copy is open across
/// exec; `source` stays the caller's.
struct passed_descriptor {
  int target = 0;
  int source = -1;
};

struct spawn_options {
  /// The program and its arguments, program first. Without a slash it is looked for in PATH.
  std::vector<std::string> arguments = {};
  /// Besides these the child has 0, 1 and 2 of the caller, and nothing else.
  std::vector<passed_descriptor> descriptors = {};
  /// "NAME=value" each; without a value the caller's environment.
  std::optional<std::vector<std::string>> environment = {};
};

/// A handle on one process.
///
/// *Semantics*: names the process itself, not its number. *Threads*: all members from several
/// threads at once, `wait` from one. *Errors*: `no_such_process` once it is gone and reaped.
/// *Lifetime*: dropping the handle neither ends nor reaps the process; a child of ours that nobody
/// waits for stays a zombie until we end. *Crash*: the death of the process makes the descriptor
/// readable at once, before the parent reaps it.
class process {
 public:
  /// Starts a program with exactly the descriptors named, an empty signal mask and every signal at
  /// its default. Reports a program that cannot be run (`no_such_file_or_directory`,
  /// `permission_denied`) here. Source: posix_spawn(3).
  [[nodiscard]] static result<process> spawn(const spawn_options& options);

  /// Forks; the child runs `body` and ends with its value (0 to 255) by _exit(2): no destructor of
  /// the caller's frames and no atexit handler runs there. An exception out of `body` ends the
  /// child by SIGABRT. Threads of the caller do not exist in the child, but the locks they hold do.
  [[nodiscard]] static result<process> fork(const std::function<int()>& body);

  /// A handle on a process that runs already. A number may be reused before this call: check with
  /// something that only the right process can know.
  [[nodiscard]] static result<process> open(pid_t id);

  /// Takes over a pidfd. `id` is what messages to people shall call it.
  [[nodiscard]] static process from_native(unique_fd pidfd, pid_t id) noexcept {
    return process{std::move(pidfd), id};
  }

  /// Sends signal `number` (as kill(2), 0 only asks whether it may). Source: pidfd_send_signal(2).
  [[nodiscard]] result<void> send_signal(int number) const;

  /// Waits until it is dead; it need not be our child. `timed_out` when it still lives.
  [[nodiscard]] result<void> wait_for_exit(deadline until) const;

  /// Waits for our child's death, reaps it, and tells how it ended; asked again, it says the same.
  /// `no_child_process` if it is not our child or somebody else reaped it.
  [[nodiscard]] result<exit_status> wait(deadline until = deadline::never());

  /// The process number, for messages to people.
  [[nodiscard]] pid_t id() const noexcept { return id_; }
  /// Readable (POLLIN) once the process is dead. Stays ours.
  [[nodiscard]] int native_handle() const noexcept { return fd_.get(); }
  [[nodiscard]] unique_fd release_handle() && noexcept { return std::move(fd_); }

 private:
  process(unique_fd fd, pid_t id) noexcept : fd_(std::move(fd)), id_(id) {}
  static result<process> adopt(pid_t id);

  unique_fd fd_;
  pid_t id_;
  std::optional<exit_status> status_;
};

template <>
inline constexpr bool polled_by_native_handle<process> = true;

}  // namespace sluice
