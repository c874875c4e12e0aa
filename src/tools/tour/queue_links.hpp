#pragma once
// Message queues of the kernel in the tour. Their messages have at most some KiB, so that longer
// ones go in pieces; and they have no end, so that the sender's goes as a message, too. The first
// byte of each says what it is.

#include <cstddef>
#include <cstdint>
#include <sluice/base/concepts.hpp>
#include <sluice/channel/posix_queue_receiver.hpp>
#include <sluice/channel/posix_queue_sender.hpp>
#include <sluice/channel/system_v_queue_receiver.hpp>
#include <sluice/channel/system_v_queue_sender.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tools/tour/link.hpp"

namespace sluice::tour {

/// A name that nobody else has.
[[nodiscard]] std::string fresh_name();

enum class piece : std::uint8_t { last, more_follows, end };

/// Sends whole messages in pieces, and at its end that there will be no more.
template <message_sender Sender>
class pieces_sender {
 public:
  explicit pieces_sender(Sender to) : to_(std::move(to)), staged_(to_.max_message_bytes()) {}
  pieces_sender(pieces_sender&& other) noexcept
      : to_(std::move(other.to_)),
        staged_(std::move(other.staged_)),
        must_end_(std::exchange(other.must_end_, false)) {}
  pieces_sender& operator=(pieces_sender&&) = delete;
  ~pieces_sender() {
    if (must_end_) static_cast<void>(send_piece(piece::end, {}));
  }

  [[nodiscard]] result<void> send(const_bytes message) {
    const std::size_t most = staged_.size() - 1;
    for (; message.size() > most; message = message.subspan(most)) {
      auto sent = send_piece(piece::more_follows, message.first(most));
      if (!sent) return sent;
    }
    return send_piece(piece::last, message);
  }

 private:
  [[nodiscard]] result<void> send_piece(piece kind, const_bytes bytes) {
    staged_.front() = static_cast<std::byte>(kind);
    copy_bytes(bytes, mutable_bytes{staged_}.subspan(1));
    return to_.send(const_bytes{staged_}.first(1 + bytes.size()));
  }

  Sender to_;
  std::vector<std::byte> staged_;
  bool must_end_ = true;
};

/// Puts them together again.
template <message_receiver Receiver>
class pieces_receiver {
 public:
  pieces_receiver(Receiver from, std::size_t largest_piece)
      : from_(std::move(from)), staged_(largest_piece) {}

  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer) {
    for (std::size_t have = 0;;) {
      auto size = from_.receive(staged_);
      if (!size) return size;
      const auto kind = static_cast<piece>(staged_.front());
      if (*size == 0 || kind > piece::end) return failure{errc::corrupt, "pieces_receiver"};
      if (kind == piece::end) return failure{errc::closed, "pieces_receiver"};
      const const_bytes bytes = const_bytes{staged_}.first(*size).subspan(1);
      if (bytes.size() > buffer.size() - have)
        return failure{std::errc::no_buffer_space, "pieces_receiver"};
      have += copy_bytes(bytes, buffer.subspan(have));
      if (kind == piece::last) return have;
    }
  }

 private:
  Receiver from_;
  std::vector<std::byte> staged_;
};

/// A System V queue under a name that nobody else has.
class system_v_queue_link {
 public:
  [[nodiscard]] static result<system_v_queue_link> create(const link_options& options);
  [[nodiscard]] result<pieces_sender<system_v_queue_sender>> sender() &&;
  [[nodiscard]] result<pieces_receiver<system_v_queue_receiver>> receiver() &&;
  void leave_to(crew&) {}

 private:
  system_v_queue_link(std::string name, system_v_queue made)
      : name_(std::move(name)), made_(std::move(made)) {}
  std::string name_;
  system_v_queue made_;
};

/// Likewise a POSIX queue.
class posix_queue_link {
 public:
  [[nodiscard]] static result<posix_queue_link> create(const link_options& options);
  [[nodiscard]] result<pieces_sender<posix_queue_sender>> sender() &&;
  [[nodiscard]] result<pieces_receiver<posix_queue_receiver>> receiver() &&;
  void leave_to(crew&) {}

 private:
  explicit posix_queue_link(posix_queue made) : made_(std::move(made)) {}
  posix_queue made_;
};

}  // namespace sluice::tour
