#pragma once
// System V message queues: the object itself, its name, state and limits. Messages go through
// system_v_queue_sender and system_v_queue_receiver.

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <optional>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/owned_name.hpp>
#include <sluice/os/runtime_directory.hpp>
#include <sluice/os/system_v_name.hpp>
#include <string>

namespace sluice {

/// The largest message is what the sysctl kernel.msgmax has unless somebody changed it; senders
/// tell what it is now.
inline constexpr channel_capabilities system_v_queue_capabilities{
    .mechanism = "System V queue",
    .keeps_boundaries = true,
    .order = ordering::total,
    .many_senders = true,
    .many_receivers = true,
    .pollable = false,
    .selective = true,
    .survives_processes = true,
    .max_message_bytes = 8192,
};

struct system_v_queue_create_options {
  mode_t mode = 0600;              ///< Exact. Permission bits only: read and write.
  std::size_t capacity_bytes = 0;  ///< Of all messages in it; 0: what kernel.msgmnb says.
  runtime_directory_options directory = {};
};

struct system_v_queue_open_options {
  /// Whose queue it may be; without a value ours only.
  std::optional<uid_t> owner = {};
  /// Accept one that everybody may write (refused otherwise: any user could feed it).
  bool world_writable = false;
  runtime_directory_options directory = {};
};

/// What the kernel knows of a queue. Numbers of processes may have been given to others since.
struct system_v_queue_status {
  using time_point = std::chrono::sys_seconds;
  key_t key = 0;  ///< 0: private.
  uid_t owner = 0;
  gid_t group = 0;
  uid_t creator = 0;
  mode_t mode = 0;
  std::size_t messages = 0;
  std::size_t bytes = 0;           ///< In all messages together.
  std::size_t capacity_bytes = 0;  ///< As many messages at most, too.
  pid_t last_sender = 0;
  pid_t last_receiver = 0;
  std::optional<time_point> last_send = {};  ///< By the wall clock.
  std::optional<time_point> last_receive = {};
  std::optional<time_point> last_change = {};  ///< Creation or settings.
};

/// What shall change; the rest stays.
struct system_v_queue_settings {
  std::optional<mode_t> mode = {};
  std::optional<std::size_t> capacity_bytes = {};
  std::optional<uid_t> owner = {};
  std::optional<gid_t> group = {};
};

/// What the kernel allows in this IPC namespace, now.
struct system_v_queue_limits {
  std::size_t message_bytes = 0;  ///< kernel.msgmax: one message.
  std::size_t queue_bytes = 0;    ///< kernel.msgmnb: capacity of new queues.
  std::size_t queues = 0;         ///< kernel.msgmni: queues of all users.
  std::size_t queues_in_use = 0;

  [[nodiscard]] static result<system_v_queue_limits> now();
  /// The error's own sentence, and where it was a limit its sysctl with the value that it has:
  /// "msgget: No space left on device (...); kernel.msgmni = 32000, 32000 in use".
  [[nodiscard]] std::string explain(const error& reason) const;
};

/// Which queue: its number, and what never changes of the queue that had it. The kernel gives
/// numbers again, after millions of queues or when told to (kernel.msg_next_id).
struct system_v_queue_identity {
  int id = -1;
  key_t key = 0;
  uid_t creator = 0;
  friend bool operator==(const system_v_queue_identity&, const system_v_queue_identity&) = default;
};

/// A System V message queue, and where we made it the duty to remove it.
///
/// *Semantics*: `create` fails with `file_exists` when the name or key is taken; `open_or_create`
/// opens what is there, and leaves the duty to remove it where that is. A queue and its messages
/// stay until somebody removes it. *Threads*: any, except moving and removing. *Errors*:
/// `errc::removed` when it is gone or its number belongs to another queue by now; a queue of
/// another user, or one that everybody may write, is refused with the reason (keys are chosen by
/// whoever comes first, and ftok(3) collides). *Lifetime*: removed with this object by whoever
/// created it, messages and all, except after `persist` and in a forked child; everybody who waits
/// for it wakes. *Crash*: the queue stays, complete, until `unlink`; a creator that is killed
/// leaves no name, and the next to create under the name removes what was left.
class system_v_queue {
 public:
  [[nodiscard]] static result<system_v_queue> create(
      const system_v_name& name, const system_v_queue_create_options& options = {});
  /// Without a key: found by its number, or by nobody but forked children.
  [[nodiscard]] static result<system_v_queue> create_private(
      const system_v_queue_create_options& options = {});
  [[nodiscard]] static result<system_v_queue> open(const system_v_name& name,
                                                   const system_v_queue_open_options& options = {});
  /// Options mean something only for a queue that is made now.
  [[nodiscard]] static result<system_v_queue> open_or_create(
      const system_v_name& name, const system_v_queue_create_options& options = {});
  /// Removes a queue with its messages, whoever made it; `no_such_file_or_directory` if there is
  /// none.
  [[nodiscard]] static result<void> unlink(const system_v_name& name,
                                           const system_v_queue_open_options& options = {});

  system_v_queue(system_v_queue&& other) noexcept;
  system_v_queue& operator=(system_v_queue&& other) noexcept;
  ~system_v_queue();

  [[nodiscard]] result<system_v_queue_status> status() const;
  /// For owner, creator and root.
  [[nodiscard]] result<void> set(const system_v_queue_settings& settings);

  /// Removes it now, whoever has the duty to.
  [[nodiscard]] result<void> unlink();
  /// It stays after us.
  void persist() noexcept { duty_of_ = 0; }
  /// Whether it is still there, and its name, if it has one of ours, still leads to it.
  [[nodiscard]] result<bool> is_intact() const;

  [[nodiscard]] const system_v_queue_identity& identity() const noexcept { return identity_; }
  /// As msgget(2) returned it: to hand to programs that do not use Sluice.
  [[nodiscard]] int id() const noexcept { return identity_.id; }
  [[nodiscard]] key_t key() const noexcept { return identity_.key; }

 private:
  struct our_name {
    name_place place;
    file_identity file;  // the key file
  };
  system_v_queue(const system_v_queue_identity& identity, std::optional<our_name> name, pid_t duty)
      : identity_(identity), name_(std::move(name)), duty_of_(duty) {}
  [[nodiscard]] static result<system_v_queue> adopt(int id,
                                                    const system_v_queue_open_options& options,
                                                    std::optional<our_name> name);
  [[nodiscard]] static system_v_queue own(int id, key_t key, std::optional<our_name> name);

  system_v_queue_identity identity_;
  std::optional<our_name> name_;
  pid_t duty_of_;  // the process that removes it at the end, or 0
};

}  // namespace sluice
