#include "raw_frames.hpp"

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
constexpr std::size_t buffer_bytes =
    header_bytes + raw_receiver::max_message_bytes + raw_receiver::read_ahead_bytes;

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

raw_sender::raw_sender(int fd) : fd_(fd), flags_(kernel_has_no_signal_flag() ? no_signal : 0) {}

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
  const std::array<iovec, 2> parts{
      iovec{.iov_base = const_cast<std::byte*>(header.data()), .iov_len = header.size()},
      iovec{.iov_base = const_cast<std::byte*>(message.data()), .iov_len = message.size()}};
  for (;;) {
    const ssize_t taken = ::pwritev2(fd_, parts.data(), 2, -1, flags_);
    ++calls_;
    if (taken >= 0) return static_cast<std::size_t>(taken);
    if (errno != EINTR) fail("pwritev2");
  }
}

raw_receiver::raw_receiver(int fd)
    : fd_(fd), buffer_(std::make_unique_for_overwrite<std::byte[]>(buffer_bytes)) {}

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
  if (begin_ != 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
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
