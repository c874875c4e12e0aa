#pragma once
// An open file description that no forked child keeps: the at-fork handler closes the child's copy.
// It is the only hook that the library has in the process, and the list of these is the only memory
// of its own.

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <sluice/base/result.hpp>
#include <sluice/os/owned_name.hpp>
#include <sluice/os/unique_fd.hpp>

namespace sluice {

/// Owns one description of a regular file, for its locks alone: nothing is read or written by it.
///
/// *Semantics*: recognises its description again, so that after unrelated code closed it, and the
/// number was given to another, that one is neither locked nor closed. *Threads*: making and
/// destroying from any thread, one object from one thread at a time. *Errors*: those of openat(2);
/// `invalid_argument` for what is no regular file open for reading and writing. *Lifetime*: stays
/// where it was made: the list of all leads to it. When it goes, its locks go, also where somebody
/// else has a copy of the descriptor. *Crash*: the kernel closes it.
class own_description {
 public:
  /// A second description of an open file.
  [[nodiscard]] static result<std::unique_ptr<own_description>> open(int file);
  /// One that was handed over.
  [[nodiscard]] static result<std::unique_ptr<own_description>> adopt(unique_fd description);

  own_description(const own_description&) = delete;
  own_description& operator=(const own_description&) = delete;
  ~own_description();

  /// The descriptor, or -1: closed after a fork, or found to be lost.
  [[nodiscard]] int number() const noexcept { return description_.get(); }
  /// Whether this is another process than the one that made it. Needed where no at-fork handler
  /// ran.
  [[nodiscard]] bool is_inherited() const noexcept;
  /// Whether the descriptor still is what it was; false once and for all when it is not.
  [[nodiscard]] result<bool> check();
  /// Gives the descriptor up, if it is ours.
  [[nodiscard]] unique_fd release() noexcept;

 private:
  struct registry;
  static registry living;

  explicit own_description(const file_identity& file) noexcept;
  [[nodiscard]] result<bool> is_ours() const;
  void forget_if_foreign() noexcept;

  // Under the lock of the list.
  [[nodiscard]] static result<void> follow_forks();
  void enlist(unique_fd description) noexcept;
  void leave_list() noexcept;

  static void before_fork();
  static void after_fork_in_parent();
  static void after_fork_in_child();

  // Written under the lock of the list, or in a forked child before it has a second thread.
  unique_fd description_;
  own_description* previous_ = nullptr;
  own_description* next_ = nullptr;
  // Written before it is in the list.
  file_identity file_;
  pid_t maker_;
  std::uint64_t mark_ = 0;  // our file offset, by which the description is known; 0: it has none
};

}  // namespace sluice
