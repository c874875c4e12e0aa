#pragma once
// A socket that connections come to: what Unix and TCP listeners share.

#include <sluice/base/deadline.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/unique_fd.hpp>

namespace sluice {

/// Owns a listening socket and takes connections from it.
///
/// *Semantics*: its description does not block, so that no wait is ever longer than its deadline,
/// also when a connection goes between being told of and being taken; where it was inherited,
/// whoever shares it finds it so. *Threads*: one thread at a time; several processes may share it,
/// and each connection goes to one. *Errors*: when there is no descriptor left for a connection,
/// that connection is closed with the help of one that is kept in reserve, and the shortage
/// reported: the peer is told, the queue goes on, and nobody who polls spins. *Lifetime*: closes
/// with the object; connections stay. *Crash*: those who wait to be accepted are told.
class listening_socket {
 public:
  /// Takes over a socket that listens already.
  [[nodiscard]] static result<listening_socket> over(unique_fd fd);

  /// The next connection, if one waits.
  [[nodiscard]] result<unique_fd> try_accept();
  [[nodiscard]] result<void> wait_readable(deadline until) const;

  /// Readable (POLLIN) while a connection waits.
  [[nodiscard]] int native_handle() const noexcept { return fd_.get(); }

 private:
  explicit listening_socket(unique_fd fd) noexcept : fd_(std::move(fd)) {}
  void refill();

  unique_fd fd_;
  unique_fd reserve_;  // a second descriptor of the same socket: it costs nothing but its number
};

}  // namespace sluice
