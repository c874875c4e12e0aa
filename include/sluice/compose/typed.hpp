#pragma once
// Values instead of bytes, over any message channel. Each message starts with the eight bytes of
// the type's hash, so that a peer that means another type is told (`errc::incompatible`) instead
// of misread. How values become bytes: base/codec.hpp.

#include <array>
#include <cstddef>
#include <cstdint>
#include <sluice/base/codec.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/channel/blocking.hpp>
#include <utility>
#include <vector>

namespace sluice {

/// What stands before each value: the hash of its type, little-endian.
struct type_header {
  static constexpr std::size_t size_bytes = 8;
  static void encode(std::uint64_t hash, mutable_bytes into) noexcept;
  /// `errc::corrupt` when the message is too short for it, `errc::incompatible` on another type.
  [[nodiscard]] static result<void> check(std::uint64_t expected, const_bytes message) noexcept;
};

/// Sends values of T over a message sender that this object owns.
///
/// *Semantics*: one message per value; blocks, fails and keeps as the sender does. *Threads*: one
/// thread at a time. *Errors*: those of the sender. *Lifetime*: the sender's. *Crash*: the
/// sender's.
template <encodable T, message_sender Sender>
class typed_sender {
 public:
  explicit typed_sender(Sender sender) noexcept : sender_(std::move(sender)) {}

  [[nodiscard]] result<void> try_send(const T& value) { return sender_.try_send(encode(value)); }
  [[nodiscard]] result<void> wait_writable(deadline until) { return sender_.wait_writable(until); }
  [[nodiscard]] result<void> send(const T& value, deadline until = deadline::never()) {
    // The channel's own send knows how to finish a message that has begun.
    if constexpr (requires { sender_.send(const_bytes{}, until); }) {
      return sender_.send(encode(value), until);
    } else {
      return sluice::send(sender_, encode(value), until);
    }
  }

  [[nodiscard]] Sender& channel() noexcept { return sender_; }

 private:
  const_bytes encode(const T& value) {
    const std::size_t size = codec<T>::encoded_size(value);
    message_.resize(type_header::size_bytes + size);
    type_header::encode(type_hash<T>(), message_);
    codec<T>::encode(value, mutable_bytes{message_}.subspan(type_header::size_bytes));
    return message_;
  }

  Sender sender_;
  std::vector<std::byte> message_;  // reused: no allocation once the largest value was sent
};

/// Receives values of T over a message receiver that this object owns.
///
/// *Semantics*: a message that is no T is taken and reported, so that the next one can be
/// received. *Threads*: one thread at a time. *Errors*: `errc::incompatible` for a message of
/// another type, `errc::corrupt` for one that cannot be decoded, those of the receiver.
/// *Lifetime*: the receiver's. *Crash*: the receiver's.
template <encodable T, message_receiver Receiver>
class typed_receiver {
 public:
  explicit typed_receiver(Receiver receiver) noexcept : receiver_(std::move(receiver)) {}

  [[nodiscard]] result<T> try_receive() {
    for (;;) {
      auto size = receiver_.try_receive(message_);
      if (size) return decode(const_bytes{message_}.first(*size));
      if (!(size.error() == std::errc::no_buffer_space)) return failure{size.error()};
      auto needed = receiver_.next_size();
      if (!needed) return failure{needed.error()};
      message_.resize(*needed);
    }
  }
  [[nodiscard]] result<void> wait_readable(deadline until) {
    return receiver_.wait_readable(until);
  }
  [[nodiscard]] result<T> receive(deadline until = deadline::never()) {
    return retry_until(
        until, [&] { return try_receive(); },
        [&](deadline d) { return receiver_.wait_readable(d); });
  }

  [[nodiscard]] Receiver& channel() noexcept { return receiver_; }

 private:
  static result<T> decode(const_bytes message) {
    if (auto checked = type_header::check(type_hash<T>(), message); !checked)
      return failure{checked.error()};
    return codec<T>::decode(message.subspan(type_header::size_bytes));
  }

  Receiver receiver_;
  std::vector<std::byte> message_{type_header::size_bytes + 64};  // grows to the largest message
};

}  // namespace sluice
