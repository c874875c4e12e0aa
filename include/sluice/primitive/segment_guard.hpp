#pragma once
// The lock of a managed segment and the latch that closes it: whoever finds that a holder died in
// the middle of a change latches the segment, and from then on nobody walks what may be broken.

#include <atomic>
#include <cstdint>
#include <sluice/primitive/mutex.hpp>
#include <type_traits>

namespace sluice {

/// Lies inside a managed segment, in shared memory.
///
/// *Semantics*: a `section` holds the lock while it lives, or was refused. A section inside a
/// section of the same thread is let in only where the outer one announced `changes_names`, since
/// constructors of objects allocate; anything else (a signal handler) is refused. *Threads*: all
/// members from any thread of any process at once. *Errors*: refusal. *Lifetime*: that of the
/// segment. *Crash*: a holder that dies latches the segment for good; waiters go on at once.
class segment_guard {
 public:
  enum class purpose {
    use_heap,      ///< Allocate or give back: refused once latched.
    read_names,    ///< Look up a name: refused once latched while names were changing.
    change_names,  ///< Construct or destroy a named object: refused once latched.
  };

  class section {
   public:
    section(segment_guard& guard, purpose why) noexcept;
    section(const section&) = delete;
    section& operator=(const section&) = delete;
    ~section();
    /// False: refused, and nothing is held.
    [[nodiscard]] explicit operator bool() const noexcept { return state_ != state::refused; }

   private:
    enum class state { refused, entered, nested };
    segment_guard& guard_;
    purpose why_;
    state state_;
  };

  segment_guard() noexcept = default;

  /// A holder died inside; never false again.
  [[nodiscard]] bool is_corrupt() const noexcept;

 private:
  enum class outcome { taken, ours, lost };
  [[nodiscard]] outcome lock() noexcept;
  [[nodiscard]] bool lets_in(purpose why) const noexcept;

  mutex lock_;
  // Both are written by the holder of the lock alone. `corrupt_` is also read without it, which may
  // come a moment late: the lock is then looked at all the same.
  std::atomic<std::uint32_t> corrupt_{0};
  std::atomic<std::uint32_t> changing_names_{0};
};

static_assert(std::is_standard_layout_v<segment_guard>);
static_assert(sizeof(segment_guard) == sizeof(mutex) + 8);

}  // namespace sluice
