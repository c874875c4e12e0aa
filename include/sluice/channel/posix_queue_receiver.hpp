#pragma once
// The receiving end of a POSIX message queue.

#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <sluice/base/bytes.hpp>
#include <sluice/base/concepts.hpp>
#include <sluice/base/readiness.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/channel/posix_queue.hpp>
#include <sluice/os/unique_fd.hpp>
#include <string_view>
#include <vector>

namespace sluice {

/// Receives messages from a POSIX queue, the highest priority first.
///
/// *Semantics*: each message goes to one receiver. The kernel hands messages only into buffers of
/// the largest size that the queue was made for; a smaller one costs a copy. One that turns out to
/// be too small, `next_size` and `try_peek` take the message out of the queue and keep it here: it
/// comes next, even if one of higher priority came meanwhile. Senders may come and go: the queue
/// does not tell, and there is no end. *Threads*: one thread at a time; as many receivers, in as
/// many processes, as you like. *Errors*: `no_buffer_space`, and the message is kept. Deadlines are
/// those of the monotonic clock. *Lifetime*: independent of the queue object and its name. *Crash*:
/// what was not received stays in the queue, except for the one message that is kept here: it goes
/// with this object or process.
class posix_queue_receiver {
 public:
  static constexpr channel_capabilities capabilities = posix_queue_capabilities;

  [[nodiscard]] static result<posix_queue_receiver> open(
      std::string_view name, const posix_queue_open_options& options = {});
  /// Takes over a queue that was opened for reading; `bad_file_descriptor` for anything else.
  [[nodiscard]] static result<posix_queue_receiver> from_native(unique_fd fd);

  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes buffer) {
    return receive_once(buffer, false);
  }
  [[nodiscard]] result<std::size_t> receive_waiting(mutable_bytes buffer) {
    return receive_once(buffer, true);
  }
  [[nodiscard]] result<void> wait_readable(deadline until);

  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer,
                                            deadline until = deadline::never()) {
    return sluice::receive(*this, buffer, until);
  }

  [[nodiscard]] result<std::size_t> next_size();
  /// The next message, in place; `release` takes it. It stays valid until then, or until another
  /// call receives it.
  [[nodiscard]] result<const_bytes> try_peek();
  void release() noexcept { kept_.reset(); }

  /// The priority of the message that was received or peeked at last; 0 before the first.
  [[nodiscard]] unsigned last_priority() const noexcept { return last_priority_; }

  /// Readable (POLLIN) while there are messages in the queue; one that is kept here does not show.
  [[nodiscard]] int native_handle() const noexcept { return fd_.get(); }
  /// The descriptor, and whether a message is kept here.
  [[nodiscard]] result<readiness> receive_readiness() {
    return readiness{.descriptor = fd_.get(), .ahead = ahead_.share(has_kept())};
  }
  [[nodiscard]] unique_fd release_handle() && noexcept { return std::move(fd_); }

 private:
  struct kept_message {
    std::size_t size;
    unsigned priority;
    pid_t owner;  // a forked child has a copy of it, and no right to it
  };
  posix_queue_receiver(unique_fd fd, std::size_t max_message_bytes)
      : fd_(std::move(fd)), room_(max_message_bytes) {}
  [[nodiscard]] result<std::size_t> receive_once(mutable_bytes buffer, bool may_wait);
  [[nodiscard]] result<std::size_t> take(mutable_bytes into, bool may_wait);
  [[nodiscard]] result<void> keep(bool may_wait);
  [[nodiscard]] bool has_kept() noexcept;

  unique_fd fd_;
  std::vector<std::byte> room_;  // as large as the kernel asks for; holds the kept message
  std::optional<kept_message> kept_ = {};
  unsigned last_priority_ = 0;
  read_ahead_mark ahead_;
};

static_assert(waiting_receiver<posix_queue_receiver>);

}  // namespace sluice
