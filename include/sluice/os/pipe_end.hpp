#pragma once
// One end of a kernel pipe, named or not: the calls that pipes and FIFOs share.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <sluice/base/bytes.hpp>
#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/unique_fd.hpp>

namespace sluice {

/// Who else uses the open description behind a descriptor. O_NONBLOCK belongs to the description:
/// it may be set only where nobody else would be surprised by it.
enum class description_use {
  shared,     ///< Children or other programs have it too: it stays blocking.
  exclusive,  ///< We opened it and gave it to nobody.
};

/// Owns one end of a pipe or FIFO and reads or writes it without ever raising SIGPIPE.
///
/// *Semantics*: the verbs of `byte_reader` and `byte_writer`; the class that holds it offers the
/// half that its end has. `try_` never blocks although the description may be a blocking one: the
/// kernel's no-wait flag where pipes have it (Linux 6.4), else a private description of the same
/// pipe, opened through /proc; exclusive ends become non-blocking at the first `try_`.
/// *Threads*: all verbs from any thread at once; moving from one. *Errors*: `broken_pipe` when the
/// readers are gone, `errc::closed` when the writers are; where neither way to avoid
/// blocking exists, the failure to open the pipe anew, with what is needed. *Lifetime*: closes with
/// the object. *Crash*: the kernel closes it, and the other side sees the end of the stream.
class pipe_end {
 public:
  pipe_end(unique_fd fd, description_use use) noexcept : fd_(std::move(fd)), use_(use) {}
  pipe_end(pipe_end&& other) noexcept;
  pipe_end& operator=(pipe_end&& other) noexcept;
  ~pipe_end();

  /// Checks that `fd` is a pipe or FIFO open for reading or writing (`invalid_argument`).
  [[nodiscard]] static result<pipe_end> from_native(unique_fd fd, bool for_writing);

  [[nodiscard]] result<std::size_t> try_read(mutable_bytes buffer);
  [[nodiscard]] result<std::size_t> read_waiting(mutable_bytes buffer);
  /// Up to PIPE_BUF (4096) bytes are taken whole or not at all (pipe(7)).
  [[nodiscard]] result<std::size_t> try_write(byte_parts parts);
  [[nodiscard]] result<std::size_t> write_waiting(byte_parts parts);
  [[nodiscard]] result<void> wait_readable(deadline until) const;
  [[nodiscard]] result<void> wait_writable(deadline until) const;

  /// Bytes the pipe holds before a writer must wait.
  [[nodiscard]] result<std::size_t> capacity_bytes() const;
  /// Rounded up by the kernel; `operation_not_permitted` names the sysctl that sets the limit.
  [[nodiscard]] result<std::size_t> set_capacity_bytes(std::size_t wanted);

  [[nodiscard]] int native_handle() const noexcept { return fd_.get(); }
  /// Gives the descriptor up, blocking again as other programs expect.
  [[nodiscard]] unique_fd release_handle() &&;

 private:
  // What this kernel was found unable to do for this end. Learned by any thread, at worst twice,
  // so relaxed order is enough: each bit is a fact of its own and guards no other data.
  enum missing : std::uint8_t { no_signal_flag = 1, no_wait_flag = 2 };
  enum class waiting { allowed, never };

  [[nodiscard]] bool lacks(missing what) const noexcept {
    return (missing_.load(std::memory_order_relaxed) & what) != 0;
  }
  void learn(missing what) noexcept {
    missing_.fetch_or(static_cast<std::uint8_t>(what), std::memory_order_relaxed);
  }
  // The call that every message makes; and what is done until it is known how to make it, and on
  // kernels without the flags.
  [[nodiscard]] result<std::size_t> read_once(mutable_bytes buffer, waiting mode);
  [[nodiscard]] result<std::size_t> write_once(byte_parts parts, waiting mode);
  [[nodiscard]] result<std::size_t> read_otherwise(mutable_bytes buffer, waiting mode);
  enum class asking { still_to_do, refused };  // the kernel for its no-signal flag
  [[nodiscard]] result<std::size_t> write_otherwise(byte_parts parts, waiting mode,
                                                    asking no_signal);
  // The flags of that call, or `unknown` while way_to() has something to find out or to set.
  static constexpr int unknown = -1;
  [[nodiscard]] int usual_flags(waiting mode) const noexcept;
  [[nodiscard]] result<std::size_t> at_end_of_input() const;
  // How a call must be made so that it waits, or never does.
  struct way {
    int fd;
    int flags;
  };
  [[nodiscard]] result<way> way_to(waiting mode);
  [[nodiscard]] result<int> nonblocking_twin();

  unique_fd fd_;
  description_use use_;
  std::atomic<std::uint8_t> missing_{0};
  std::atomic<bool> is_nonblocking_{false};  // exclusive ends: O_NONBLOCK was set
  std::atomic<int> twin_{-1};                // shared ends on old kernels: owned
};

}  // namespace sluice
