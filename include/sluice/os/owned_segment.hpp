#pragma once
// The duty to remove a System V segment: what owned_name is for names in the file system.

#include <sys/types.h>

#include <sluice/base/result.hpp>
#include <utility>

namespace sluice {

/// Owns the existence of one System V segment and marks it for removal.
///
/// *Semantics*: made by whoever has just created the segment. The kernel frees a marked segment
/// when the last one detaches. *Threads*: one thread at a time. *Errors*: `unlink` reports
/// `errc::removed` when the segment was removed before; an id that was given to another segment is
/// never mistaken for ours (ids carry a sequence number). *Lifetime*: removes it when this goes,
/// silently, except after `persist` and in a forked child. *Crash*: the segment stays.
class owned_segment {
 public:
  explicit owned_segment(int id) noexcept;
  owned_segment(owned_segment&& other) noexcept
      : id_(other.id_), owner_(std::exchange(other.owner_, 0)) {}
  owned_segment& operator=(owned_segment&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(owner_, other.owner_);
    return *this;
  }
  ~owned_segment();

  /// Removes the segment now.
  [[nodiscard]] result<void> unlink();
  /// Gives the duty up: the segment stays after us.
  void persist() noexcept { owner_ = 0; }

 private:
  int id_;
  pid_t owner_;  // 0: no duty (any more)
};

}  // namespace sluice
