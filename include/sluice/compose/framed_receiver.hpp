#pragma once
// Receiving half of framed messages: reads ahead, checks each header, hands out whole messages.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/base/readiness.hpp>
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
    if (has_frame()) drop_frame();
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
    if (has_frame() || has_wrong_header()) return {};
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
  /// The descriptor, and whether something was read ahead.
  [[nodiscard]] result<readiness> receive_readiness()
    requires polled_natively<Reader>
  {
    return readiness{.descriptor = reader_.native_handle(),
                     .ahead = ahead_.share(has_frame() || has_wrong_header())};
  }

 private:
  framed_receiver(Reader reader, const frame_options& options)
      : reader_(std::move(reader)),
        max_message_bytes_(options.max_message_bytes),
        capacity_(line_bytes + frame_header::size_bytes + options.max_message_bytes +
                  read_ahead_bytes),
        buffer_(std::make_unique_for_overwrite<std::byte[]>(capacity_)),
        first_(before_a_line(buffer_.get())),
        begin_(first_),
        end_(first_) {}

  // Where a frame begins whose payload begins on a line. The kernel has the bytes of a message on
  // pages of its own, and copies some KiB of them half as fast to where a page would begin a few
  // bytes before; we copy them once more, from there.
  static constexpr std::size_t line_bytes = 64;
  static std::size_t before_a_line(const std::byte* buffer) noexcept {
    const auto payload = reinterpret_cast<std::uintptr_t>(buffer) + frame_header::size_bytes;
    return (line_bytes - payload % line_bytes) % line_bytes;
  }

  // Whether the frame in front is here as a whole; frame_bytes_ is its size then. Every message
  // passes here and through the next two, so they make no results.
  bool has_frame() noexcept {
    const std::size_t have = end_ - begin_;
    if (frame_bytes_ == 0 && have >= frame_header::size_bytes) {
      const auto length = frame_header::length_of(front());
      if (length && *length <= max_message_bytes_)
        frame_bytes_ = frame_header::size_bytes + *length;
    }
    return frame_bytes_ != 0 && have >= frame_bytes_;
  }
  const_bytes front_payload() const noexcept {
    return front().first(frame_bytes_).subspan(frame_header::size_bytes);
  }
  void drop_frame() noexcept {
    begin_ += frame_bytes_;
    frame_bytes_ = 0;
  }

  const_bytes front() const noexcept { return {buffer_.get() + begin_, end_ - begin_}; }
  // What has_frame() did not accept, although it is all there.
  bool has_wrong_header() const noexcept {
    return frame_bytes_ == 0 && end_ - begin_ >= frame_header::size_bytes;
  }

  result<const_bytes> front_message(bool may_wait) {
    while (!has_frame()) {
      if (auto filled = read_more(may_wait); !filled) return failure{filled.error()};
    }
    return front_payload();
  }

  result<std::size_t> take(mutable_bytes buffer, bool may_wait) {
    while (!has_frame()) {
      if (auto filled = read_more(may_wait); !filled) return failure{filled.error()};
    }
    const const_bytes message = front_payload();
    if (message.size() > buffer.size())
      return failure{std::errc::no_buffer_space, "framed_receiver::receive",
                     "next_size() tells how large the buffer must be"};
    drop_frame();
    return copy_bytes(message, buffer);
  }

  result<void> read_more(bool may_wait) {
    if (has_wrong_header()) return wrong_header();
    const std::size_t have = end_ - begin_;
    const std::size_t missing = frame_bytes_ > have ? frame_bytes_ - have : 0;
    const std::size_t wanted = std::max(missing, read_ahead_bytes);
    // To the front when there is no room, and as soon as that moves little: then reading goes on in
    // memory that is still in the nearest cache, not through all of the buffer.
    if (have <= (begin_ - first_) / 2 || capacity_ - end_ < wanted) {
      if (have != 0) std::memmove(buffer_.get() + first_, buffer_.get() + begin_, have);
      begin_ = first_;
      end_ = first_ + have;
    }
    auto got = read({buffer_.get() + end_, std::min(wanted, capacity_ - end_)}, may_wait);
    ahead_.note(got);
    if (!got && got.error() == errc::closed && have != 0) {
      begin_ = end_ = first_;
      frame_bytes_ = 0;
      return failure{errc::corrupt, "framed_receiver", "the stream ended inside a message"};
    }
    if (!got) return failure{got.error()};
    end_ += *got;
    return {};
  }

  result<void> wrong_header() const {
    auto length = frame_header::decode(front().first(frame_header::size_bytes));
    if (!length) return failure{length.error()};
    return failure{errc::corrupt, "framed_receiver",
                   "a frame is longer than frame_options::max_message_bytes"};
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
  std::size_t first_;  // where reading begins when nothing is left
  std::size_t begin_;  // what was read and not yet taken: [begin_, end_)
  std::size_t end_;
  std::size_t frame_bytes_ = 0;  // of the frame in front, with its header; 0: not looked at yet
  read_ahead_mark ahead_;
};

}  // namespace sluice
