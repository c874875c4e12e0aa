#pragma once
// The two directions of one seqpacket connection as bytes, for a framed_sender and a
// framed_receiver: both go over one descriptor, so that nothing has to be made or handed over where
// descriptors are short.

#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/channel/unix_seqpacket.hpp>
#include <vector>

namespace sluice {

inline constexpr channel_capabilities packet_bytes_capabilities{
    .mechanism = "unix seqpacket bytes",
    .keeps_boundaries = false,
    .order = ordering::total,
    .many_senders = false,
    .many_receivers = false,
    .pollable = true,
};

/// A connection that several own: its two directions, and who watches it.
using shared_connection = std::shared_ptr<unix_seqpacket>;

/// What the owner of a direction does when it goes, in the process that made it: the other side is
/// told, and the other direction goes on.
class packet_direction_end {
 public:
  enum class way : bool { sending, receiving };
  packet_direction_end(shared_connection connection, way which) noexcept;
  void operator()(unix_seqpacket* connection) const noexcept;

 private:
  shared_connection connection_;
  way which_;
  pid_t maker_;
};
using packet_direction = std::unique_ptr<unix_seqpacket, packet_direction_end>;

/// Sends bytes in packets of at most `largest_bytes`.
///
/// *Semantics*: takes as much as one packet holds. *Threads*: one thread at a time; the reader of
/// the same connection in any. *Errors*: `broken_pipe` when the reader at the other side is gone.
/// *Lifetime*: when it goes, in the process that made it, the other side reads to the end; in a
/// forked child nothing ends. *Crash*: what was written is read.
class packet_byte_writer {
 public:
  static constexpr channel_capabilities capabilities = packet_bytes_capabilities;
  static constexpr std::size_t largest_bytes = std::size_t{32} << 10;

  explicit packet_byte_writer(const shared_connection& connection);

  [[nodiscard]] result<std::size_t> try_write(byte_parts parts);
  [[nodiscard]] result<void> wait_writable(deadline until) {
    return direction_->wait_writable(until);
  }
  [[nodiscard]] int native_handle() const noexcept { return direction_->native_handle(); }

 private:
  packet_direction direction_;
  std::vector<std::byte> packet_;  // where the parts of one are put together
};

/// Reads what a packet_byte_writer sent, a packet at a time.
///
/// *Semantics*: needs a buffer for a packet, as a framed_receiver has. *Threads*: as the writer.
/// *Errors*: `errc::closed` at the end, or `connection_reset` where the other side went without
/// reading everything; `errc::corrupt`, for ever, for a packet larger than any may be;
/// `no_buffer_space` for a smaller buffer. *Lifetime*: when it goes the other side's writer is
/// told. *Crash*: what a killed peer had written is read.
class packet_byte_reader {
 public:
  static constexpr channel_capabilities capabilities = packet_bytes_capabilities;

  explicit packet_byte_reader(const shared_connection& connection);

  [[nodiscard]] result<std::size_t> try_read(mutable_bytes buffer);
  [[nodiscard]] result<void> wait_readable(deadline until) {
    return direction_->wait_readable(until);
  }
  [[nodiscard]] int native_handle() const noexcept { return direction_->native_handle(); }

 private:
  packet_direction direction_;
};

static_assert(byte_writer<packet_byte_writer> && byte_reader<packet_byte_reader>);

}  // namespace sluice
