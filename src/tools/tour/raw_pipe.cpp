#include "tools/tour/raw_pipe.hpp"

#include <array>
#include <cstring>
#include <sluice/compose/frame_header.hpp>

// The floor uses the door without the library above it: each call below is one system call.
#include "os/syscall.hpp"

namespace sluice::tour {

namespace {
constexpr std::size_t read_ahead_bytes = std::size_t{64} << 10;
}  // namespace

result<raw_pipe> raw_pipe::create() {
  auto ends = syscall::pipe();
  if (!ends) return failure{ends.error()};
  return raw_pipe{std::move(ends->reader), std::move(ends->writer)};
}

result<void> raw_pipe_sender::send(const_bytes message) {
  const auto header = frame_header::encode(static_cast<std::uint32_t>(message.size()));
  std::array<const_bytes, 2> parts{const_bytes{header}, message};
  for (;;) {
    auto taken = syscall::write(fd_.get(), parts);
    if (!taken) return failure{taken.error()};
    if (*taken == total_size(parts)) [[likely]]
      return {};
    // A blocking pipe takes everything unless a signal interrupts the call.
    for (const_bytes& part : parts) {
      const std::size_t gone = std::min(*taken, part.size());
      part = part.subspan(gone);
      *taken -= gone;
    }
  }
}

raw_pipe_receiver::raw_pipe_receiver(unique_fd fd, std::size_t max_message_bytes)
    : fd_(std::move(fd)),
      capacity_(frame_header::size_bytes + max_message_bytes + read_ahead_bytes),
      buffer_(std::make_unique_for_overwrite<std::byte[]>(capacity_)) {}

result<std::size_t> raw_pipe_receiver::receive(mutable_bytes buffer) {
  if (auto read = read_until(frame_header::size_bytes); !read) return failure{read.error()};
  auto size = frame_header::decode({buffer_.get() + begin_, frame_header::size_bytes});
  if (!size) return failure{size.error()};
  const std::size_t whole = frame_header::size_bytes + *size;
  if (*size > buffer.size() || whole > capacity_)
    return failure{errc::corrupt, "raw_pipe", "a message is longer than any that was sent"};
  if (auto read = read_until(whole); !read) return failure{read.error()};
  copy_bytes({buffer_.get() + begin_ + frame_header::size_bytes, *size}, buffer);
  begin_ += whole;
  return std::size_t{*size};
}

// Reads until that many bytes are there.
result<void> raw_pipe_receiver::read_until(std::size_t bytes) {
  while (end_ - begin_ < bytes) {
    const std::size_t have = end_ - begin_;
    if (have == 0 || capacity_ - begin_ < bytes + read_ahead_bytes) {
      std::memmove(buffer_.get(), buffer_.get() + begin_, have);
      begin_ = 0;
      end_ = have;
    }
    const std::size_t wanted = std::max(bytes - have, read_ahead_bytes);
    const mutable_bytes room{buffer_.get() + end_, std::min(wanted, capacity_ - end_)};
    auto got = syscall::read(fd_.get(), room);
    if (!got) return failure{got.error()};
    if (*got == 0 && have == 0) return failure{errc::closed, "read"};
    if (*got == 0) return failure{errc::corrupt, "raw_pipe", "the stream ended inside a message"};
    end_ += *got;
  }
  return {};
}

}  // namespace sluice::tour
