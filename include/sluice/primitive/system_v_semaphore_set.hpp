#pragma once
// Sets of System V semaphores: several are changed in one step or not at all.
//
//     set.apply({{.index = 0, .change = -1}, {.index = 1, .change = -1}});   // both forks, or wait

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/owned_name.hpp>
#include <sluice/os/runtime_directory.hpp>
#include <sluice/os/system_v_name.hpp>
#include <sluice/primitive/system_v_semaphore.hpp>
#include <span>
#include <utility>
#include <vector>

namespace sluice {

/// One operation of several: a change above 0 gives units, below 0 takes them, and 0 waits until
/// the semaphore has none. None is undone at a death: see `semaphore_unit` for that.
struct semaphore_operation {
  std::uint16_t index = 0;
  std::int16_t change = 0;
};

struct semaphore_set_create_options {
  /// The value of each semaphore at the start, up to 32767; their number is that of the set.
  std::vector<std::uint16_t> initial = {0};
  mode_t mode = 0600;  ///< Exact. Read and write bits: to look, and to change.
  runtime_directory_options directory = {};
};

struct semaphore_set_open_options {
  /// Whose set it may be; without a value ours only.
  std::optional<uid_t> owner = {};
  /// Accept one that everybody may change (refused otherwise).
  bool world_writable = false;
  /// Accept one on which no operation was ever made, as ipcmk(1) leaves it. Refused otherwise: its
  /// creator may have been killed before it was initialised.
  bool untouched = false;
  std::size_t count = 0;  ///< Not 0: how many semaphores it must have (`errc::incompatible`).
  runtime_directory_options directory = {};
};

/// What the kernel knows of a set.
struct semaphore_set_status {
  key_t key = 0;  ///< 0: private.
  uid_t owner = 0;
  gid_t group = 0;
  uid_t creator = 0;
  mode_t mode = 0;
  std::size_t count = 0;
  /// Of the wall clock, in whole seconds; without a value: never.
  std::optional<std::chrono::system_clock::time_point> last_operation = {};
  std::chrono::system_clock::time_point last_change = {};
};

struct semaphore_set_access {
  mode_t mode = 0600;
  std::optional<uid_t> owner = {};  ///< Without a value: as it is.
  std::optional<gid_t> group = {};
};

/// The limits of this IPC namespace (the sysctl kernel.sem) and what of them is used.
struct semaphore_set_limits {
  std::uint64_t sets = 0;                ///< semmni, the fourth number.
  std::uint64_t semaphores = 0;          ///< semmns, the second: in all sets together.
  std::uint64_t semaphores_per_set = 0;  ///< semmsl, the first.
  std::uint64_t operations = 0;          ///< semopm, the third: in one `apply`.
  std::uint64_t value = 0;               ///< semvmx, which no sysctl changes.
  std::uint64_t sets_in_use = 0;
  std::uint64_t semaphores_in_use = 0;
};

/// A set of semaphores.
///
/// *Semantics*: `create` fails with `file_exists` when the name or key is taken. A set is found
/// with its initial values or not at all; `open_or_create` completes one whose creator was killed
/// before that. What exists is used as it is: it must have as many semaphores as wanted. *Threads*:
/// all verbs from any thread of any process at once; the object itself like any value. *Errors*:
/// `errc::removed` when the set is removed, also while waiting; limits name the sysctl, and
/// `limits()` tells the values. *Lifetime*: whoever created it removes it at its end, which ends
/// the waits of all others, unless `persist`; so what `open_or_create` found is never removed but
/// by `unlink`. *Crash*: the set stays, with its values, until `unlink`, ipcrm(1) or the next boot.
class system_v_semaphore_set {
 public:
  [[nodiscard]] static result<system_v_semaphore_set> create(
      const system_v_name& name, const semaphore_set_create_options& options = {});
  [[nodiscard]] static result<system_v_semaphore_set> open(
      const system_v_name& name, const semaphore_set_open_options& options = {});
  [[nodiscard]] static result<system_v_semaphore_set> open_or_create(
      const system_v_name& name, const semaphore_set_create_options& options = {});
  /// Without a name: children use the object, others open its `id()`.
  [[nodiscard]] static result<system_v_semaphore_set> create_private(
      const semaphore_set_create_options& options = {});
  /// Removes a set by name, whoever made it; `no_such_file_or_directory` if there is none.
  [[nodiscard]] static result<void> unlink(const system_v_name& name,
                                           const semaphore_set_open_options& options = {});
  [[nodiscard]] static result<semaphore_set_limits> limits();

  system_v_semaphore_set(system_v_semaphore_set&& other) noexcept;
  system_v_semaphore_set& operator=(system_v_semaphore_set&& other) noexcept;
  ~system_v_semaphore_set();

  /// All operations at once, or none: would_block when one of them would have to wait.
  [[nodiscard]] result<void> try_apply(std::span<const semaphore_operation> all);
  [[nodiscard]] result<void> try_apply(std::initializer_list<semaphore_operation> all) {
    return try_apply(std::span{all.begin(), all.size()});
  }
  /// Waits until all can be made at once.
  [[nodiscard]] result<void> apply(std::span<const semaphore_operation> all,
                                   deadline until = deadline::never());
  [[nodiscard]] result<void> apply(std::initializer_list<semaphore_operation> all,
                                   deadline until = deadline::never()) {
    return apply(std::span{all.begin(), all.size()}, until);
  }

  /// One of them; `invalid_argument` beyond the last.
  [[nodiscard]] result<system_v_semaphore> semaphore(std::size_t index) const;
  /// All values, as they are at one moment.
  [[nodiscard]] result<std::vector<std::uint16_t>> values() const;
  /// Sets all at once. What processes hold does not come back any more when they die.
  [[nodiscard]] result<void> set_values(std::span<const std::uint16_t> values);
  [[nodiscard]] std::size_t size() const noexcept { return count_; }

  [[nodiscard]] result<semaphore_set_status> status() const;
  [[nodiscard]] result<void> set_access(const semaphore_set_access& wanted);
  /// The kernel's number of the set, as ipcs(1) prints it.
  [[nodiscard]] int id() const noexcept { return id_; }

  /// Removes it now, whoever has the duty to; who waits is told `errc::removed`.
  [[nodiscard]] result<void> unlink();
  /// It stays after us.
  void persist() noexcept { owner_ = 0; }
  /// Whether the name or key still leads to this set. Ids are not used again soon: a set that took
  /// the key of a removed one is never mistaken for it.
  [[nodiscard]] result<bool> is_intact() const;

 private:
  system_v_semaphore_set(int id, std::size_t count, key_t key) noexcept
      : id_(id), count_(count), key_(key) {}
  /// How it is found under a name of ours: the key file.
  struct named {
    name_place place;
    file_identity identity;
  };
  [[nodiscard]] static result<system_v_semaphore_set> make_named(
      const system_v_name& name, const semaphore_set_create_options& options);
  [[nodiscard]] static result<system_v_semaphore_set> open_named(
      const system_v_name& name, const semaphore_set_open_options& options);
  [[nodiscard]] result<void> submit(std::span<const semaphore_operation> all, bool wait,
                                    deadline until);
  void own() noexcept;

  int id_;
  std::size_t count_;
  key_t key_;        // 0: private, or opened by its id
  pid_t owner_ = 0;  // who has the duty to remove it; 0: not this object
  std::optional<named> name_;
};

}  // namespace sluice
