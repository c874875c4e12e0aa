#pragma once
// The sending end of a POSIX message queue.

#include <cstddef>
#include <sluice/base/bytes.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/channel/posix_queue.hpp>
#include <sluice/os/unique_fd.hpp>
#include <string_view>

namespace sluice {

/// Sends messages, each with a priority, into a POSIX queue.
///
/// *Semantics*: all or nothing, one system call. Higher priorities are received first, equal ones
/// in the order sent. Receivers may come later, or never: the queue does not tell. *Threads*: all
/// verbs from any thread at once; moving from one. *Errors*: `message_size` above what the queue
/// was made for; would_block when it holds as many messages as it was made for;
/// `invalid_argument` for a priority above `highest_priority`. Deadlines are those of the monotonic
/// clock, unlike those of mq_timedsend(3). *Lifetime*: independent of the queue object and its
/// name. *Crash*: what was sent stays in the queue.
class posix_queue_sender {
 public:
  static constexpr channel_capabilities capabilities = posix_queue_capabilities;
  static constexpr unsigned highest_priority = 32'767;

  [[nodiscard]] static result<posix_queue_sender> open(
      std::string_view name, const posix_queue_open_options& options = {});
  /// Takes over a queue that was opened for writing; `bad_file_descriptor` for anything else.
  [[nodiscard]] static result<posix_queue_sender> from_native(unique_fd fd);

  [[nodiscard]] result<void> try_send(const_bytes message, unsigned priority = 0) {
    return send_once(message, priority, false);
  }
  [[nodiscard]] result<void> send_waiting(const_bytes message, unsigned priority = 0) {
    return send_once(message, priority, true);
  }
  [[nodiscard]] result<void> wait_writable(deadline until);

  [[nodiscard]] result<void> send(const_bytes message, deadline until = deadline::never()) {
    return sluice::send(*this, message, until);
  }
  [[nodiscard]] result<void> send(const_bytes message, unsigned priority,
                                  deadline until = deadline::never());

  [[nodiscard]] std::size_t max_message_bytes() const noexcept { return max_message_bytes_; }
  /// Writable (POLLOUT) while there is room.
  [[nodiscard]] int native_handle() const noexcept { return fd_.get(); }
  [[nodiscard]] unique_fd release_handle() && noexcept { return std::move(fd_); }

 private:
  posix_queue_sender(unique_fd fd, std::size_t max_message_bytes) noexcept
      : fd_(std::move(fd)), max_message_bytes_(max_message_bytes) {}
  [[nodiscard]] result<void> send_once(const_bytes message, unsigned priority, bool may_wait);

  unique_fd fd_;
  std::size_t max_message_bytes_;
};

static_assert(waiting_sender<posix_queue_sender>);

}  // namespace sluice
