#pragma once
// The subscribing end of a topic in shared memory (ring_topic.hpp).

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <sluice/base/concepts.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/channel/ring_topic.hpp>
#include <sluice/channel/ring_window.hpp>
#include <sluice/ring/subscriber.hpp>
#include <string_view>
#include <vector>

namespace sluice {

struct ring_subscriber_options {
  ring::joining join = ring::joining::newest;
  ring_wait_options wait = {};
  ring_name_options name = {};
};

/// One of the subscribers of a topic.
///
/// *Semantics*: gets every message from where it joined, in order for each publisher; `try_receive`
/// copies it. In topics that keep messages until they are read `try_peek` shows it where it lies;
/// in those that overwrite, what was overwritten is counted (`lost`), and never half of a message
/// is handed out. *Threads*: one at a time. *Errors*: if that is reported, `connection_reset` once
/// for each publisher that died, after all was received, and `errc::closed` when all that ever came
/// have gone; `no_buffer_space` leaves the message; `operation_not_supported` from `try_peek` in a
/// topic that overwrites; `errc::corrupt` for what no publisher of ours can have written, whenever
/// it is the turn of that one; `device_or_resource_busy` when living subscribers have all places;
/// `timed_out` from `attach` if publishers were too fast to join. *Lifetime*: who comes later
/// begins where it says, not where this one was. *Crash*: it holds nobody up once that is noticed.
class ring_subscriber {
 public:
  static constexpr channel_capabilities capabilities = ring_topic_capabilities;
  using view = basic_ring_view<ring_subscriber>;

  [[nodiscard]] static result<ring_subscriber> open(std::string_view name,
                                                    const ring_subscriber_options& options = {});
  [[nodiscard]] static result<ring_subscriber> attach(const ring_topic& topic,
                                                      const ring_subscriber_options& options = {});
  /// Takes part in a forked child, where the inherited end has none; joins as this one did.
  [[nodiscard]] result<void> attach();

  ring_subscriber(ring_subscriber&&) noexcept = default;
  ring_subscriber& operator=(ring_subscriber&& other) noexcept;
  ~ring_subscriber() { leave(); }

  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes buffer) {
    for (;;) {
      result<std::size_t> size = next_size();
      if (!size) [[unlikely]]
        return size;
      if (*size > buffer.size()) [[unlikely]]
        return too_small();
      // Overwritten meanwhile: the next look counts what is lost.
      if (!lanes_[current_].copy(buffer.first(*size))) continue;
      release();
      return size;
    }
  }
  /// The next message where it lies; the same one again until it is released.
  [[nodiscard]] result<view> try_peek();
  /// Gives the room of the message looked at last back. Of the view.
  void release() noexcept {
    lanes_[current_].release();
    counters_[0].store(++received_, std::memory_order_relaxed);
    turn_ -= 1;
    if (may_lose_) {
      if (lanes_[current_].lost() != lost_written_) write_lost();
      return;
    }
    if (attachment_.is_resting(publishers_[current_])) [[unlikely]]
      wake_publisher();
  }
  [[nodiscard]] result<std::size_t> next_size() {
    if (attachment_.is_inherited()) [[unlikely]]
      return ring_attachment::refused("ring_subscriber");
    std::size_t length = 0;
    const ring::found seen = look(length);
    if (seen == ring::found::message) [[likely]]
      return length;
    return report(seen);
  }

  [[nodiscard]] result<void> wait_readable(deadline until);
  /// Waits as long as `wait_readable` spins, without a system call; whether a look is worth it. For
  /// loops that poll: before the look that arms.
  [[nodiscard]] bool linger();
  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer,
                                            deadline until = deadline::never()) {
    return sluice::receive(*this, buffer, until);
  }
  /// What is there now, one after the other, where it lies: nothing in a topic that overwrites.
  [[nodiscard]] ring_drain<ring_subscriber> drain() noexcept {
    return ring_drain<ring_subscriber>{*this};
  }
  /// For poll(2) and epoll(7): readable while a look is worth it, until one says that it would
  /// block. Made at the first call, which is `operation_not_permitted` in a forked child; stays
  /// ours. A death makes it readable within the longest sleep.
  [[nodiscard]] result<int> poll_handle();
  /// Waits until there is a publisher that lives.
  [[nodiscard]] result<void> wait_for_peer(deadline until);

  /// Messages that were overwritten before this one read them.
  [[nodiscard]] std::uint64_t lost() const noexcept;
  /// Which publisher's the message looked at last is: a number below `max_publishers`.
  [[nodiscard]] std::uint32_t publisher() const noexcept { return current_; }
  [[nodiscard]] result<ring_presence> presence_of(ring_participant publisher) {
    return attachment_.look_at_sender(publisher);
  }
  [[nodiscard]] const ring_statistics& statistics() const noexcept {
    return attachment_.statistics();
  }

 private:
  ring_subscriber(ring_attachment attachment, ring::joining join);
  [[nodiscard]] static result<ring_subscriber> over(result<ring_attachment> attachment,
                                                    ring::joining join);

  // Stays with a publisher for some messages: its lines are in the cache.
  [[nodiscard]] ring::found look(std::size_t& length) noexcept {
    if (turn_ != 0) [[likely]] {
      const ring::found seen = lanes_[current_].look(length);
      if (seen == ring::found::message) [[likely]]
        return seen;
    }
    return look_around(length);
  }
  [[nodiscard]] ring::found look_around(std::size_t& length) noexcept;
  [[nodiscard]] result<std::size_t> report(ring::found seen);
  [[nodiscard]] failure would_block();
  [[nodiscard]] static failure too_small();
  // Whether publishers came, and all have gone; and one whose death was not told yet.
  struct departure {
    bool all_gone = false;
    bool untold_death = false;
    std::uint32_t who = 0;
  };
  [[nodiscard]] departure departed() const noexcept;
  [[nodiscard]] bool is_news() const noexcept;
  [[nodiscard]] bool is_worth_looking();
  [[nodiscard]] result<bool> notice();
  [[nodiscard]] result<void> arm();
  void wake_publisher() noexcept;
  void write_lost() noexcept;
  void leave() noexcept;

  static constexpr std::uint32_t messages_per_turn = 32;

  ring_attachment attachment_;
  std::vector<ring::subscriber> lanes_;  // one for each publisher
  std::vector<std::uint32_t> told_;      // the generation of each whose death was told
  ring::participant_slot* publishers_;
  std::atomic<std::uint64_t>* counters_;  // of our slot: received and lost, ever
  ring::joining join_;
  bool may_lose_;
  bool reports_departure_;
  std::uint32_t current_ = 0;
  std::uint32_t turn_ = messages_per_turn;
  std::uint64_t received_;          // with those of who had the slot before
  std::uint64_t lost_before_;       // by those
  std::uint64_t lost_written_ = 0;  // of the messages of the current publisher
};

static_assert(message_receiver<ring_subscriber>);

}  // namespace sluice
