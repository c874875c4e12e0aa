#pragma once
// The owner of one file descriptor.

#include <sluice/base/result.hpp>
#include <utility>

namespace sluice {

/// Owns one open descriptor and closes it.
///
/// *Semantics*: never empty except after a move or `release`; made from a descriptor the caller
/// owns. *Threads*: one thread at a time. *Errors*: closing reports none: on Linux the descriptor
/// is gone whatever close(2) returns, so it is never retried. *Lifetime*: the descriptor closes
/// with the owner. *Crash*: the kernel closes it.
class unique_fd {
 public:
  /// An owner of nothing: only to be assigned to.
  constexpr unique_fd() noexcept = default;
  /// Takes ownership of `fd`, which must be open and owned by nobody else, or -1.
  explicit constexpr unique_fd(int fd) noexcept : fd_(fd) {}

  constexpr unique_fd(unique_fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~unique_fd() { reset(); }

  /// A second descriptor of the same open description, close-on-exec.
  [[nodiscard]] result<unique_fd> duplicate() const;

  [[nodiscard]] constexpr int get() const noexcept { return fd_; }
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return fd_ >= 0; }
  /// Gives ownership up.
  [[nodiscard]] constexpr int release() noexcept { return std::exchange(fd_, -1); }
  /// Closes what is owned, if anything.
  void reset() noexcept;

 private:
  int fd_ = -1;
};

}  // namespace sluice
