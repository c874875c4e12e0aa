#pragma once
// Descriptors that came with a message: so many at the most, and each of them owned.

#include <array>
#include <cstddef>
#include <sluice/os/unique_fd.hpp>
#include <span>

namespace sluice {

/// A bounded list of descriptors.
///
/// *Semantics*: filled by receiving, in the order sent; taken from by moving elements out.
/// *Threads*: one thread at a time. *Errors*: none. *Lifetime*: closes what nobody took. *Crash*:
/// the kernel closes them.
class received_handles {
 public:
  /// What one message carries at the most. The kernel would take 253; each is one that a peer can
  /// make us hold.
  static constexpr std::size_t max = 32;

  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] bool empty() const noexcept { return size_ == 0; }
  [[nodiscard]] unique_fd& operator[](std::size_t at) noexcept { return fds_[at]; }
  [[nodiscard]] std::span<unique_fd> all() noexcept { return std::span{fds_}.first(size_); }

  /// False, and `fd` is closed, when the list is full.
  bool add(unique_fd fd) noexcept {
    if (size_ == max) return false;
    fds_[size_++] = std::move(fd);
    return true;
  }
  void clear() noexcept {
    for (unique_fd& one : all()) one.reset();
    size_ = 0;
  }

 private:
  std::array<unique_fd, max> fds_;
  std::size_t size_ = 0;
};

}  // namespace sluice
