#pragma once
// A descriptor of one's own that is readable while another one is ready: for event loops that
// change what they are given (Asio makes it non-blocking), or that take a descriptor only once; and
// for who must show one descriptor while what is behind it becomes another.

#include <sluice/base/readiness.hpp>
#include <sluice/base/result.hpp>
#include <sluice/os/unique_fd.hpp>

namespace sluice {

/// Watches a descriptor, or several, by a private epoll(7).
///
/// *Semantics*: readable while one of them has what is waited for, or an end or an error to report:
/// as poll(2) would say. Nothing is done to the other descriptor or its open description.
/// *Threads*: any. *Errors*: `operation_not_permitted` for what cannot be polled (a file, memory);
/// those of epoll_create1(2) and epoll_ctl(2). *Lifetime*: goes before the descriptor that it
/// watches. *Crash*: leaves nothing.
class poll_watch {
 public:
  [[nodiscard]] static result<poll_watch> create(int watched, direction wanted);

  /// Another one, too.
  [[nodiscard]] result<void> add(int watched, direction wanted);
  /// One no more, before it is closed.
  void remove(int watched) noexcept;

  [[nodiscard]] int native_handle() const noexcept { return fd_.get(); }
  [[nodiscard]] unique_fd release_handle() && noexcept { return std::move(fd_); }

 private:
  explicit poll_watch(unique_fd fd) noexcept : fd_(std::move(fd)) {}
  unique_fd fd_;
};

}  // namespace sluice
