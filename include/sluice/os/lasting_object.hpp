#pragma once
// What outlives processes: System V objects, POSIX objects, and the files of a runtime directory
// stay when all who used them have gone. This file lists them, with what tells a forgotten one from
// one that is needed, and removes them one at a time. Nothing here needs the object to be one of
// ours.

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <sluice/base/error.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/owned_name.hpp>
#include <sluice/os/runtime_directory.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace sluice {

/// What it is. The order is that of a listing.
enum class lasting_kind : std::uint8_t {
  fifo,                 ///< In the runtime directory.
  socket,               ///< In the runtime directory.
  file,                 ///< In the runtime directory: memory, keys, locks.
  posix_memory,         ///< shm_open(3)
  posix_semaphore,      ///< sem_open(3)
  posix_queue,          ///< mq_open(3)
  system_v_queue,       ///< msgget(2)
  system_v_memory,      ///< shmget(2)
  system_v_semaphores,  ///< semget(2)
};

/// "FIFO", "System V queue" ...
[[nodiscard]] std::string_view name_of(lasting_kind kind) noexcept;

/// Whether anybody lives who uses it.
enum class in_use : std::uint8_t {
  yes,
  no,
  unknown,  ///< Nobody was found, but not every process lets us look.
};

/// A process that used it. The number may belong to somebody else by now, so `lives` is true only
/// for a process that began before that use.
struct last_user {
  pid_t id = 0;
  bool lives = false;
  friend bool operator==(const last_user&, const last_user&) = default;
};

/// One object, as it was when it was looked at.
///
/// *Semantics*: a description; it holds nothing. *Threads*: a value. *Errors*: none. *Lifetime*:
/// may be older than the truth: `unlink` looks again. *Crash*: leaves nothing.
struct lasting_object {
  lasting_kind kind = lasting_kind::fifo;
  /// A path in the runtime directory; "/name" for POSIX objects; empty for System V.
  std::string name = {};
  std::int32_t key = 0;  ///< System V only; 0 is IPC_PRIVATE.
  std::int32_t id = -1;  ///< System V only; as `ipcs` prints it.
  uid_t owner = 0;
  mode_t mode = 0;  ///< The permission bits.
  /// Bytes that it holds: of memory its size, of a queue the messages in it; of a set of semaphores
  /// their number; 0 for FIFOs and sockets.
  std::uint64_t size = 0;
  /// The last change or use that the kernel noted. It counts whole seconds for System V.
  std::chrono::system_clock::time_point used_at = {};
  /// System V: who made it and who used it last, as far as the kernel knows. Files and POSIX
  /// objects: who has it open or mapped right now.
  std::vector<last_user> users = {};
  /// System V memory: exact. Files and POSIX objects: exact for those who may look at all
  /// processes, which is root, and in some containers not even root. System V queues and
  /// semaphores: whether one of the last users lives, which is all that the kernel knows.
  in_use used = in_use::unknown;
  /// Files and POSIX objects only.
  file_identity identity = {};

  [[nodiscard]] std::chrono::nanoseconds age() const {
    return std::chrono::system_clock::now() - used_at;
  }
};

/// The files of a runtime directory, leftovers of unfinished ones included (a dot before the name).
/// A directory that is not there has none; one that cannot be trusted is an error. Makes nothing.
[[nodiscard]] result<std::vector<lasting_object>> list_runtime_directory(
    const runtime_directory_options& options = {});

/// All POSIX memory and semaphores below /dev/shm, whoever owns them.
[[nodiscard]] result<std::vector<lasting_object>> list_posix_memory();

/// All POSIX queues. `not_supported` where their file system is not mounted at /dev/mqueue: then
/// nobody can list them.
[[nodiscard]] result<std::vector<lasting_object>> list_posix_queues();

/// All System V objects of this IPC namespace, whoever owns them. Source: the _STAT_ANY commands of
/// msgctl(2), shmctl(2), semctl(2).
[[nodiscard]] result<std::vector<lasting_object>> list_system_v();

struct lasting_objects {
  std::vector<lasting_object> found = {};
  /// Why a part of the list is missing; empty when it is complete.
  std::vector<error> not_listed = {};
};

/// All of the above in the order of `lasting_kind`. A part that cannot be listed does not hide the
/// others.
[[nodiscard]] lasting_objects list_lasting_objects(const runtime_directory_options& options = {});

/// Removes the object, used or not: as unlink(2), ipcrm(1). Who has it open keeps it, except System
/// V queues and semaphores, whose users are told that it was removed. `errc::removed` if it has
/// gone or another object took its place since it was listed; `operation_not_permitted` or
/// `permission_denied` if it is somebody else's. In a runtime directory the lock of names is held
/// meanwhile; elsewhere somebody can still put another object there between the look and the
/// removal.
[[nodiscard]] result<void> unlink(const lasting_object& object);

}  // namespace sluice
