#include "raw_frames.hpp"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <system_error>

namespace bench {

namespace {

constexpr std::size_t header_bytes = 8;
constexpr std::uint32_t check_word = 0x5246'4c53;
constexpr std::size_t line_bytes = 64;
constexpr std::size_t buffer_bytes =
    line_bytes + header_bytes + raw_receiver::max_message_bytes + raw_receiver::read_ahead_bytes;
// Up to here it is cheaper to copy the pieces into one than to give the kernel two.
constexpr std::size_t most_in_one_piece = 4096 + 64;
constexpr std::size_t most_in_one_piece_of_a_pipe = 1024;

[[noreturn]] void fail(const char* operation) {
  throw std::system_error{errno, std::generic_category(), operation};
}

}  // namespace

bool kernel_has_no_signal_flag() {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) fail("pipe");
  char byte = 0;
  const iovec part{.iov_base = &byte, .iov_len = 1};
  const bool known = ::pwritev2(ends[1], &part, 1, -1, no_signal) == 1;
  ::close(ends[0]);
  ::close(ends[1]);
  return known;
}

raw_sender::raw_sender(int fd, stream_kind kind)
    : fd_(fd),
      kind_(kind),
      flags_(kind == stream_kind::pipe && kernel_has_no_signal_flag() ? no_signal : 0) {}

void raw_sender::send(sluice::const_bytes message) {
  const auto length = static_cast<std::uint32_t>(message.size());
  const std::array<std::uint32_t, 2> words{length, ~length ^ check_word};
  const sluice::const_bytes header = std::as_bytes(std::span{words});
  std::size_t sent = 0;
  do {
    sent += send_rest(header, message, sent);
  } while (sent < header.size() + message.size());
}

std::size_t raw_sender::send_rest(sluice::const_bytes header, sluice::const_bytes message,
                                  std::size_t sent) {
  header = header.subspan(std::min(sent, header_bytes));
  message = message.subspan(sent - std::min(sent, header_bytes));
  std::array<std::byte, most_in_one_piece> together;
  std::array<iovec, 2> parts{
      iovec{.iov_base = const_cast<std::byte*>(header.data()), .iov_len = header.size()},
      iovec{.iov_base = const_cast<std::byte*>(message.data()), .iov_len = message.size()}};
  std::size_t count = parts.size();
  const std::size_t size = header.size() + message.size();
  if (size <= (kind_ == stream_kind::pipe ? most_in_one_piece_of_a_pipe : most_in_one_piece)) {
    sluice::copy_bytes(message, std::span{together}.subspan(sluice::copy_bytes(header, together)));
    parts[0] = {.iov_base = together.data(), .iov_len = size};
    count = 1;
  }
  for (;;) {
    const ssize_t taken = write(std::span{parts}.first(count));
    ++calls_;
    if (taken >= 0) return static_cast<std::size_t>(taken);
    if (errno != EINTR) fail(kind_ == stream_kind::pipe ? "pwritev2" : "sendmsg");
  }
}

ssize_t raw_sender::write(std::span<const iovec> parts) {
  if (kind_ == stream_kind::pipe)
    return ::pwritev2(fd_, parts.data(), static_cast<int>(parts.size()), -1, flags_);
  if (parts.size() == 1)
    return ::send(fd_, parts.front().iov_base, parts.front().iov_len, MSG_NOSIGNAL);
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts.data());
  message.msg_iovlen = parts.size();
  return ::sendmsg(fd_, &message, MSG_NOSIGNAL);
}

raw_receiver::raw_receiver(int fd)
    : fd_(fd),
      buffer_(std::make_unique_for_overwrite<std::byte[]>(buffer_bytes)),
      first_((line_bytes -
              (reinterpret_cast<std::uintptr_t>(buffer_.get()) + header_bytes) % line_bytes) %
             line_bytes),
      begin_(first_),
      end_(first_) {}

sluice::const_bytes raw_receiver::next() {
  for (;;) {
    if (end_ - begin_ >= header_bytes) {
      std::array<std::uint32_t, 2> words;
      std::memcpy(words.data(), buffer_.get() + begin_, header_bytes);
      const std::uint32_t length = words[0];
      if (words[1] != (~length ^ check_word) || length > max_message_bytes)
        throw std::runtime_error{"these bytes are no frame"};
      if (end_ - begin_ >= header_bytes + length) {
        const std::byte* const message = buffer_.get() + begin_ + header_bytes;
        begin_ += header_bytes + length;
        return {message, length};
      }
    }
    read_more();
  }
}

void raw_receiver::read_more() {
  if (begin_ != first_) {
    std::memmove(buffer_.get() + first_, buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_ - first_;
    begin_ = first_;
  }
  for (;;) {
    const std::size_t room = std::min(buffer_bytes - end_, read_ahead_bytes);
    const ssize_t got = ::read(fd_, buffer_.get() + end_, room);
    ++calls_;
    if (got > 0) {
      end_ += static_cast<std::size_t>(got);
      return;
    }
    if (got == 0) throw std::runtime_error{"the stream ended"};
    if (errno != EINTR) fail("read");
  }
}

}  // namespace bench
