#pragma once
// Sending half of framed messages: one system call for header and payload.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/compose/frame_header.hpp>
#include <utility>
#include <vector>

namespace sluice {

/// Sends messages over a byte stream that this object owns.
///
/// *Semantics*: one system call for header and payload. A message that has begun is accepted: what
/// the stream could not take yet is kept here and goes out before anything else, with the next
/// send, `wait_writable` or `flush`. *Threads*: one thread at a time. *Errors*: `message_size`
/// above the maximum; those of the stream. *Lifetime*: a message kept here when the sender goes
/// arrives torn, and the receiver reports it, so `flush` first. *Crash*: as if the stream ended
/// there: whole frames arrive, a torn one is reported as `errc::corrupt`.
template <byte_writer Writer>
class framed_sender {
 public:
  static constexpr const channel_capabilities& capabilities = framed_capabilities<Writer>;

  [[nodiscard]] static result<framed_sender> create(Writer writer,
                                                    const frame_options& options = {}) {
    if (options.max_message_bytes > frame_header::max_payload_bytes)
      return failure{std::errc::invalid_argument, "framed_sender::create",
                     "max_message_bytes is at most 2^31-1"};
    return framed_sender{std::move(writer), options};
  }

  [[nodiscard]] result<void> try_send(const_bytes message) { return send_frame(message, false); }
  [[nodiscard]] result<void> send_waiting(const_bytes message)
    requires waiting_writer<Writer>
  {
    return send_frame(message, true);
  }
  /// Also sends what is kept here.
  [[nodiscard]] result<void> wait_writable(deadline until) {
    if (!kept_.empty()) return flush(until);
    return writer_.wait_writable(until);
  }

  /// After success the stream has taken the whole message, unless the deadline passed inside it:
  /// then the rest is kept here.
  [[nodiscard]] result<void> send(const_bytes message, deadline until = deadline::never()) {
    auto sent = sluice::send(*this, message, until);
    if (sent && !kept_.empty()) [[unlikely]] {
      auto flushed = flush(until);
      if (!flushed && !(flushed.error() == std::errc::timed_out)) sent = flushed;
    }
    return sent;
  }
  /// Waits until the stream has taken all that was accepted.
  [[nodiscard]] result<void> flush(deadline until = deadline::never()) {
    return retry_until(
        until, [&] { return write_kept(until.is_never()); },
        [&](deadline d) { return writer_.wait_writable(d); });
  }

  [[nodiscard]] std::size_t max_message_bytes() const noexcept {
    return options_.max_message_bytes;
  }
  [[nodiscard]] Writer& stream() noexcept { return writer_; }
  [[nodiscard]] int native_handle() const noexcept
    requires requires(const Writer& w) { w.native_handle(); }
  {
    return writer_.native_handle();
  }

 private:
  framed_sender(Writer writer, const frame_options& options)
      : writer_(std::move(writer)), options_(options) {}

  result<std::size_t> write(byte_parts parts, bool may_wait) {
    if constexpr (waiting_writer<Writer>) {
      if (may_wait) return writer_.write_waiting(parts);
    }
    return writer_.try_write(parts);
  }

  result<void> send_frame(const_bytes message, bool may_wait) {
    if (message.size() > options_.max_message_bytes)
      return failure{std::errc::message_size, "framed_sender::send",
                     "the message exceeds frame_options::max_message_bytes"};
    if (!kept_.empty()) [[unlikely]] {
      if (auto flushed = write_kept(may_wait); !flushed) return flushed;
    }
    const auto header = frame_header::encode(static_cast<std::uint32_t>(message.size()));
    const std::array<const_bytes, 2> parts{const_bytes{header}, message};
    auto taken = write(parts, may_wait);
    if (taken && *taken == header.size() + message.size()) [[likely]]
      return {};
    if (!taken) return failure{taken.error()};
    keep_rest(header, message, *taken);
    if (!may_wait) return {};  // accepted; the rest goes out with the next call
    auto flushed = write_kept(true);
    if (!flushed && would_block(flushed.error())) return {};
    return flushed;
  }

  result<void> write_kept(bool may_wait) {
    while (!kept_.empty()) {
      const const_bytes rest = const_bytes{kept_}.subspan(kept_sent_);
      auto taken = write(byte_parts{&rest, 1}, may_wait);
      if (!taken) return failure{taken.error()};
      kept_sent_ += *taken;
      if (kept_sent_ == kept_.size()) kept_.clear();
    }
    return {};
  }

  void keep_rest(const_bytes header, const_bytes message, std::size_t sent) {
    kept_.resize(header.size() + message.size() - sent);
    const std::size_t of_header = std::min(sent, header.size());
    const std::size_t copied = copy_bytes(header.subspan(of_header), kept_);
    copy_bytes(message.subspan(sent - of_header), mutable_bytes{kept_}.subspan(copied));
    kept_sent_ = 0;
  }

  Writer writer_;
  frame_options options_;
  std::vector<std::byte> kept_;  // the rest of a frame that has begun
  std::size_t kept_sent_ = 0;
};

}  // namespace sluice
