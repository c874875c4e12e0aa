#pragma once
// The hardened ring in the shape of the suites. A side belongs to the process that made it, and the
// suites make both ends before they give one of them away; so an end here makes its side when it is
// first used, or when `attach` says that it has arrived where it stays, and sends its descriptor to
// the other, whom it connects to when that one's has come.

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <sluice/channel/hardened_ring.hpp>
#include <utility>

#include "conformance/message_links.hpp"
#include "support/handle_passing.hpp"
#include "support/shared_array.hpp"

namespace sluice::test {

/// What both ends know of each other before they meet.
struct hardened_meeting {
  explicit hardened_meeting(std::size_t capacity) : capacity_bytes(capacity) {}
  std::size_t capacity_bytes;
  handle_passage passages[2];  // what a sender, what a receiver has sent
  shared_array roles{2};       // 1: somebody has it
};

template <class End>
class late_hardened_end {
  static constexpr bool is_sender = message_sender<End>;
  static constexpr std::size_t role = is_sender ? 0 : 1;

 public:
  static constexpr channel_capabilities capabilities = End::capabilities;

  explicit late_hardened_end(std::shared_ptr<const hardened_meeting> meeting)
      : meeting_(std::move(meeting)) {}
  late_hardened_end(late_hardened_end&&) noexcept = default;
  late_hardened_end& operator=(late_hardened_end&&) noexcept = default;
  /// Who never used it leaves nevertheless. In a forked child it is the parent's.
  ~late_hardened_end() {
    if (meeting_ && !end_ && maker_ == ::getpid()) static_cast<void>(attach());
  }

  result<void> attach() {
    if (meeting_->roles[role].exchange(1) != 0)
      return failure{std::errc::device_or_resource_busy, "late_hardened_end", "the role is taken"};
    auto made = make();
    if (!made) return failure{made.error()};
    meeting_->passages[role].send(made->native_handle());
    end_.emplace(std::move(*made));
    return {};
  }
  result<void> arrive() {
    auto end = attached();
    return end ? result<void>{} : result<void>{failure{end.error()}};
  }

  result<void> try_send(const_bytes message) {
    auto end = attached();
    return end ? (*end)->try_send(message) : result<void>{failure{end.error()}};
  }
  result<void> wait_writable(deadline until) {
    return wait(until, [&](End& end) { return end.wait_writable(until); });
  }
  result<void> send(const_bytes message, deadline until = deadline::never()) {
    return sluice::send(*this, message, until);
  }
  auto try_claim(std::size_t bytes)
    requires requires(End& end) { end.try_claim(bytes); }
  {
    return (*attached())->try_claim(bytes);
  }
  [[nodiscard]] std::size_t max_message_bytes() const {
    return ring::untrusted_log::max_message_bytes_of(meeting_->capacity_bytes);
  }

  result<std::size_t> try_receive(mutable_bytes buffer) {
    return receive_by([&](End& end) { return end.try_receive(buffer); });
  }
  result<std::size_t> next_size() {
    return receive_by([](End& end) { return end.next_size(); });
  }
  result<void> wait_readable(deadline until) {
    return wait(until, [&](End& end) { return end.wait_readable(until); });
  }
  result<std::size_t> receive(mutable_bytes buffer, deadline until = deadline::never()) {
    return sluice::receive(*this, buffer, until);
  }

 private:
  [[nodiscard]] result<End> make() const {
    if constexpr (is_sender) {
      return End::create({.capacity_bytes = meeting_->capacity_bytes});
    } else {
      return End::create();
    }
  }
  // Connected, if the other one has been there.
  result<End*> attached(int milliseconds = 0) {
    if (!end_) {
      if (auto made = attach(); !made) return failure{made.error()};
    }
    if (!is_connected_) {
      if (auto fd = meeting_->passages[1 - role].receive(milliseconds)) {
        if (auto made = end_->connect(std::move(*fd)); !made) return failure{made.error()};
        is_connected_ = true;
      }
    }
    return &*end_;
  }
  template <class Body>
  result<std::size_t> receive_by(Body body) {
    auto end = attached();
    if (!end) return failure{end.error()};
    auto got = body(**end);
    if (!got && got.error() == std::errc::not_connected)
      return failure{std::errc::resource_unavailable_try_again, "late_hardened_end"};
    return got;
  }
  // Before it knows the other one, it waits for that.
  template <class Body>
  result<void> wait(deadline until, Body body) {
    for (;;) {
      auto end = attached();
      for (; end && !is_connected_ && !until.has_passed();) end = attached(1);
      if (!end) return failure{end.error()};
      auto waited = body(**end);
      if (waited || waited.error() != std::errc::not_connected) return waited;
      if (until.has_passed()) return failure{std::errc::timed_out, "late_hardened_end"};
    }
  }

  std::shared_ptr<const hardened_meeting> meeting_;
  pid_t maker_ = ::getpid();
  bool is_connected_ = false;
  std::optional<End> end_;
};

/// A hardened ring that takes messages of `max_message_bytes`, with both of its ends.
template <class Sender, class Receiver>
struct hardened_link {
  using sender_type = late_hardened_end<Sender>;
  using receiver_type = late_hardened_end<Receiver>;

  static constexpr std::size_t largest_message_bytes =
      2 * usual_max_message_bytes - ring::record_header::size_bytes;
  explicit hardened_link(std::size_t max_message_bytes = usual_max_message_bytes)
      : meeting_(std::make_shared<const hardened_meeting>(capacity_for(max_message_bytes))) {}
  [[nodiscard]] sender_type another_sender() const { return sender_type{meeting_}; }
  [[nodiscard]] receiver_type another_receiver() const { return receiver_type{meeting_}; }

 private:
  static std::size_t capacity_for(std::size_t max_message_bytes) {
    std::size_t capacity = 4096;
    while (ring::untrusted_log::max_message_bytes_of(capacity) < max_message_bytes) capacity *= 2;
    return capacity;
  }
  std::shared_ptr<const hardened_meeting> meeting_;

 public:
  std::optional<sender_type> sender = another_sender();
  std::optional<receiver_type> receiver = another_receiver();
};

struct hardened_ring_link : hardened_link<hardened_sender, hardened_receiver> {
  static constexpr const char* name = "hardened_ring";
  using hardened_link::hardened_link;
};

}  // namespace sluice::test
