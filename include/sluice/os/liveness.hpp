#pragma once
// Proof of life between processes that share a file: who holds the lock of a numbered slot lives.
// The kernel frees the lock when its holder dies, at that moment, however it dies. Reasons and
// limits: docs/decisions/0061-a-lock-is-the-proof-of-life.md

#include <atomic>
#include <cstdint>
#include <memory>
#include <sluice/base/result.hpp>
#include <sluice/os/unique_fd.hpp>

namespace sluice {

class own_description;

/// Holds slots of a file, and sees which slots others hold. A slot is one byte of the file, far
/// behind all content, under a lock that belongs to an open description (fcntl(2), "Open file
/// description locks"); each handle has a description of its own.
///
/// *Semantics*: at most one handle holds a slot, also among handles of one process. Only a slot
/// that was taken proves that its holder is dead: whoever wants to act upon a death holds the dead
/// one's slot first, and all the while. A stopped process lives, and so does one whose thread ended
/// that took the slot; a zombie is dead. After exec it is dead, too: the description is
/// close-on-exec. *Threads*: `is_inherited` from any thread at any time, the rest from one at a
/// time. Not to be made or destroyed while holding a lock that an at-fork handler of yours takes.
/// *Errors*: `operation_not_permitted` in a forked child, who attaches anew;
/// `bad_file_descriptor`, from then on always, when something else in this process closed our
/// descriptor: the slots are gone. *Lifetime*: all slots are free when the handle goes, and in a
/// forked child the handle has nothing. It needs the file that it was made from no longer.
/// *Crash*: the slots are free at once, before the parent reaps the dead process and whatever its
/// children inherited. A child made by clone(2) itself, without at-fork handlers, keeps a dead
/// parent's slots until it ends or calls exec.
class liveness {
 public:
  /// Opens a description of its own of the file behind `file`, a regular file (on disk or in
  /// memory) that is open for reading and writing; `file` stays the caller's. Needs /proc, and
  /// permission to open the file: who has none can be given a description by `from_native`.
  [[nodiscard]] static result<liveness> open(int file);
  /// Takes over a description that nobody else keeps: whoever does shares our slots.
  [[nodiscard]] static result<liveness> from_native(unique_fd description);

  liveness(liveness&& other) noexcept;
  liveness& operator=(liveness&& other) noexcept;
  ~liveness();

  /// Takes a slot; true also when this handle has it already, false when somebody alive has it.
  [[nodiscard]] result<bool> try_hold(std::uint32_t slot);
  /// Gives a slot back; nothing happens if this handle does not hold it.
  [[nodiscard]] result<void> let_go(std::uint32_t slot);

  /// Whether a handle other than this one holds the slot now. A hint: by the time it is known it
  /// may be otherwise, so nothing may be done about a death before the slot is held.
  [[nodiscard]] result<bool> is_held_by_others(std::uint32_t slot) const;

  /// Whether the descriptor is still ours, and with it the slots. For slow paths: three system
  /// calls. `try_hold` and `let_go` ask by themselves.
  [[nodiscard]] result<void> check();

  /// Whether this is a forked child's copy of its parent's handle. No system call: one load, for
  /// the hot path.
  [[nodiscard]] bool is_inherited() const noexcept {
    // Relaxed: it changes in a forked child alone, before that has a second thread.
    return forks_before_ != forks.load(std::memory_order_relaxed);
  }

  /// Stays ours; -1 in a forked child and after it was lost.
  [[nodiscard]] int native_handle() const noexcept;
  /// To be passed on together with the slots that are held: `from_native` takes it. From now on a
  /// forked child keeps a copy.
  [[nodiscard]] unique_fd release_handle() && noexcept;

 private:
  friend class own_description;  // counts the forks

  explicit liveness(std::unique_ptr<own_description> description) noexcept;
  [[nodiscard]] result<int> checked(const char* operation) const;

  // How many forks are between the first process and this one. Written by the at-fork handler, in
  // the child.
  static std::atomic<std::uint64_t> forks;

  std::unique_ptr<own_description> description_;
  std::uint64_t forks_before_;
};

}  // namespace sluice
