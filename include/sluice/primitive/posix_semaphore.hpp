#pragma once
// POSIX semaphores: with a name, or in shared memory of the caller. They are those of the C
// library, so programs that know nothing of Sluice can share them (sem_open(3), Python's ctypes,
// ...).

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sluice/base/bytes.hpp>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/memory_map.hpp>
#include <sluice/os/owned_name.hpp>
#include <sluice/os/runtime_directory.hpp>
#include <sluice/os/unique_fd.hpp>
#include <sluice/primitive/semaphore_name.hpp>
#include <utility>

namespace sluice {

struct semaphore_create_options {
  std::uint32_t initial = 0;  ///< Its value at the start, up to 2^31-1.
  /// Exact: the umask does not change it. Permission bits only; to use a semaphore takes reading
  /// and writing.
  mode_t mode = 0600;
  runtime_directory_options directory = {};
};

struct semaphore_open_options {
  /// Whose semaphore it may be; without a value ours only.
  std::optional<uid_t> owner = {};
  /// Accept one that everybody may write (refused otherwise: any user could change it).
  bool world_writable = false;
  runtime_directory_options directory = {};
};

/// A counting semaphore: how many units of something are free.
///
/// *Semantics*: `notify` gives a unit, `try_wait` and `wait` take one. A named one appears complete
/// or not at all. `create` fails with `file_exists` when the name is taken; `open_or_create` also
/// takes over, with the value that it has, one whose creator is gone, and the duty to remove the
/// name. Waits are on the monotonic clock. *Threads*: all verbs from any thread of any process at
/// once, `notify` in a signal handler too. *Errors*: `value_too_large` from `notify` at the largest
/// value; names that lead to something else, to somebody else's or to everybody's are refused, with
/// the reason. *Lifetime*: whoever created the name removes it at its end, except after `persist`;
/// who has it open goes on. In the caller's memory: as long as that, and nothing is destroyed.
/// *Crash*: units that a killed process had taken are gone (a `mutex`, or a unit held of a System V
/// semaphore, comes back); a waiter that is killed delays the others by at most `longest_sleep`,
/// since sleepers look again by themselves. The name stays until `open_or_create` or `unlink`.
class posix_semaphore {
 public:
  static constexpr channel_capabilities capabilities{
      .mechanism = "POSIX semaphore",
      .keeps_boundaries = false,
      .order = ordering::total,
      .many_senders = true,
      .many_receivers = true,
      .pollable = false,
      .survives_processes = true,
      .max_message_bytes = 0,
  };
  static constexpr std::chrono::milliseconds longest_sleep{50};
  static constexpr std::uint32_t max_value = 0x7fff'ffff;
  /// What `create_at` and `open_at` need.
  static constexpr std::size_t size_bytes = 4 * sizeof(long);
  static constexpr std::size_t alignment_bytes = alignof(long);

  [[nodiscard]] static result<posix_semaphore> create(const semaphore_name& name,
                                                      const semaphore_create_options& options = {});
  [[nodiscard]] static result<posix_semaphore> open(const semaphore_name& name,
                                                    const semaphore_open_options& options = {});
  [[nodiscard]] static result<posix_semaphore> open_or_create(
      const semaphore_name& name, const semaphore_create_options& options = {});
  /// Removes a name, whoever made it; `no_such_file_or_directory` if there is none.
  [[nodiscard]] static result<void> unlink(const semaphore_name& name,
                                           const semaphore_open_options& options = {});

  /// Makes a semaphore without a name at the start of memory that is, or will be, shared. The
  /// memory stays the caller's and must outlive this object. Nobody may use it before this returns.
  /// `invalid_argument` for memory that is too small or not aligned.
  [[nodiscard]] static result<posix_semaphore> create_at(mutable_bytes where,
                                                         std::uint32_t initial = 0);
  /// Uses the semaphore that somebody made there; `errc::corrupt` if plainly nobody did.
  [[nodiscard]] static result<posix_semaphore> open_at(mutable_bytes where);

  [[nodiscard]] result<void> notify();
  [[nodiscard]] result<void> try_wait();
  [[nodiscard]] result<void> wait(deadline until = deadline::never());

  /// How many units are free; by the time it is known it may be another number.
  [[nodiscard]] std::uint32_t value() const noexcept;

  /// Removes the name now. `errc::removed` if that is not our duty, or it leads elsewhere by now.
  [[nodiscard]] result<void> unlink();
  /// The name stays after us.
  void persist() noexcept;

 private:
  posix_semaphore(void* native, std::optional<memory_map> map) noexcept
      : native_(native), map_(std::move(map)) {}
  /// Takes what `open` found, and with it the duty to remove the name if nobody has that.
  [[nodiscard]] static result<posix_semaphore> adopt(const semaphore_name& name,
                                                     const semaphore_create_options& options);

  void* native_;                   // the C library's sem_t
  std::optional<memory_map> map_;  // where it lies, if it has a name
  unique_fd duty_;                 // of the file, locked while its name is ours
  std::optional<owned_name> name_;
};

static_assert(event_source<posix_semaphore>);

}  // namespace sluice
