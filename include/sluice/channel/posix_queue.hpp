#pragma once
// POSIX message queues: the object itself, its name, attributes and limits. Messages go through
// posix_queue_sender and posix_queue_receiver.

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/owned_name.hpp>
#include <sluice/os/unique_fd.hpp>
#include <string>
#include <string_view>

namespace sluice {

/// The largest message is what every user may have unless somebody changed fs.mqueue.msgsize_max;
/// senders tell what their queue takes.
inline constexpr channel_capabilities posix_queue_capabilities{
    .mechanism = "POSIX queue",
    .keeps_boundaries = true,
    .order = ordering::total,
    .many_senders = true,
    .many_receivers = true,
    .pollable = true,
    .selective = true,
    .survives_processes = true,
    .max_message_bytes = 8192,
};

struct posix_queue_create_options {
  mode_t mode = 0600;  ///< Exact: the umask does not change it. Read and write only.
  std::size_t capacity_messages = 10;
  std::size_t max_message_bytes = 8192;
};

struct posix_queue_open_options {
  /// Whose queue it may be; without a value ours only.
  std::optional<uid_t> owner = {};
  /// Accept one that everybody may write (refused otherwise: any user could feed it).
  bool world_writable = false;
};

struct posix_queue_status {
  uid_t owner = 0;
  gid_t group = 0;
  mode_t mode = 0;
  std::size_t messages = 0;
  std::size_t capacity_messages = 0;
  std::size_t max_message_bytes = 0;
};

/// What the kernel allows in this IPC namespace, and to this process, now.
struct posix_queue_limits {
  std::size_t queues = 0;             ///< fs.mqueue.queues_max: queues of all users.
  std::size_t capacity_messages = 0;  ///< fs.mqueue.msg_max: of one queue; root may have more.
  std::size_t message_bytes = 0;      ///< fs.mqueue.msgsize_max: likewise.
  std::size_t user_bytes = 0;         ///< RLIMIT_MSGQUEUE: all queues of one user.

  /// Reads /proc.
  [[nodiscard]] static result<posix_queue_limits> now();
  /// The error's own sentence, and where it was a limit what it is called and the value it has:
  /// "mq_open: No space left on device (...); fs.mqueue.queues_max = 256".
  [[nodiscard]] std::string explain(const error& reason) const;
};

/// A POSIX message queue, and where we made it the duty to remove its name.
///
/// *Semantics*: names are those of mq_open(3), one for all users of the machine or container:
/// "/ticks", or "ticks" for short. `create` fails with `file_exists` when the name is taken;
/// `open_or_create` opens what is there, and leaves the duty to remove the name where that is. A
/// queue has its mode and attributes from the first moment. *Threads*: any, except moving and
/// removing. *Errors*: a queue of another user, or one that everybody may write, is refused with
/// the reason; limits are named. *Lifetime*: whoever created the queue removes its name at the end,
/// except after `persist` and in a forked child; the queue itself goes, with its messages, when
/// nobody has it open any more. *Crash*: the name and the messages stay until `unlink`.
class posix_queue {
 public:
  [[nodiscard]] static result<posix_queue> create(std::string_view name,
                                                  const posix_queue_create_options& options = {});
  [[nodiscard]] static result<posix_queue> open(std::string_view name,
                                                const posix_queue_open_options& options = {});
  /// Options mean something only for a queue that is made now.
  [[nodiscard]] static result<posix_queue> open_or_create(
      std::string_view name, const posix_queue_create_options& options = {});
  /// Removes a name, whoever made it; `no_such_file_or_directory` if there is none.
  [[nodiscard]] static result<void> unlink(std::string_view name,
                                           const posix_queue_open_options& options = {});

  posix_queue(posix_queue&& other) noexcept;
  posix_queue& operator=(posix_queue&& other) noexcept;
  ~posix_queue();

  [[nodiscard]] result<posix_queue_status> status() const;

  /// Removes the name now, whoever has the duty to; `errc::removed` if it is gone or leads to
  /// another queue by now.
  [[nodiscard]] result<void> unlink();
  /// It stays after us.
  void persist() noexcept { duty_of_ = 0; }
  /// Whether the name still leads to this queue.
  [[nodiscard]] result<bool> is_intact() const;

  /// As in mq_open(3): "/ticks".
  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const file_identity& identity() const noexcept { return identity_; }
  /// A descriptor to look at the queue with; senders and receivers have their own.
  [[nodiscard]] int native_handle() const noexcept { return fd_.get(); }

 private:
  posix_queue(std::string name, unique_fd fd, const file_identity& identity, pid_t duty)
      : name_(std::move(name)), fd_(std::move(fd)), identity_(identity), duty_of_(duty) {}

  std::string name_;
  unique_fd fd_;
  file_identity identity_;
  pid_t duty_of_;  // the process that removes the name at the end, or 0
};

}  // namespace sluice
