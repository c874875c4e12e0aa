#pragma once
// Receiving half of framed messages: reads ahead, checks each header, hands out whole messages.

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <optional>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/compose/frame_header.hpp>
#include <utility>

namespace sluice {

/// Receives messages over a byte stream that this object owns.
///
/// *Semantics*: reads ahead, so that many small messages cost one system call; `try_peek` shows a
/// message where it was read, without a copy. Memory is bounded by the maximum plus 64 KiB.
/// *Threads*: one thread at a time. *Errors*: `errc::closed` at the end of the stream between two
/// messages; `errc::corrupt` once when it ends inside one (a FIFO's next writer starts afresh), and
/// for ever when a header is wrong or its message longer than the maximum: the stream is out of
/// step and must be opened anew. *Lifetime*: what was read ahead goes with the object. *Crash*: as
/// *Lifetime*; a sender's death inside a message is the end of the stream inside one.
template <byte_reader Reader>
class framed_receiver {
 public:
  static constexpr const channel_capabilities& capabilities = framed_capabilities<Reader>;
  /// What one system call reads at the most beyond the message that is waited for.
  static constexpr std::size_t read_ahead_bytes = std::size_t{64} << 10;

  [[nodiscard]] static result<framed_receiver> create(Reader reader,
                                                      const frame_options& options = {}) {
    if (options.max_message_bytes > frame_header::max_payload_bytes)
      return failure{std::errc::invalid_argument, "framed_receiver::create",
                     "max_message_bytes is at most 2^31-1"};
    return framed_receiver{std::move(reader), options};
  }

  /// The next message without taking it: valid until the next verb.
  [[nodiscard]] result<const_bytes> try_peek() { return front_message(false); }
  /// As `try_peek`, waiting for it.
  [[nodiscard]] result<const_bytes> peek(deadline until = deadline::never()) {
    return retry_until(
        until, [&] { return front_message(until.is_never()); },
        [&](deadline d) { return wait_readable(d); });
  }
  /// Takes the message that a peek showed; does nothing if it showed none.
  void release() noexcept {
    if (auto message = buffered_message(); message && *message)
      begin_ += frame_header::size_bytes + (**message).size();
  }

  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes buffer) {
    return take(buffer, false);
  }
  [[nodiscard]] result<std::size_t> receive_waiting(mutable_bytes buffer)
    requires waiting_reader<Reader>
  {
    return take(buffer, true);
  }
  [[nodiscard]] result<std::size_t> next_size() {
    return try_peek().transform([](const_bytes message) { return message.size(); });
  }
  [[nodiscard]] result<void> wait_readable(deadline until) {
    if (auto message = buffered_message(); !message || *message) return {};
    return reader_.wait_readable(until);
  }

  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer,
                                            deadline until = deadline::never()) {
    return sluice::receive(*this, buffer, until);
  }

  [[nodiscard]] Reader& stream() noexcept { return reader_; }
  /// Readable when bytes came. What was read ahead does not show: drain with `try_receive` until
  /// it would block before waiting on this.
  [[nodiscard]] int native_handle() const noexcept
    requires requires(const Reader& r) { r.native_handle(); }
  {
    return reader_.native_handle();
  }

 private:
  framed_receiver(Reader reader, const frame_options& options)
      : reader_(std::move(reader)),
        max_message_bytes_(options.max_message_bytes),
        capacity_(frame_header::size_bytes + options.max_message_bytes + read_ahead_bytes),
        buffer_(std::make_unique_for_overwrite<std::byte[]>(capacity_)) {}

  const_bytes buffered() const noexcept { return {buffer_.get() + begin_, end_ - begin_}; }

  // The size of the frame in front with its header, as far as that is known: 0 before the header.
  result<std::size_t> frame_size() const {
    if (buffered().size() < frame_header::size_bytes) return std::size_t{0};
    auto length = frame_header::decode(buffered().first(frame_header::size_bytes));
    if (!length) return failure{length.error()};
    if (*length > max_message_bytes_)
      return failure{errc::corrupt, "framed_receiver",
                     "a frame is longer than frame_options::max_message_bytes"};
    return frame_header::size_bytes + *length;
  }

  // The message in front, if all of it has been read.
  result<std::optional<const_bytes>> buffered_message() const {
    auto size = frame_size();
    if (!size) return failure{size.error()};
    if (*size == 0 || buffered().size() < *size) return std::optional<const_bytes>{};
    return std::optional{buffered().first(*size).subspan(frame_header::size_bytes)};
  }

  result<const_bytes> front_message(bool may_wait) {
    for (;;) {
      auto message = buffered_message();
      if (!message) return failure{message.error()};
      if (*message) return **message;
      if (auto filled = read_more(*frame_size(), may_wait); !filled) return failure{filled.error()};
    }
  }

  result<std::size_t> take(mutable_bytes buffer, bool may_wait) {
    auto message = front_message(may_wait);
    if (!message) return failure{message.error()};
    if (message->size() > buffer.size())
      return failure{std::errc::no_buffer_space, "framed_receiver::receive",
                     "next_size() tells how large the buffer must be"};
    copy_bytes(*message, buffer);
    begin_ += frame_header::size_bytes + message->size();
    return message->size();
  }

  result<void> read_more(std::size_t frame_bytes, bool may_wait) {
    const std::size_t have = end_ - begin_;
    const std::size_t missing = frame_bytes > have ? frame_bytes - have : 0;
    const std::size_t wanted = std::max(missing, read_ahead_bytes);
    if (have == 0 || capacity_ - end_ < wanted) {
      // With something in the buffer this is rare, and moves only part of one frame.
      if (have != 0) std::memmove(buffer_.get(), buffer_.get() + begin_, have);
      begin_ = 0;
      end_ = have;
    }
    auto got = read({buffer_.get() + end_, std::min(wanted, capacity_ - end_)}, may_wait);
    if (!got && got.error() == errc::closed && have != 0) {
      begin_ = end_ = 0;
      return failure{errc::corrupt, "framed_receiver", "the stream ended inside a message"};
    }
    if (!got) return failure{got.error()};
    end_ += *got;
    return {};
  }

  result<std::size_t> read(mutable_bytes into, bool may_wait) {
    if constexpr (waiting_reader<Reader>) {
      if (may_wait) return reader_.read_waiting(into);
    }
    return reader_.try_read(into);
  }

  Reader reader_;
  std::size_t max_message_bytes_;
  std::size_t capacity_;
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t begin_ = 0;  // what was read and not yet taken: [begin_, end_)
  std::size_t end_ = 0;
};

}  // namespace sluice
