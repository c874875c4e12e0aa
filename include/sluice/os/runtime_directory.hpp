#pragma once
// Where names live. Everything that Sluice creates by name is a file of one directory on tmpfs,
// private to its user; this file finds that directory, checks that it can be trusted, and turns a
// checked name into a place: a directory that is held open, and a leaf in it.

#include <sluice/base/deadline.hpp>
#include <sluice/base/name.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/unique_fd.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace sluice {

struct runtime_directory_options {
  /// Empty: $SLUICE_RUNTIME_DIR, else one directory per user below /dev/shm, made when missing.
  /// Else a directory that exists and was made for sharing: it may be open to a group or to other
  /// users, but one that everybody may write must be sticky, as /tmp is.
  std::string path = {};
};

/// Keeps everybody else from changing names in a directory.
///
/// *Semantics*: flock(2) on a description of its own, or on that of the place where no descriptor
/// is left for one. *Threads*: one thread. *Errors*: none after
/// it was made. *Lifetime*: released with the object. *Crash*: released by the kernel.
class directory_lock {
 public:
  /// Holds no lock: places outside a runtime directory have none.
  directory_lock() noexcept = default;
  explicit directory_lock(unique_fd held) noexcept : fd_(held.get()), own_(std::move(held)) {}
  /// Releases the lock of `fd`, which stays open longer.
  explicit directory_lock(int fd) noexcept : fd_(fd) {}
  directory_lock(directory_lock&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), own_(std::move(other.own_)) {}
  directory_lock& operator=(directory_lock&&) = delete;
  ~directory_lock();

 private:
  int fd_ = -1;
  unique_fd own_;
};

/// A leaf in a directory that is held open, so that renaming the directory misleads nobody.
///
/// *Semantics*: says where a name is or would be; owns nothing there. *Threads*: a value. *Errors*:
/// see `resolve`. *Lifetime*: independent of what it names. *Crash*: leaves nothing.
class name_place {
 public:
  /// A plain name becomes name + `suffix` in the runtime directory; a path is taken as it is.
  /// Refuses a runtime directory that belongs to somebody else, is a symlink, or is open to others
  /// (`permission_denied`, with what to do), and leaves that are too long.
  [[nodiscard]] static result<name_place> resolve(const channel_name& name, std::string_view suffix,
                                                  const runtime_directory_options& options = {});

  /// Locks the runtime directory; for a path there is nothing to lock. Holders hold it for a few
  /// system calls: `errc::stalled` after five seconds tells that one of them was stopped.
  [[nodiscard]] result<directory_lock> lock() const;

  [[nodiscard]] int directory() const noexcept { return directory_.get(); }
  [[nodiscard]] const std::string& leaf() const noexcept { return leaf_; }
  /// For messages to people: the directory may have been renamed since.
  [[nodiscard]] std::string path() const { return directory_path_ + "/" + leaf_; }
  [[nodiscard]] bool in_runtime_directory() const noexcept { return in_runtime_directory_; }

 private:
  name_place(unique_fd directory, std::string directory_path, std::string leaf, bool in_runtime)
      : directory_(std::move(directory)),
        directory_path_(std::move(directory_path)),
        leaf_(std::move(leaf)),
        in_runtime_directory_(in_runtime) {}

  unique_fd directory_;
  std::string directory_path_;
  std::string leaf_;
  bool in_runtime_directory_;
};

/// The path of the runtime directory that `options` lead to, made and checked.
[[nodiscard]] result<std::string> runtime_directory_path(
    const runtime_directory_options& options = {});

}  // namespace sluice
