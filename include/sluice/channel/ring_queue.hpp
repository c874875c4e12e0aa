#pragma once
// A ring in shared memory between many senders and many receivers; each message goes to one of the
// receivers. Every sender has a lane of its own, so senders never wait for each other, and
// receivers only while they take. The format is docs/ring-format.md.

#include <chrono>
#include <cstddef>
#include <sluice/base/concepts.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/channel/ring_attachment.hpp>
#include <sluice/channel/ring_memory.hpp>
#include <sluice/channel/ring_queue_options.hpp>
#include <sluice/channel/ring_window.hpp>
#include <sluice/ring/copy.hpp>
#include <sluice/ring/lane.hpp>
#include <sluice/ring/producer.hpp>
#include <sluice/ring/range.hpp>
#include <string_view>
#include <utility>

namespace sluice {

/// A queue without a role: the memory, from which senders and receivers are attached.
///
/// *Semantics*: a plain name is a file of the runtime directory, `name`.ring; a path is taken as it
/// is. Without a name it is handed on as a descriptor. *Threads*: any, except moving. *Errors*:
/// those of `ring_memory`; `errc::incompatible` from `open_or_create` for other options;
/// `invalid_argument` for numbers beyond what the options say. *Lifetime*: the last of all who have
/// it open removes the name, except after `persist`; messages stay as long as anybody has it open.
/// *Crash*: name and messages stay for who comes next.
class ring_queue {
 public:
  [[nodiscard]] static result<ring_queue> create(std::string_view name,
                                                 const ring_queue_options& options = {});
  [[nodiscard]] static result<ring_queue> open(std::string_view name,
                                               const ring_name_options& options = {});
  [[nodiscard]] static result<ring_queue> open_or_create(std::string_view name,
                                                         const ring_queue_options& options = {});
  [[nodiscard]] static result<ring_queue> create_anonymous(const ring_queue_options& options = {});
  /// Memory that was handed to us.
  [[nodiscard]] static result<ring_queue> from_native(unique_fd fd);
  [[nodiscard]] static result<void> unlink(std::string_view name,
                                           const ring_name_options& options = {}) {
    return ring_memory::unlink(name, options);
  }

  [[nodiscard]] ring_memory& memory() noexcept { return memory_; }
  [[nodiscard]] const ring_memory& memory() const noexcept { return memory_; }
  [[nodiscard]] ring_queue_counters counters() const noexcept;
  [[nodiscard]] std::size_t max_message_bytes() const noexcept;
  /// The name stays when the last one leaves, and what is in it.
  void persist() noexcept { memory_.persist(); }
  [[nodiscard]] int native_handle() const noexcept { return memory_.native_handle(); }

 private:
  explicit ring_queue(ring_memory memory) noexcept : memory_(std::move(memory)) {}
  ring_memory memory_;
};

/// One of the sending ends of a queue.
///
/// *Semantics*: as `ring_sender`, over a lane of its own: what it sends is taken in its order. A
/// batch appears at once, and may be shared out. *Threads*: one at a time. *Errors*: those of
/// `ring_sender`; `broken_pipe` when all receivers that ever came are gone, if that is reported;
/// `device_or_resource_busy` when `max_senders` live. *Lifetime*: what it sent stays when it
/// leaves. *Crash*: killed at any instruction, a message was sent whole or not at all; who gets the
/// lane next goes on behind.
class ring_queue_sender {
 public:
  static constexpr channel_capabilities capabilities = ring_queue_capabilities;
  using window = basic_ring_window<ring_queue_sender>;

  [[nodiscard]] static result<ring_queue_sender> open(std::string_view name,
                                                      const ring_queue_end_options& options = {});
  /// Takes part in a queue that is open already; the queue stays the caller's.
  [[nodiscard]] static result<ring_queue_sender> attach(const ring_queue& queue,
                                                        const ring_queue_end_options& options = {});
  /// Takes part in a forked child, where the inherited end has none.
  [[nodiscard]] result<void> attach();

  [[nodiscard]] result<void> try_send(const_bytes message) {
    if (attachment_.is_inherited() || may_be_deserted() || !producer_.try_put(message)) [[unlikely]]
      return send_in_full(message);
    wake_one();
    return {};
  }
  /// Room for a message of at most `bytes`, to be written in place and committed.
  [[nodiscard]] result<window> try_claim(std::size_t bytes);
  /// Publishes what was claimed last, which may be used in part. Of the window.
  void commit(std::size_t bytes) noexcept {
    if (attachment_.is_inherited()) return;
    producer_.commit(bytes);
    wake_one();
  }
  /// As `try_send`, but nothing is seen before `publish`, and then all. What finds no room is an
  /// error whatever the policy: publish what there is, or give it up.
  [[nodiscard]] result<void> try_stage(const_bytes message);
  void publish() noexcept {
    if (attachment_.is_inherited()) return;
    producer_.publish();
    wake_one();
  }
  /// What was staged and not published was never sent.
  void discard_staged() noexcept {
    if (!attachment_.is_inherited()) producer_.discard_staged();
  }

  [[nodiscard]] result<void> wait_writable(deadline until);
  [[nodiscard]] result<void> send(const_bytes message, deadline until = deadline::never()) {
    return sluice::send(*this, message, until);
  }
  /// For poll(2) and epoll(7): readable (POLLIN) while a message is worth trying, until one finds
  /// no room. Made at the first call, which is `operation_not_permitted` in a forked child; stays
  /// ours.
  [[nodiscard]] result<int> poll_handle();
  /// Waits until there is a receiver that lives.
  [[nodiscard]] result<void> wait_for_peer(deadline until);
  /// Of the receivers: `alive` if one is; else what became of the last known.
  [[nodiscard]] result<ring_presence> peer();
  /// Us, for receivers to ask after.
  [[nodiscard]] ring_participant participant() const noexcept { return attachment_.self(); }
  /// Whether receivers live, and at each question for at least `since` one of our messages was the
  /// oldest that none of them had dealt with. Nothing is done about it.
  [[nodiscard]] result<bool> is_stalled(std::chrono::nanoseconds since);

  [[nodiscard]] std::size_t max_message_bytes() const noexcept {
    return producer_.written().max_message_bytes();
  }
  /// Of the whole queue.
  [[nodiscard]] ring_queue_counters counters() const noexcept;
  [[nodiscard]] const ring_statistics& statistics() const noexcept {
    return attachment_.statistics();
  }

 private:
  ring_queue_sender(ring_attachment attachment, const ring::producer& producer) noexcept;
  [[nodiscard]] static result<ring_queue_sender> over(result<ring_attachment> attachment);

  [[nodiscard]] result<void> send_in_full(const_bytes message);
  // Claims room, or says why there is none.
  [[nodiscard]] result<void> prepare(std::size_t bytes, std::byte*& room);
  [[nodiscard]] bool may_be_deserted() const noexcept {
    return shared_.words->deserted.load(std::memory_order_relaxed) != 0;
  }
  void wake_one() noexcept { attachment_.wake_one_of(shared_.words->sleepers, senders_); }
  [[nodiscard]] bool is_deserted() const noexcept;
  void find_room() noexcept;
  [[nodiscard]] result<void> refuse(std::size_t bytes) const;
  [[nodiscard]] result<void> report_full(std::size_t bytes);
  [[nodiscard]] bool is_worth_trying();
  [[nodiscard]] result<bool> notice();

  ring_attachment attachment_;
  ring::producer producer_;
  ring::queue_view shared_;
  std::uint32_t senders_;  // the receivers' slots come behind theirs
  bool reports_departure_;
  ring_full when_full_;
  std::size_t wanted_bytes_ = 0;  // of the message that found no room last
  std::uint64_t dropped_;
};

/// One of the receiving ends of a queue.
///
/// *Semantics*: takes a few messages at once, which are its own, and hands them out one after the
/// other; from lane to lane in turn. `try_peek` shows the next where it lies until the view is
/// released; `try_receive` copies it. *Threads*: one at a time. *Errors*: `errc::closed` when all
/// senders that ever came have left in order and every message was dealt with, `connection_reset`
/// once when one of them died, if that is reported; `no_buffer_space` leaves the message;
/// `errc::corrupt` for what no library of ours can have written, from then on always;
/// `device_or_resource_busy` when `max_receivers` live. *Lifetime*: what it took and did not deal
/// with goes to others when it leaves. *Crash*: as `ring_delivery` says, by the first receiver that
/// waits or comes. Stopped, it keeps what it took, and all others go on; stopped in the few
/// instructions of taking it also keeps the rest of that lane.
class ring_queue_receiver {
 public:
  static constexpr channel_capabilities capabilities = ring_queue_capabilities;
  using view = basic_ring_view<ring_queue_receiver>;

  [[nodiscard]] static result<ring_queue_receiver> open(std::string_view name,
                                                        const ring_queue_end_options& options = {});
  [[nodiscard]] static result<ring_queue_receiver> attach(
      const ring_queue& queue, const ring_queue_end_options& options = {});
  [[nodiscard]] result<void> attach();

  ring_queue_receiver(ring_queue_receiver&& other) noexcept = default;
  ring_queue_receiver& operator=(ring_queue_receiver&& other) noexcept;
  ~ring_queue_receiver() { leave(); }

  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes buffer) {
    const_bytes message;
    result<std::size_t> outcome = look(message);
    if (!outcome || *outcome > buffer.size()) [[unlikely]]
      return outcome ? too_small() : outcome;
    ring::copy_message(buffer.data(), message.data(), message.size());
    release();
    return outcome;
  }
  /// The next message where it lies; the same one again until it is released.
  [[nodiscard]] result<view> try_peek();
  /// The message looked at last has been dealt with. Of the view.
  void release() noexcept {
    if (attachment_.is_inherited()) return;
    range_.release();
    if (range_.is_empty()) end_range();
    attachment_.wake(attachment_.memory().slot(lane_));
  }
  [[nodiscard]] result<std::size_t> next_size() {
    const_bytes message;
    return look(message);
  }

  [[nodiscard]] result<void> wait_readable(deadline until);
  /// Waits as `wait_readable` spins, without a system call: before the look that arms.
  [[nodiscard]] bool linger();
  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer,
                                            deadline until = deadline::never()) {
    return sluice::receive(*this, buffer, until);
  }
  /// What is there now, one after the other.
  [[nodiscard]] ring_drain<ring_queue_receiver> drain() noexcept {
    return ring_drain<ring_queue_receiver>{*this};
  }
  /// For poll(2) and epoll(7): readable while a look is worth it, until one says that it would
  /// block. Made at the first call, which is `operation_not_permitted` in a forked child; stays
  /// ours. What is there for others, too, makes all of those readable that are polled;
  /// a death does within the longest sleep.
  [[nodiscard]] result<int> poll_handle();
  /// Waits until there is a sender that lives.
  [[nodiscard]] result<void> wait_for_peer(deadline until);
  [[nodiscard]] result<ring_presence> peer();
  [[nodiscard]] result<ring_presence> presence_of(ring_participant sender) {
    return attachment_.look_at_sender(sender);
  }

  /// Of the whole queue.
  [[nodiscard]] ring_queue_counters counters() const noexcept;
  [[nodiscard]] const ring_statistics& statistics() const noexcept {
    return attachment_.statistics();
  }

 private:
  ring_queue_receiver(ring_attachment attachment, std::uint32_t take_at_most) noexcept;
  [[nodiscard]] static result<ring_queue_receiver> attach(ring_memory memory,
                                                          const ring_queue_end_options& options);
  [[nodiscard]] static result<ring_queue_receiver> over(result<ring_attachment> attachment,
                                                        std::uint32_t take_at_most);

  [[nodiscard]] result<std::size_t> look(const_bytes& message) {
    if (!attachment_.is_inherited()) [[likely]] {
      const ring::found seen = range_.try_peek(message);
      if (seen == ring::found::message) [[likely]]
        return message.size();
      return look_further(seen, message);
    }
    return ring_attachment::refused("ring_queue_receiver");
  }
  [[nodiscard]] result<std::size_t> look_further(ring::found seen, const_bytes& message);
  [[nodiscard]] failure would_block();
  [[nodiscard]] static result<std::size_t> too_small();
  [[nodiscard]] ring::take_outcome take();
  [[nodiscard]] bool is_any_there() const noexcept;
  [[nodiscard]] bool is_over() const noexcept;
  void end_range() noexcept;
  [[nodiscard]] bool is_worth_looking() const noexcept;
  [[nodiscard]] result<bool> notice();
  [[nodiscard]] result<void> arm();
  [[nodiscard]] result<bool> see_to_others();
  bool see_to(std::uint32_t receiver);
  void leave() noexcept;

  ring_attachment attachment_;
  ring::queue_view shared_;
  ring::range_reader range_;
  std::uint32_t lane_ = 0;  // that the range is of, or the last one was
  std::uint32_t me_;        // the slot's number among the receivers'
  std::uint32_t holder_;  // in whose slot the range stands: ours, or that of somebody who has gone
  std::uint32_t take_at_most_;
  bool reports_departure_;
  bool redelivers_;
  bool is_corrupt_ = false;
  bool told_of_death_ = false;
};

static_assert(message_sender<ring_queue_sender> && message_receiver<ring_queue_receiver>);

}  // namespace sluice
