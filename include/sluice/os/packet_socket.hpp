#pragma once
// A Unix socket that carries messages: the calls that seqpacket and datagram sockets share.

#include <atomic>
#include <cstddef>
#include <sluice/base/bytes.hpp>
#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/received_handles.hpp>
#include <sluice/os/socket_type.hpp>
#include <sluice/os/unique_fd.hpp>
#include <span>

namespace sluice {

/// Owns a socket and sends and receives whole messages, descriptors among them.
///
/// *Semantics*: all or nothing. A buffer that holds `max_message_bytes` costs one call per message;
/// a smaller one two, since the size is asked for first, and the message stays where it is too
/// small. *Threads*: all verbs from any thread at once; several receivers of one end need buffers
/// of `max_message_bytes`, or one may find a longer message than it looked at, which is cut
/// (`message_size`). *Errors*: sending to a receiver that is gone is `broken_pipe`. Of a
/// connection, after everything was received, `errc::closed`, or `connection_reset` where the peer
/// went without receiving everything itself. *Lifetime*: closes with the object. *Crash*: what was
/// sent stays receivable.
class packet_socket {
 public:
  /// What the kernel's usual socket buffer takes.
  static constexpr std::size_t default_max_message_bytes = 212'960;

  /// Asks the kernel what it is, and how long its messages may be. `invalid_argument` unless it is
  /// a Unix socket of this type.
  [[nodiscard]] static result<packet_socket> over(unique_fd fd, socket_type type);
  /// Gives it room for messages of this size first. `message_size` where the sysctl named in the
  /// hint does not allow them.
  [[nodiscard]] static result<packet_socket> over(unique_fd fd, socket_type type,
                                                  std::size_t max_message_bytes);

  packet_socket(packet_socket&& other) noexcept;
  packet_socket& operator=(packet_socket&& other) noexcept;
  ~packet_socket() = default;

  [[nodiscard]] result<void> try_send(const_bytes message, std::span<const int> handles = {});
  [[nodiscard]] result<void> send_waiting(const_bytes message, std::span<const int> handles = {});
  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes buffer);
  [[nodiscard]] result<std::size_t> receive_waiting(mutable_bytes buffer);
  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes buffer, received_handles& handles);
  [[nodiscard]] result<std::size_t> receive_waiting(mutable_bytes buffer,
                                                    received_handles& handles);
  [[nodiscard]] result<std::size_t> next_size();
  [[nodiscard]] result<void> wait_readable(deadline until) const;
  [[nodiscard]] result<void> wait_writable(deadline until) const;

  [[nodiscard]] std::size_t max_message_bytes() const noexcept { return max_message_bytes_; }
  [[nodiscard]] int native_handle() const noexcept { return fd_.get(); }
  [[nodiscard]] unique_fd release_handle() && noexcept { return std::move(fd_); }
  [[nodiscard]] result<packet_socket> duplicate() const;

 private:
  packet_socket(unique_fd fd, socket_type type, std::size_t max_message_bytes) noexcept
      : fd_(std::move(fd)), type_(type), max_message_bytes_(max_message_bytes) {}
  enum class waiting { allowed, never };
  [[nodiscard]] result<void> send_once(const_bytes message, std::span<const int> handles,
                                       waiting mode);
  [[nodiscard]] result<std::size_t> receive_once(mutable_bytes buffer, received_handles* handles,
                                                 waiting mode);
  [[nodiscard]] result<void> unfit(const_bytes message, std::span<const int> handles) const;
  [[nodiscard]] result<void> refused(long outcome, std::span<const int> handles);
  [[nodiscard]] long receive_outcome(mutable_bytes buffer, received_handles* handles,
                                     waiting mode) noexcept;
  [[nodiscard]] result<std::size_t> received_otherwise(long outcome, mutable_bytes buffer,
                                                       received_handles* handles, waiting mode);
  [[nodiscard]] result<std::size_t> received(long outcome, const char* operation) const;
  [[nodiscard]] long size_of_next(waiting mode) noexcept;

  // Whether an outcome is the kernel's word that the peer left messages: it says so once, to
  // whichever verb comes first, and before the messages that the peer had sent.
  [[nodiscard]] bool tells_of_reset(long outcome) noexcept;

  unique_fd fd_;
  socket_type type_;
  std::size_t max_message_bytes_;
  std::atomic<bool> was_reset_{false};  // relaxed: a fact of its own
};

}  // namespace sluice
