#include <algorithm>
#include <sluice/channel/fifo_channel.hpp>
#include <vector>

#include "channel/fragment.hpp"
#include "os/syscall.hpp"

namespace sluice {

struct fifo_sender::state {
  fifo_writer writer;
  std::size_t max_message_bytes;
  std::uint64_t id;  // on the wire
  pid_t process;     // who draws a new id after fork
  std::uint32_t sequence = 0;
  // The rest of a message that has begun, and where in it the next fragment begins.
  std::vector<std::byte> kept = {};
  std::size_t kept_begin = 0;  // offset in the message of kept's first byte
  std::uint32_t kept_total = 0;

  result<void> send(const_bytes message, bool may_wait);
  result<void> send_kept(bool may_wait);
  result<std::size_t> send_fragments(const_bytes rest, std::size_t offset, std::uint32_t total,
                                     bool may_wait);
  result<void> become_ourselves();
};

// After fork two processes would send fragments under one id, and their messages would mix. Only
// messages of several fragments can, so only those pay for the question.
result<void> fifo_sender::state::become_ourselves() {
  const pid_t now = syscall::process_id();
  if (now == process) return {};
  auto fresh = syscall::random_number();
  if (!fresh) return failure{fresh.error()};
  id = *fresh;
  process = now;
  kept.clear();  // the parent sends the rest of its message
  return {};
}

// Sends `rest`, which begins at `offset` of its message, fragment by fragment. Returns how much of
// it was sent; an error only if that is nothing.
result<std::size_t> fifo_sender::state::send_fragments(const_bytes rest, std::size_t offset,
                                                       std::uint32_t total, bool may_wait) {
  std::size_t sent = 0;
  do {
    const const_bytes piece =
        rest.subspan(sent, std::min(rest.size() - sent, fragment_header::max_payload_bytes));
    const auto header = fragment_header{.sender = id,
                                        .sequence = sequence,
                                        .total = total,
                                        .offset = static_cast<std::uint32_t>(offset + sent),
                                        .size = static_cast<std::uint32_t>(piece.size())}
                            .encode();
    const std::array<const_bytes, 2> parts{const_bytes{header}, piece};
    auto taken = may_wait ? writer.write_waiting(parts) : writer.try_write(parts);
    if (!taken && sent == 0) return failure{taken.error()};
    if (!taken) break;
    sent += piece.size();
  } while (sent < rest.size());
  return sent;
}

result<void> fifo_sender::state::send_kept(bool may_wait) {
  while (!kept.empty()) {
    if (auto ours = become_ourselves(); !ours || kept.empty()) return ours;
    auto sent = send_fragments(kept, kept_begin, kept_total, may_wait);
    if (!sent) return failure{sent.error()};
    kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(*sent));
    kept_begin += *sent;
    if (kept.empty()) ++sequence;
  }
  return {};
}

result<void> fifo_sender::state::send(const_bytes message, bool may_wait) {
  if (message.size() > max_message_bytes)
    return failure{std::errc::message_size, "fifo_sender::send",
                   "the message exceeds fifo_sender_options::max_message_bytes"};
  if (auto flushed = send_kept(may_wait); !flushed) return flushed;
  if (message.size() > fragment_header::max_payload_bytes) {
    if (auto ours = become_ourselves(); !ours) return ours;
  }
  const auto total = static_cast<std::uint32_t>(message.size());
  auto sent = send_fragments(message, 0, total, may_wait);
  if (!sent) return failure{sent.error()};
  if (*sent == message.size()) {
    ++sequence;
    return {};
  }
  const const_bytes rest = message.subspan(*sent);
  kept.assign(rest.begin(), rest.end());
  kept_begin = *sent;
  kept_total = total;
  if (!may_wait) return {};  // accepted; the rest goes out with the next call
  auto flushed = send_kept(true);
  if (!flushed && would_block(flushed.error())) return {};
  return flushed;
}

fifo_sender::fifo_sender(std::unique_ptr<state> made) noexcept : state_(std::move(made)) {}
fifo_sender::fifo_sender(fifo_sender&&) noexcept = default;
fifo_sender& fifo_sender::operator=(fifo_sender&&) noexcept = default;
fifo_sender::~fifo_sender() = default;

result<fifo_sender> fifo_sender::open(std::string_view name, deadline until,
                                      const fifo_sender_options& options) {
  auto writer = fifo_writer::open(name, until, options.open);
  if (!writer) return failure{writer.error()};
  return over(std::move(*writer), options);
}

result<fifo_sender> fifo_sender::over(fifo_writer writer, const fifo_sender_options& options) {
  if (options.max_message_bytes > fifo_channel_capabilities.max_message_bytes)
    return failure{std::errc::invalid_argument, "fifo_sender::open",
                   "max_message_bytes is at most 2^32-1"};
  auto id = syscall::random_number();
  if (!id) return failure{id.error()};
  return fifo_sender{std::make_unique<state>(state{.writer = std::move(writer),
                                                   .max_message_bytes = options.max_message_bytes,
                                                   .id = *id,
                                                   .process = syscall::process_id()})};
}

result<void> fifo_sender::try_send(const_bytes message) { return state_->send(message, false); }
result<void> fifo_sender::send_waiting(const_bytes message) { return state_->send(message, true); }

result<void> fifo_sender::wait_writable(deadline until) {
  if (!state_->kept.empty()) return flush(until);
  return state_->writer.wait_writable(until);
}

result<void> fifo_sender::send(const_bytes message, deadline until) {
  if (auto sent = sluice::send(*this, message, until); !sent) return sent;
  auto flushed = flush(until);
  if (!flushed && flushed.error() == std::errc::timed_out) return {};
  return flushed;
}

result<void> fifo_sender::flush(deadline until) {
  return retry_until(
      until, [&] { return state_->send_kept(until.is_never()); },
      [&](deadline d) { return state_->writer.wait_writable(d); });
}

std::size_t fifo_sender::max_message_bytes() const noexcept { return state_->max_message_bytes; }
int fifo_sender::native_handle() const noexcept { return state_->writer.native_handle(); }

}  // namespace sluice
