#pragma once
// How the files of the door make a call: arguments as the kernel takes them, EINTR retried, and the
// advice that belongs to an errno.

#include <sys/syscall.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <concepts>
#include <cstddef>
#include <sluice/base/bytes.hpp>
#include <sluice/base/result.hpp>

#include "os/syscall_raw.hpp"

namespace sluice::syscall {

inline long word(const volatile void* pointer) noexcept { return reinterpret_cast<long>(pointer); }
inline long word(std::integral auto number) noexcept { return static_cast<long>(number); }

/// Once, whatever comes: for close(2), and where EINTR needs more than a retry.
template <class... Arguments>
long once(long number, Arguments... arguments) noexcept {
  return raw(number, word(arguments)...);
}

/// Until something other than EINTR comes.
template <class... Arguments>
long retried(long number, Arguments... arguments) noexcept {
  long outcome = 0;
  do {
    outcome = once(number, arguments...);
  } while (outcome == -EINTR);
  return outcome;
}

/// What to raise or free when `number` is a limit; "" when it is none.
[[nodiscard]] const char* advice_for(int number) noexcept;

/// The failure behind a negative outcome of `operation`.
inline failure failed(long outcome, const char* operation) noexcept {
  const int number = static_cast<int>(-outcome);
  return error::from_errno(number, operation, advice_for(number));
}

/// Whether a call with flags says that it knows no such flag; ENOSYS: a kernel, or a sandbox, that
/// knows nothing of the calls with flags.
[[nodiscard]] constexpr bool is_unsupported(long outcome) noexcept {
  return outcome == -EOPNOTSUPP || outcome == -ENOSYS;
}

/// The number of bytes that a call moved, or its failure.
inline result<std::size_t> byte_count(long outcome, const char* operation) noexcept {
  if (outcome < 0) [[unlikely]]
    return failed(outcome, operation);
  return static_cast<std::size_t>(outcome);
}

// Reading and writing for the calls that every message makes: what the kernel returned, or minus
// the errno, in a register, and inline. Results made here and functions to return through cost a
// small message some percent of its time (docs/benchmarks.md).
inline long read_outcome(int fd, mutable_bytes into, int flags) noexcept {
  if (flags == 0) return retried(SYS_read, fd, into.data(), into.size());
  const iovec part{.iov_base = into.data(), .iov_len = into.size()};
  // Offset -1: at the current position, as pipes demand. It travels in two words.
  return retried(SYS_preadv2, fd, &part, 1, -1L, -1L, flags);
}

/// The pieces one after the other in `room`, which must hold them. A call that takes more than one
/// piece costs the kernel a tenth of a microsecond more, for which some KiB are copied.
inline const_bytes gathered(byte_parts parts, mutable_bytes room) noexcept {
  std::size_t size = 0;
  for (const const_bytes& one : parts) size += copy_bytes(one, room.subspan(size));
  return room.first(size);
}

/// One piece, plainly.
inline long write_outcome(int fd, const_bytes bytes) noexcept {
  return retried(SYS_write, fd, bytes.data(), bytes.size());
}

/// Up to so many bytes go into a pipe as one piece.
inline constexpr std::size_t gathered_for_pipes = 1024;

inline long write_outcome(int fd, byte_parts parts, int flags) noexcept {
  assert(parts.size() <= max_byte_parts);
  std::array<std::byte, gathered_for_pipes> room;
  const_bytes all;
  if (parts.size() > 1 && total_size(parts) <= room.size()) {
    all = gathered(parts, room);
    parts = byte_parts{&all, 1};
  }
  std::array<iovec, max_byte_parts> pieces;
  const std::size_t count = std::min(parts.size(), pieces.size());
  for (std::size_t i = 0; i < count; ++i) {
    // The kernel only reads what it is given here; iovec has no const form.
    pieces[i] = {.iov_base = const_cast<std::byte*>(parts[i].data()), .iov_len = parts[i].size()};
  }
  if (flags == 0) return retried(SYS_writev, fd, pieces.data(), count);
  return retried(SYS_pwritev2, fd, pieces.data(), count, -1L, -1L, flags);
}

}  // namespace sluice::syscall
