#pragma once
// The floor: framed messages as a careful programmer writes them with the system calls and no
// library. Not less than Sluice does: the same eight bytes before each message, checked in the same
// way; one system call per message that is sent, with the kernel's no-signal flag; a read-ahead
// buffer; EINTR, short writes and the end of the stream are handled; and what we learnt about
// speed: what is short goes out as one piece, and payloads are read to where a line begins. And not
// more: no layers, no error values with a story, nothing but one stream and one thread.

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <sluice/base/bytes.hpp>
#include <span>

namespace bench {

/// RWF_NOSIGNAL of pwritev2(2), which the C library's headers lack still.
inline constexpr int no_signal = 0x00000100;

enum class stream_kind { pipe, socket };

/// Sends frames into a blocking descriptor that stays somebody else's.
class raw_sender {
 public:
  /// Of pipes asks this kernel for its no-signal flag and goes without where it has none (the
  /// benchmarks ignore SIGPIPE then).
  explicit raw_sender(int fd, stream_kind kind = stream_kind::pipe);

  /// Throws `std::system_error`.
  void send(sluice::const_bytes message);
  [[nodiscard]] std::uint64_t calls() const noexcept { return calls_; }

 private:
  [[nodiscard]] std::size_t send_rest(sluice::const_bytes header, sluice::const_bytes message,
                                      std::size_t sent);
  [[nodiscard]] ssize_t write(std::span<const iovec> parts);
  int fd_;
  stream_kind kind_;
  int flags_;
  std::uint64_t calls_ = 0;
};

/// Receives frames from a blocking descriptor that stays somebody else's.
class raw_receiver {
 public:
  static constexpr std::size_t max_message_bytes = std::size_t{64} << 10;
  static constexpr std::size_t read_ahead_bytes = std::size_t{64} << 10;

  explicit raw_receiver(int fd);

  /// The next message where it was read, valid until the next call. Throws `std::system_error`, and
  /// `std::runtime_error` at the end of the stream and on bytes that are no frame.
  [[nodiscard]] sluice::const_bytes next();
  [[nodiscard]] std::uint64_t calls() const noexcept { return calls_; }

 private:
  void read_more();
  int fd_;
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t first_;  // a line begins behind the header that is read to here
  std::size_t begin_;
  std::size_t end_;
  std::uint64_t calls_ = 0;
};

/// Whether this kernel knows the no-signal flag of pwritev2(2) on pipes (Linux 6.18).
[[nodiscard]] bool kernel_has_no_signal_flag();

}  // namespace bench
