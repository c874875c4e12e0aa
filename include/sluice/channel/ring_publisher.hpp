#pragma once
// The publishing end of a topic in shared memory (ring_topic.hpp).

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <sluice/base/concepts.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/channel/ring_topic.hpp>
#include <sluice/channel/ring_window.hpp>
#include <sluice/ring/publisher.hpp>
#include <string_view>

namespace sluice {

/// One of the publishers of a topic.
///
/// *Semantics*: each message reaches every subscriber; `try_claim` and `commit` write it where it
/// will be read, `try_send` copies it there; several at once by `try_stage` and `publish`. Nobody
/// subscribed is no error, and blocks nobody. Where the oldest is overwritten, subscribers may look
/// at what is written in place just then: they never use it, but to the language it is a race.
/// *Threads*: one at a time. *Errors*: `message_size` above the maximum; when there is no room as
/// the topic says; `operation_not_permitted` in a forked child; `device_or_resource_busy` when
/// living publishers have all places. *Lifetime*: what was sent stays when it goes. *Crash*: killed
/// at any instruction, a message was sent whole or not at all; a successor goes on behind.
class ring_publisher {
 public:
  static constexpr channel_capabilities capabilities = ring_topic_capabilities;

  [[nodiscard]] static result<ring_publisher> open(std::string_view name,
                                                   const ring_end_options& options = {});
  /// Takes part in a topic that is open already; the topic stays the caller's.
  [[nodiscard]] static result<ring_publisher> attach(const ring_topic& topic,
                                                     const ring_end_options& options = {});
  /// Takes part in a forked child, where the inherited end has none.
  [[nodiscard]] result<void> attach();

  [[nodiscard]] result<void> try_send(const_bytes message) {
    std::byte* const room = claim(message.size());
    if (room == nullptr) [[unlikely]]
      return refuse(message.size());
    publisher_.fill(room, message);
    commit(message.size());
    return {};
  }
  /// Room for a message of at most `bytes`, to be written in place and committed.
  [[nodiscard]] result<basic_ring_window<ring_publisher>> try_claim(std::size_t bytes);
  /// Publishes what was claimed last, which may be used in part. Of the window.
  void commit(std::size_t bytes) noexcept {
    publisher_.commit(bytes);
    wake_subscribers();
  }
  /// As `try_send`, but nobody sees anything before `publish`, and then all of it. Without room for
  /// what is staged and more, `would_block` or `no_buffer_space`: publish first.
  [[nodiscard]] result<void> try_stage(const_bytes message);
  void publish() noexcept {
    publisher_.publish();
    wake_subscribers();
  }
  /// What was staged and not published was never sent.
  void discard_staged() noexcept { publisher_.discard_staged(); }

  /// Waits until there is room for the message that found none last.
  [[nodiscard]] result<void> wait_writable(deadline until);
  [[nodiscard]] result<void> send(const_bytes message, deadline until = deadline::never()) {
    return sluice::send(*this, message, until);
  }
  /// For poll(2) and epoll(7): readable (POLLIN) while a message is worth trying, until one finds
  /// no room. Made at the first call, which is `operation_not_permitted` in a forked child; stays
  /// ours.
  [[nodiscard]] result<int> poll_handle();
  /// Waits until somebody has subscribed: the next message will reach it.
  [[nodiscard]] result<void> wait_for_peer(deadline until);
  /// Us, for subscribers to ask after.
  [[nodiscard]] ring_participant participant() const noexcept { return attachment_.self(); }

  /// Whether a subscriber lives for which we must keep messages and which, at each question for at
  /// least `since`, stood at the same one. Nothing is done about it; who died holds nobody up.
  [[nodiscard]] result<bool> is_stalled(std::chrono::nanoseconds since);

  [[nodiscard]] std::size_t max_message_bytes() const noexcept {
    return publisher_.written().max_message_bytes();
  }
  [[nodiscard]] const ring_statistics& statistics() const noexcept {
    return attachment_.statistics();
  }

 private:
  ring_publisher(ring_attachment attachment, const ring::publisher& publisher) noexcept;
  [[nodiscard]] static result<ring_publisher> over(result<ring_attachment> attachment);

  [[nodiscard]] std::byte* claim(std::size_t bytes) noexcept {
    if (bytes > max_message_bytes() || attachment_.is_inherited()) [[unlikely]]
      return nullptr;
    return publisher_.try_claim(bytes);
  }
  void wake_subscribers() noexcept {
    if (attachment_.is_any_resting(*sleepers_)) [[unlikely]]
      wake_resting();
  }
  void wake_resting() noexcept;
  [[nodiscard]] failure refuse(std::size_t bytes);
  // Who has not read what lies before, and is dead, holds us up no longer.
  [[nodiscard]] result<void> look_for_deaths(ring::position up_to);
  void say_what_is_needed() noexcept;
  [[nodiscard]] bool is_worth_trying();
  [[nodiscard]] result<bool> notice();

  ring_attachment attachment_;
  ring::publisher publisher_;
  std::atomic<std::uint64_t>* sleepers_;
  ring_topic_policy when_full_;
  std::size_t wanted_bytes_ = 0;  // of the message that found no room last
  deadline next_look_ = deadline::now();
};

static_assert(message_sender<ring_publisher>);

}  // namespace sluice
