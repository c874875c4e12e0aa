#pragma once
// Messages of a ring where they lie: the window in which one is written, the view of one that is
// read, and the loop over all that are there.

#include <cassert>
#include <cstddef>
#include <iterator>
#include <sluice/base/bytes.hpp>
#include <sluice/base/result.hpp>
#include <utility>

namespace sluice {

/// Room for one message in a ring.
///
/// *Semantics*: written in place, then committed, whole or in part; without that nothing was sent.
/// *Threads*: that of its sender. *Errors*: none; committing twice, or more than was claimed, is a
/// bug. *Lifetime*: until its sender claims or sends again; the sender must stay where it is.
/// *Crash*: leaves no trace.
template <class Sender>
class basic_ring_window {
 public:
  basic_ring_window(Sender& sender, mutable_bytes room) noexcept : sender_(&sender), room_(room) {}
  basic_ring_window(basic_ring_window&& other) noexcept
      : sender_(std::exchange(other.sender_, nullptr)), room_(other.room_) {}
  basic_ring_window& operator=(basic_ring_window&& other) noexcept {
    sender_ = std::exchange(other.sender_, nullptr);
    room_ = other.room_;
    return *this;
  }
  ~basic_ring_window() = default;

  /// Aligned to 8 bytes.
  [[nodiscard]] mutable_bytes bytes() const noexcept { return room_; }
  void commit() noexcept { commit(room_.size()); }
  void commit(std::size_t bytes) noexcept {
    assert(sender_ != nullptr && bytes <= room_.size());
    std::exchange(sender_, nullptr)->commit(bytes);
  }

 private:
  Sender* sender_;
  mutable_bytes room_;
};

/// A message of a ring where it lies.
///
/// *Semantics*: released when it goes, unless it was put back: then it comes again. *Threads*: that
/// of its receiver. *Errors*: none. *Lifetime*: the bytes until it is released; the receiver must
/// stay where it is. *Crash*: the message comes again to a successor.
template <class Receiver>
class basic_ring_view {
 public:
  basic_ring_view(Receiver& receiver, const_bytes message) noexcept
      : receiver_(&receiver), message_(message) {}
  basic_ring_view(basic_ring_view&& other) noexcept
      : receiver_(std::exchange(other.receiver_, nullptr)), message_(other.message_) {}
  basic_ring_view& operator=(basic_ring_view&& other) noexcept {
    if (this == &other) return *this;
    release();
    receiver_ = std::exchange(other.receiver_, nullptr);
    message_ = other.message_;
    return *this;
  }
  ~basic_ring_view() { release(); }

  [[nodiscard]] const_bytes bytes() const noexcept { return message_; }
  /// Gives the room back now.
  void release() noexcept {
    if (receiver_ != nullptr) std::exchange(receiver_, nullptr)->release();
  }
  /// The message was not dealt with: the next look finds it again.
  void put_back() noexcept { receiver_ = nullptr; }

 private:
  Receiver* receiver_;
  const_bytes message_;
};

/// The messages that are there now, as a range; each is released before the next is looked at.
///
/// *Semantics*: ends where the receiver would have to wait or has an error to report: ask it.
/// *Threads*, *Errors*, *Lifetime*, *Crash*: those of the views.
template <class Receiver>
class ring_drain {
 public:
  explicit ring_drain(Receiver& receiver) noexcept : receiver_(&receiver) {}

  class iterator {
   public:
    using view = basic_ring_view<Receiver>;
    explicit iterator(Receiver& receiver) : receiver_(&receiver), current_(receiver.try_peek()) {}
    [[nodiscard]] view& operator*() noexcept { return *current_; }
    iterator& operator++() {
      current_->release();
      current_ = receiver_->try_peek();
      return *this;
    }
    friend bool operator==(const iterator& at, std::default_sentinel_t) noexcept {
      return !at.current_.has_value();
    }

   private:
    Receiver* receiver_;
    result<view> current_;
  };

  [[nodiscard]] iterator begin() const { return iterator{*receiver_}; }
  [[nodiscard]] std::default_sentinel_t end() const noexcept { return {}; }

 private:
  Receiver* receiver_;
};

class ring_sender;
class ring_receiver;
using ring_window = basic_ring_window<ring_sender>;
using ring_view = basic_ring_view<ring_receiver>;

}  // namespace sluice
