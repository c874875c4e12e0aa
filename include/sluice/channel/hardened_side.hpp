#pragma once
// One side of a ring between two who do not trust each other: memory that only this process writes,
// the lock that proves that it lives, and the other's memory, mapped for reading. hardened_sender
// and hardened_receiver each have one.

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>
#include <sluice/channel/ring_attachment.hpp>
#include <sluice/os/liveness.hpp>
#include <sluice/os/memory_map.hpp>
#include <sluice/os/unique_fd.hpp>
#include <sluice/ring/hardened.hpp>
#include <sluice/ring/patience.hpp>
#include <sluice/ring/wake_up.hpp>

namespace sluice {

/// One side of a hardened ring.
///
/// *Semantics*: its memory is a file without a name, mode 0600, sealed in size and against writing
/// by others. Of the other side it takes only memory that is sealed in the same way, whole and of
/// the right numbers, and maps it for reading. *Threads*: one at a time, `is_inherited` excepted.
/// *Errors*: of `connect`: `invalid_argument` for what is no memory with seals, `permission_denied`
/// where seals lack, `incompatible` or `corrupt` for what lies there, each with a hint of its own;
/// `operation_not_permitted` in a forked child. *Lifetime*: leaves in order when it goes; the other
/// keeps what it has mapped. *Crash*: the kernel frees the lock. That alone proves a death: who
/// holds its own byte with other means makes itself look alive, and nobody else dead.
class hardened_side {
 public:
  [[nodiscard]] static result<hardened_side> create(ring::hardened_role role,
                                                    std::uint64_t capacity_bytes,
                                                    const ring_wait_options& options);
  hardened_side(hardened_side&& other) noexcept;
  hardened_side& operator=(hardened_side&& other) noexcept;
  ~hardened_side() { leave(); }

  /// To be handed to the other: open for reading alone. Stays ours.
  [[nodiscard]] int native_handle() const noexcept { return fd_.get(); }
  /// Takes the other's memory, once. Its log may have at most `max_capacity_bytes`.
  [[nodiscard]] result<void> connect(unique_fd other, std::uint64_t max_capacity_bytes);
  [[nodiscard]] bool is_connected() const noexcept { return words_ != nullptr; }
  [[nodiscard]] bool is_inherited() const noexcept { return life_.is_inherited(); }
  /// What a verb reports in a forked child.
  [[nodiscard]] static failure refused(const char* operation) noexcept;

  /// What only we write.
  [[nodiscard]] ring::hardened_words& own() const noexcept {
    return *reinterpret_cast<ring::hardened_words*>(memory_.writable_bytes().data() +
                                                    ring::hardened_layout::words_offset);
  }
  [[nodiscard]] ring::log own_log() const noexcept;
  /// What the other says; only while connected.
  [[nodiscard]] const ring::hardened_words& other() const noexcept { return *words_; }
  [[nodiscard]] ring::untrusted_log other_log() const noexcept;
  /// What a sender says about its log; null while there is none.
  [[nodiscard]] const ring::log_control* other_control() const noexcept;

  /// What is known without a system call: an unnoticed death looks alive.
  [[nodiscard]] ring_presence presence() const noexcept {
    if (gone_ != ring_presence::alive) [[unlikely]]
      return gone_;
    if (words_ == nullptr) [[unlikely]]
      return ring_presence::nobody;
    // Acquire: what it did before it left has happened.
    const bool left = words_->state.load(std::memory_order_acquire) == ring::hardened_words::left;
    return left ? ring_presence::left : ring_presence::alive;
  }
  /// Asks the kernel whether the other lives. Who is gone stays gone.
  [[nodiscard]] result<ring_presence> look_at_other();

  /// The other broke the rules: from now on nothing of it is looked at, and for it we have left.
  void drop_other() noexcept;
  [[nodiscard]] bool is_dropped() const noexcept { return is_dropped_; }

  /// Tells the other that something that it may wait for has happened; at most once per sleep.
  void wake_other() noexcept {
    // Whether one that we do not see yet sleeps cannot be known.
    if (words_ == nullptr) [[unlikely]]
      return wake_sleeping(0);
    fence();
    const std::uint32_t sleep = words_->parked.load(std::memory_order_relaxed);
    if (sleep != 0 && sleep != woken_) [[unlikely]]
      wake_sleeping(sleep);
  }
  /// The same of a sender that sleeps until so much is released.
  void wake_other_at(ring::position released) noexcept {
    fence();
    // Acquire: with the release of its lying down, before which it said what it needs.
    const std::uint32_t sleep = words_->parked.load(std::memory_order_acquire);
    if (sleep == 0 || sleep == woken_) [[likely]]
      return;
    const ring::position needed = words_->needed.load(std::memory_order_relaxed);
    if (released - needed < std::uint64_t{1} << 63) wake_sleeping(sleep);
  }

  /// Leaves in order, and tells the other. Going does so by itself.
  void leave() noexcept;

  /// Waits until `worth_it()`, which sees who is gone, or the deadline. However the other moves its
  /// words, the deadline holds and waking in vain is answered by longer and longer pauses.
  template <class WorthIt>
  [[nodiscard]] result<void> wait(deadline until, const char* operation, WorthIt worth_it);

  [[nodiscard]] const ring_statistics& statistics() const noexcept { return statistics_; }

 private:
  hardened_side(unique_fd fd, memory_map memory, std::optional<memory_map> data, liveness life,
                const ring_wait_options& options) noexcept;
  // Both sides always make it: the other cannot be trusted to take part in a barrier of ours.
  void fence() const noexcept {
    if constexpr (ring::has_fences) {
      ring::full_fence();
    } else {
      own().fence.fetch_add(1, std::memory_order_seq_cst);
    }
  }
  void wake_sleeping(std::uint32_t sleep) noexcept;
  template <class WorthIt>
  [[nodiscard]] result<void> sleep_on(deadline until, const char* operation, bool asks,
                                      WorthIt& worth_it);
  [[nodiscard]] std::uint32_t lie_down() noexcept;
  [[nodiscard]] result<bool> sleep(std::uint32_t seen, deadline until);
  void get_up() const noexcept { own().parked.store(0, std::memory_order_relaxed); }
  [[nodiscard]] static result<void> pause(deadline until);

  unique_fd fd_;
  memory_map memory_;               // all but the data of the log
  std::optional<memory_map> data_;  // of the log, twice in a row
  liveness life_;
  bool is_attached_ = true;
  bool is_dropped_ = false;

  unique_fd other_fd_;  // for questions about its lock
  std::optional<memory_map> other_memory_;
  std::optional<memory_map> other_data_;
  const ring::hardened_words* words_ = nullptr;  // the other's
  std::uint64_t other_capacity_ = 0;
  ring_presence gone_ = ring_presence::alive;  // latched

  std::uint32_t woken_ = 0;   // the other's sleep that we ended last
  std::uint32_t sleeps_ = 0;  // ours
  ring_wait_options options_;
  ring::patience patience_;
  deadline::clock::time_point asks_again_ = {};
  ring_statistics statistics_ = {};
};

}  // namespace sluice
