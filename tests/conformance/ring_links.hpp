#pragma once
// Rings in the shape of the suites. A role in a ring belongs to one process, and the suites make
// both ends before they give one of them away; so an end here takes its role when it is first used,
// or when `attach` says that it has arrived where it stays.

#include <unistd.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/channel/ring_publisher.hpp>
#include <sluice/channel/ring_queue.hpp>
#include <sluice/channel/ring_subscriber.hpp>
#include <utility>

#include "conformance/message_links.hpp"
#include "support/isolation.hpp"

namespace sluice::test {

/// `survives`: whether this ring has a name, and so neither end nor death are told.
template <class Ring, class End, bool survives>
class late_end {
 public:
  static constexpr channel_capabilities capabilities = [] {
    channel_capabilities stated = End::capabilities;
    stated.survives_processes = survives;
    return stated;
  }();

  explicit late_end(std::shared_ptr<const Ring> ring) : ring_(std::move(ring)) {}
  late_end(late_end&&) noexcept = default;
  late_end& operator=(late_end&&) noexcept = default;
  /// Who never used it leaves nevertheless: the other side waits for that. In a forked child it is
  /// the parent's.
  ~late_end() {
    if (ring_ && !end_ && maker_ == ::getpid()) static_cast<void>(End::attach(*ring_));
  }

  result<void> attach() {
    end_.reset();
    auto made = End::attach(*ring_);
    if (!made) return failure{made.error()};
    end_.emplace(std::move(*made));
    return {};
  }

  /// Takes its role if it has none yet.
  result<void> arrive() {
    auto end = attached();
    return end ? result<void>{} : result<void>{failure{end.error()}};
  }

  result<void> try_send(const_bytes message) {
    auto end = attached();
    return end ? (*end)->try_send(message) : result<void>{failure{end.error()}};
  }
  result<void> wait_writable(deadline until) {
    auto end = attached();
    return end ? (*end)->wait_writable(until) : result<void>{failure{end.error()}};
  }
  result<void> send(const_bytes message, deadline until = deadline::never()) {
    return sluice::send(*this, message, until);
  }
  auto try_claim(std::size_t bytes)
    requires requires(End& end) { end.try_claim(bytes); }
  {
    return (*attached())->try_claim(bytes);
  }
  [[nodiscard]] std::size_t max_message_bytes() const { return ring_->max_message_bytes(); }

  result<std::size_t> try_receive(mutable_bytes buffer) {
    auto end = attached();
    return end ? (*end)->try_receive(buffer) : result<std::size_t>{failure{end.error()}};
  }
  result<std::size_t> next_size() {
    auto end = attached();
    return end ? (*end)->next_size() : result<std::size_t>{failure{end.error()}};
  }
  result<void> wait_readable(deadline until) {
    auto end = attached();
    return end ? (*end)->wait_readable(until) : result<void>{failure{end.error()}};
  }
  result<std::size_t> receive(mutable_bytes buffer, deadline until = deadline::never()) {
    return sluice::receive(*this, buffer, until);
  }

  result<int> poll_handle()
    requires requires(End& end) { end.poll_handle(); }
  {
    auto end = attached();
    return end ? (*end)->poll_handle() : result<int>{failure{end.error()}};
  }

 private:
  result<End*> attached() {
    if (!end_) {
      if (auto made = attach(); !made) return failure{made.error()};
    }
    return &*end_;
  }
  std::shared_ptr<const Ring> ring_;
  pid_t maker_ = ::getpid();
  std::optional<End> end_;
};

/// A ring that takes messages of `max_message_bytes`, with both of its ends.
template <class Ring, class Sender, class Receiver, bool named>
struct ring_link {
  using sender_type = late_end<Ring, Sender, named>;
  using receiver_type = late_end<Ring, Receiver, named>;

  // With its header the largest message takes half of the ring: so there is room for some more.
  static constexpr std::size_t largest_message_bytes =
      2 * usual_max_message_bytes - ring::record_header::size_bytes;
  explicit ring_link(std::size_t max_message_bytes = usual_max_message_bytes)
      : ring_(std::make_shared<const Ring>(make(max_message_bytes))) {}
  [[nodiscard]] sender_type another_sender() const { return sender_type{ring_}; }
  [[nodiscard]] receiver_type another_receiver() const { return receiver_type{ring_}; }

 private:
  static Ring make(std::size_t max_message_bytes) {
    std::size_t capacity = 4096;
    while (capacity / 2 - ring::record_header::size_bytes < max_message_bytes) capacity *= 2;
    if constexpr (named) {
      return Ring::create(unique_name(), {.capacity_bytes = capacity}).value();
    } else {
      return Ring::create_anonymous({.capacity_bytes = capacity}).value();
    }
  }
  std::shared_ptr<const Ring> ring_;

 public:
  std::optional<sender_type> sender = another_sender();
  std::optional<receiver_type> receiver = another_receiver();
};

struct ring_channel_link : ring_link<ring_channel, ring_sender, ring_receiver, false> {
  static constexpr const char* name = "ring_channel";
  using ring_link::ring_link;
};
struct named_ring_channel_link : ring_link<ring_channel, ring_sender, ring_receiver, true> {
  static constexpr const char* name = "named_ring_channel";
  using ring_link::ring_link;
};

struct ring_queue_link : ring_link<ring_queue, ring_queue_sender, ring_queue_receiver, false> {
  static constexpr const char* name = "ring_queue";
  using ring_link::ring_link;
};
struct named_ring_queue_link : ring_link<ring_queue, ring_queue_sender, ring_queue_receiver, true> {
  static constexpr const char* name = "named_ring_queue";
  using ring_link::ring_link;
};

/// A topic with one subscriber. It joins at once, as it must to hold the publisher up; so its ends
/// stay in this process.
struct ring_topic_link {
  static constexpr const char* name = "ring_topic";
  using sender_type = ring_publisher;
  using receiver_type = ring_subscriber;
  static constexpr std::size_t largest_message_bytes = ring_channel_link::largest_message_bytes;

  explicit ring_topic_link(std::size_t max_message_bytes = usual_max_message_bytes)
      : topic_(
            ring_topic::create(unique_name(), {.capacity_bytes = 4 * max_message_bytes}).value()) {}

 private:
  ring_topic topic_;

 public:
  std::optional<sender_type> sender = ring_publisher::attach(topic_).value();
  std::optional<receiver_type> receiver = ring_subscriber::attach(topic_).value();
};

}  // namespace sluice::test
