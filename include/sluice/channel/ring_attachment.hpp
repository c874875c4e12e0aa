#pragma once
// A participant of a ring: its numbered slot, the lock that proves that it lives, its sleep, and
// its view of the others. The ends of ring_channel, ring_queue and ring_topic each have one.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>
#include <sluice/channel/ring_memory.hpp>
#include <sluice/os/liveness.hpp>
#include <sluice/os/unique_fd.hpp>
#include <sluice/ring/layout.hpp>
#include <sluice/ring/patience.hpp>
#include <sluice/ring/progress.hpp>
#include <sluice/ring/wake_up.hpp>

namespace sluice {

class ring_poll;

/// How an end of a ring waits.
struct ring_wait_options {
  /// Looks so long without a pause before it sleeps, where waits are short enough for that to help;
  /// 0 where both sides share a processor. A sender that is far slower is not looked for at all.
  std::chrono::nanoseconds spin = std::chrono::microseconds{20};
  /// Nobody sleeps longer without a look: the bound within which a death is noticed.
  std::chrono::nanoseconds longest_sleep = std::chrono::milliseconds{100};
};

/// What an end did itself, for tuning.
struct ring_statistics {
  std::uint64_t waits = 0;     ///< Waits that did not find at once what they waited for.
  std::uint64_t spun = 0;      ///< Of these, ended while looking.
  std::uint64_t parks = 0;     ///< Times that it lay down to sleep, or armed its descriptor.
  std::uint64_t wake_ups = 0;  ///< Times that it woke another.
};

/// What is known of another participant.
enum class ring_presence {
  nobody,  ///< Nobody was there yet.
  alive,
  left,  ///< In order.
  died,
};

/// One who took part, to be asked after: a slot, and the how manyth to have it.
struct ring_participant {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  friend bool operator==(const ring_participant&, const ring_participant&) = default;
};

/// One participant's place in a ring.
///
/// *Semantics*: holds a slot of its role as long as it lives; of two who want the last free slot
/// one gets it. *Threads*: one at a time, `is_inherited` excepted. *Errors*:
/// `device_or_resource_busy` when living participants have all slots of the role;
/// `operation_not_permitted` in a forked child. *Lifetime*: leaves in order when it goes, and tells
/// the others. *Crash*: its slot is free at once; who looks next sees that it died.
class ring_attachment {
 public:
  enum class role { sender, receiver };

  [[nodiscard]] static result<ring_attachment> attach(ring_memory memory, role wanted,
                                                      const ring_wait_options& options = {});

  ring_attachment(ring_attachment&& other) noexcept;
  ring_attachment& operator=(ring_attachment&& other) noexcept;
  ~ring_attachment();

  /// The same role in a forked child, or after the slot was lost: in a slot of its own.
  [[nodiscard]] result<ring_attachment> attach_anew() const;

  [[nodiscard]] bool is_inherited() const noexcept { return life_.is_inherited(); }
  /// What a verb reports in a forked child.
  [[nodiscard]] static failure refused(const char* operation) noexcept;

  [[nodiscard]] ring_memory& memory() noexcept { return memory_; }
  [[nodiscard]] const ring_memory& memory() const noexcept { return memory_; }
  [[nodiscard]] std::uint32_t index() const noexcept { return index_; }
  [[nodiscard]] ring_participant self() const noexcept;
  [[nodiscard]] ring::participant_slot& slot() const noexcept { return memory_.slot(index_); }
  /// What became of the one who had this slot before.
  [[nodiscard]] ring_presence predecessor() const noexcept { return predecessor_; }
  [[nodiscard]] const ring_statistics& statistics() const noexcept { return statistics_; }

  /// What became of the participant in a slot: up to four system calls. A death is seen by taking
  /// the dead one's lock; while it is held `see_to` runs (in a queue: to take its work back).
  template <class SeeTo>
  [[nodiscard]] result<ring_presence> look_at(std::uint32_t slot, SeeTo see_to) {
    auto died = hold_if_dead(slot);
    if (!died) return failure{died.error()};
    if (!*died) return presence_of(slot);
    see_to();
    bury(slot);
    return ring_presence::died;
  }
  [[nodiscard]] result<ring_presence> look_at(std::uint32_t slot) {
    return look_at(slot, [] {});
  }
  /// Of this very one: `left` also when somebody else has its slot by now, however it went. Numbers
  /// that are none of a sender's are `nobody`.
  [[nodiscard]] result<ring_presence> look_at_sender(ring_participant who);
  /// Holds the lock of a slot that nobody alive has, whatever became of its last one; false when
  /// somebody has it. Whoever holds it may see to what was left there, for as long as it likes.
  [[nodiscard]] result<bool> hold_abandoned(std::uint32_t slot);
  /// Everything there was seen to: its last one is dead for all who look.
  void bury(std::uint32_t slot);
  /// As it stands: the next who holds the slot finds it so.
  void let_go_of(std::uint32_t slot) { static_cast<void>(give_back(slot)); }

  /// Without a system call: an unnoticed death looks alive.
  [[nodiscard]] ring_presence presence_of(std::uint32_t slot) const noexcept;

  /// Whether somebody lives, has something to do at `place`, and stood there at each question for
  /// at least so long. Without a place it has nothing to do.
  [[nodiscard]] result<bool> is_stalled(const result<ring_presence>& who,
                                        std::optional<std::uint64_t> place,
                                        std::chrono::nanoseconds since);

  /// Whether a participant of the other role may sleep, asked after something was published. The
  /// fast path of all sends.
  [[nodiscard]] bool is_resting(ring::participant_slot& other) noexcept {
    return lookout_.tells_of_sleep(other.resting);
  }
  /// The same of all whose sleep shows in a summary.
  [[nodiscard]] bool is_any_resting(std::atomic<std::uint64_t>& summary) noexcept {
    return lookout_.tells_of_sleep(summary);
  }
  /// The same of others of our own role.
  [[nodiscard]] bool is_any_of_ours_resting(std::atomic<std::uint64_t>& summary) noexcept {
    return ring::tells_of_sleep(summary, fences_for(index_), ~fence_bit_of(index_));
  }
  /// Tells a participant of the other role that something it may wait for has happened.
  void wake(ring::participant_slot& other) noexcept {
    if (is_resting(other)) [[unlikely]]
      wake_resting(other);
  }
  /// The same of any role, off the fast path.
  void wake_any(ring::participant_slot& other) noexcept {
    if (ring::tells_of_sleep(other.resting)) wake_resting(other);
  }

  /// From now on a sleep also shows as a bit of this word: who wakes one of many looks there alone.
  void show_sleep_in(std::atomic<std::uint64_t>& summary, std::uint32_t bit) noexcept {
    summary_ = &summary;
    summary_bit_ = std::uint64_t{1} << bit;
  }
  /// Wakes one of those who sleep; bit 0 of the summary is slot `first`. What the summary says of
  /// somebody dead is passed on to the next. Who is polled may stay away as long as it likes, so
  /// the wake-up is passed on by such a one, too.
  void wake_one_of(std::atomic<std::uint64_t>& summary, std::uint32_t first) noexcept {
    if (is_any_resting(summary)) [[unlikely]]
      wake_one_resting(summary, first);
  }
  /// The same after a look of one's own.
  void wake_one_resting(std::atomic<std::uint64_t>& summary, std::uint32_t first) noexcept;

  /// Leaves in order, and tells the others. Going does so by itself.
  void leave() noexcept;
  [[nodiscard]] bool is_attached() const noexcept { return is_attached_; }

  /// Waits until `worth_it()` or the deadline. `notice()`, a result<bool>, is asked before sleeps,
  /// at least as often as the longest of them takes, and may end the wait: it looks for what wakes
  /// nobody, the deaths of others.
  template <class WorthIt, class Notice>
  [[nodiscard]] result<void> wait(deadline until, const char* operation, WorthIt worth_it,
                                  Notice notice);
  /// As `wait`, but without its sleep and without a system call: whether a try is worth it.
  template <class WorthIt>
  [[nodiscard]] bool linger(WorthIt worth_it);

  /// A descriptor that poll(2) and epoll(7) tell to be readable while its end is worth a look. Made
  /// and readable at the first call; stays ours, and is not made anew in a forked child.
  [[nodiscard]] result<int> poll_handle();
  /// Of an end that has nothing to do now. If somebody polls it, it is not readable from here until
  /// `worth_it()` or, at the latest when the longest sleep is over, worth asking `notice()`.
  template <class WorthIt, class Notice>
  [[nodiscard]] result<void> arm(WorthIt worth_it, Notice notice);
  [[nodiscard]] bool is_polled() const noexcept { return poll_ != nullptr; }

 private:
  ring_attachment(ring_memory memory, liveness life, role wanted,
                  const ring_wait_options& options) noexcept;
  [[nodiscard]] result<bool> take_slot();
  [[nodiscard]] result<bool> hold_if_dead(std::uint32_t slot);
  [[nodiscard]] result<void> give_back(std::uint32_t slot);
  [[nodiscard]] std::atomic<std::uint64_t>& fences_for(std::uint32_t slot) const noexcept;
  [[nodiscard]] std::uint64_t fence_bit_of(std::uint32_t slot) const noexcept;
  void wake_resting(ring::participant_slot& other) noexcept;
  bool ring_bell_of(ring::participant_slot& other) noexcept;
  void tell_all() noexcept;

  // Until when, what time it was a moment ago, and whether to ask what wakes nobody before
  // sleeping.
  struct sleep_plan {
    deadline until;
    deadline::clock::time_point now;
    bool asks;
  };
  template <class WorthIt>
  [[nodiscard]] bool spin(deadline until, deadline::clock::time_point began, WorthIt& worth_it);
  template <class WorthIt, class Notice>
  [[nodiscard]] result<void> sleep_on(sleep_plan plan, const char* operation, WorthIt& worth_it,
                                      Notice& notice);
  [[nodiscard]] std::chrono::nanoseconds prepare_sleep(ring::rest how) noexcept;
  [[nodiscard]] result<void> sleep(deadline until);
  void get_up() noexcept;
  [[nodiscard]] bool rests(ring::rest how) const noexcept;
  [[nodiscard]] result<bool> hush();
  [[nodiscard]] result<void> stay_readable();
  [[nodiscard]] result<void> expect(std::chrono::nanoseconds cap);

  ring_memory memory_;
  liveness life_;
  role role_;
  std::uint32_t index_ = 0;
  // A dead one's, whose lock the kernel did not take back: the next look tries again.
  std::optional<std::uint32_t> still_held_ = {};
  bool is_attached_ = false;
  ring_presence predecessor_ = ring_presence::nobody;
  ring::lookout lookout_;
  ring::fence_request fence_request_;
  std::atomic<std::uint64_t>* summary_ = nullptr;
  std::uint64_t summary_bit_ = 0;
  ring_wait_options options_;
  ring::patience patience_;
  deadline::clock::time_point asks_again_ = {};
  ring_statistics statistics_ = {};
  ring::progress_watch watch_;
  std::unique_ptr<ring_poll> poll_;  // if somebody polls us
  unique_fd ringer_;                 // else, once another was to be rung
};

}  // namespace sluice
