#pragma once
// The floor of the tour: a pipe used with plain read(2) and writev(2), doing just the work that
// `framed` over `pipe` does: one call per message sent, header and payload together; large reads.
// It has no flags, no deadlines, no care for signals; what the other mechanisms cost beyond it is
// the price of those.

#include <cstddef>
#include <memory>
#include <sluice/base/bytes.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/unique_fd.hpp>

namespace sluice::tour {

class raw_pipe_sender {
 public:
  explicit raw_pipe_sender(unique_fd fd) noexcept : fd_(std::move(fd)) {}
  [[nodiscard]] result<void> send(const_bytes message);

 private:
  unique_fd fd_;
};

class raw_pipe_receiver {
 public:
  raw_pipe_receiver(unique_fd fd, std::size_t max_message_bytes);
  /// The buffer must be large enough for every message. `errc::closed` at the end.
  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer);

 private:
  result<void> read_until(std::size_t bytes);

  unique_fd fd_;
  std::size_t capacity_;
  std::unique_ptr<std::byte[]> buffer_;
  std::size_t begin_ = 0;  // read and not yet taken: [begin_, end_)
  std::size_t end_ = 0;
};

struct raw_pipe {
  unique_fd reader;
  unique_fd writer;
  [[nodiscard]] static result<raw_pipe> create();
};

}  // namespace sluice::tour
