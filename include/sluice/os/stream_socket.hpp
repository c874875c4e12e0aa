#pragma once
// One end of a connection that carries bytes: the calls that Unix and TCP connections share.

#include <atomic>
#include <cstddef>
#include <sluice/base/bytes.hpp>
#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/unique_fd.hpp>

namespace sluice {

/// Owns a connected socket and moves bytes both ways, without ever raising SIGPIPE.
///
/// *Semantics*: the verbs of `byte_reader` and `byte_writer`. Whether a call may wait goes with the
/// call, so the description stays blocking for whoever shares it. *Threads*: all verbs from any
/// thread at once; moving from one. *Errors*: `errc::closed` when the peer ended and all was read,
/// `connection_reset` when it went without reading what had been sent to it, and once so, always;
/// writing to a peer that is gone is `broken_pipe`. *Lifetime*: closes with the object. *Crash*:
/// the kernel closes it: what was written is still read by the peer.
class stream_socket {
 public:
  explicit stream_socket(unique_fd fd) noexcept : fd_(std::move(fd)) {}
  stream_socket(stream_socket&& other) noexcept;
  stream_socket& operator=(stream_socket&& other) noexcept;
  ~stream_socket() = default;

  [[nodiscard]] result<std::size_t> try_read(mutable_bytes buffer);
  [[nodiscard]] result<std::size_t> read_waiting(mutable_bytes buffer);
  [[nodiscard]] result<std::size_t> try_write(byte_parts parts);
  [[nodiscard]] result<std::size_t> write_waiting(byte_parts parts);
  [[nodiscard]] result<void> wait_readable(deadline until) const;
  [[nodiscard]] result<void> wait_writable(deadline until) const;

  /// Ends the sending half: the peer reads to the end, and may go on sending.
  [[nodiscard]] result<void> finish();
  /// A second owner of the same end: the connection ends with the last of them, or by `finish`.
  [[nodiscard]] result<stream_socket> duplicate() const;

  [[nodiscard]] int native_handle() const noexcept { return fd_.get(); }
  [[nodiscard]] unique_fd release_handle() && noexcept { return std::move(fd_); }

 private:
  [[nodiscard]] result<std::size_t> end_of_input(long outcome);
  [[nodiscard]] result<std::size_t> refused(long outcome, byte_parts parts);

  unique_fd fd_;
  // The kernel tells of a reset once, to whichever verb asks first. Relaxed: a fact of its own.
  std::atomic<bool> was_reset_{false};
};

}  // namespace sluice
