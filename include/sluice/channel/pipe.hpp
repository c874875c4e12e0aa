#pragma once
// Anonymous pipes: both ends come from one call, and reach other processes by fork, by spawn or by
// being passed. Bytes without boundaries; framed<> (compose/framed.hpp) lifts them to messages.

#include <cstddef>
#include <sluice/base/channel_traits.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/os/pipe_end.hpp>

namespace sluice {

inline constexpr channel_capabilities pipe_capabilities{
    .mechanism = "pipe",
    .keeps_boundaries = false,
    .order = ordering::total,
    .many_senders = false,
    .many_receivers = false,
    .pollable = true,
};

/// The reading end of an anonymous pipe.
///
/// *Semantics*: bytes in the order written; empty blocks. *Threads*: all verbs from any thread at
/// once, each byte to one of them; moving from one. *Errors*: `errc::closed` at the end of the
/// stream. *Lifetime*: independent of the writer. *Crash*: when the last writing end is gone,
/// however, what was written is still read, then `errc::closed`: a pipe cannot tell leaving from
/// dying.
class pipe_reader {
 public:
  static constexpr channel_capabilities capabilities = pipe_capabilities;

  /// Takes over the reading end of any pipe or FIFO; `invalid_argument` if it is none.
  [[nodiscard]] static result<pipe_reader> from_native(unique_fd fd);

  [[nodiscard]] result<std::size_t> try_read(mutable_bytes buffer) { return end_.try_read(buffer); }
  [[nodiscard]] result<std::size_t> read_waiting(mutable_bytes b) { return end_.read_waiting(b); }
  [[nodiscard]] result<void> wait_readable(deadline until) { return end_.wait_readable(until); }

  [[nodiscard]] result<std::size_t> read_some(mutable_bytes buffer,
                                              deadline until = deadline::never()) {
    return sluice::read_some(*this, buffer, until);
  }
  [[nodiscard]] result<void> read_exactly(mutable_bytes buffer,
                                          deadline until = deadline::never()) {
    return sluice::read_exactly(*this, buffer, until);
  }

  [[nodiscard]] result<std::size_t> capacity_bytes() const { return end_.capacity_bytes(); }
  [[nodiscard]] int native_handle() const noexcept { return end_.native_handle(); }
  [[nodiscard]] unique_fd release_handle() && { return std::move(end_).release_handle(); }

 private:
  friend struct pipe;
  explicit pipe_reader(pipe_end end) noexcept : end_(std::move(end)) {}
  pipe_end end_;
};

/// The writing end of an anonymous pipe.
///
/// *Semantics*: a full pipe blocks; up to PIPE_BUF (4096) bytes of one call stay together whatever
/// other writers do. *Threads*: all verbs from any thread at once; moving from one. *Errors*:
/// `broken_pipe` when no reading end is left, as a value: SIGPIPE is never raised. *Lifetime*:
/// the reader sees the end of the stream when the last copy of this end is closed, so a parent
/// closes its own after fork. *Crash*: what was written stays readable; a write of more than
/// PIPE_BUF bytes may be cut short.
class pipe_writer {
 public:
  static constexpr channel_capabilities capabilities = pipe_capabilities;

  /// Takes over the writing end of any pipe or FIFO; `invalid_argument` if it is none.
  [[nodiscard]] static result<pipe_writer> from_native(unique_fd fd);

  [[nodiscard]] result<std::size_t> try_write(byte_parts parts) { return end_.try_write(parts); }
  [[nodiscard]] result<std::size_t> try_write(const_bytes bytes) {
    return end_.try_write(byte_parts{&bytes, 1});
  }
  [[nodiscard]] result<std::size_t> write_waiting(byte_parts p) { return end_.write_waiting(p); }
  [[nodiscard]] result<void> wait_writable(deadline until) { return end_.wait_writable(until); }

  [[nodiscard]] result<void> write_all(const_bytes bytes, deadline until = deadline::never()) {
    return sluice::write_all(*this, bytes, until);
  }

  [[nodiscard]] result<std::size_t> capacity_bytes() const { return end_.capacity_bytes(); }
  /// Returns the new capacity, rounded up by the kernel; what is in the pipe must fit.
  /// `operation_not_permitted` beyond the sysctl that the error names. Source: F_SETPIPE_SZ.
  [[nodiscard]] result<std::size_t> set_capacity_bytes(std::size_t wanted) {
    return end_.set_capacity_bytes(wanted);
  }
  [[nodiscard]] int native_handle() const noexcept { return end_.native_handle(); }
  [[nodiscard]] unique_fd release_handle() && { return std::move(end_).release_handle(); }

 private:
  friend struct pipe;
  explicit pipe_writer(pipe_end end) noexcept : end_(std::move(end)) {}
  pipe_end end_;
};

struct pipe_options {
  /// What the pipe should hold at least; 0 takes the kernel's default (64 KiB). A wish: where the
  /// limits of the user (fs.pipe-user-pages-soft) refuse it, the pipe works with what it got, and
  /// `capacity_bytes()` tells how much that is.
  std::size_t capacity_bytes = 0;
};

/// Both ends of a new anonymous pipe.
struct pipe {
  pipe_reader reader;
  pipe_writer writer;

  /// Source: pipe2(2). Close-on-exec; blocking for programs that are handed an end.
  [[nodiscard]] static result<pipe> create(const pipe_options& options = {});
};

/// One side of a conversation over two pipes.
struct duplex_pipe_end {
  pipe_reader reader;
  pipe_writer writer;
};

/// Two pipes, crossed: what one side writes the other reads.
struct duplex_pipe {
  duplex_pipe_end first;
  duplex_pipe_end second;

  [[nodiscard]] static result<duplex_pipe> create(const pipe_options& options = {});
};

static_assert(waiting_reader<pipe_reader> && waiting_writer<pipe_writer>);

}  // namespace sluice
