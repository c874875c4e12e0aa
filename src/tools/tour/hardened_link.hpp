#pragma once
// The hardened ring in the tour. Each process makes its side after it was forked, and sends what
// the other may read through a socket.

#include <optional>
#include <sluice/channel/hardened_ring.hpp>
#include <sluice/os/unique_fd.hpp>
#include <utility>

#include "os/syscall_messages.hpp"
#include "tools/tour/link.hpp"

namespace sluice::tour {

/// A side that has handed over what the other may read, and takes the other's when it is used
/// first: who opens both ends of a conversation cannot wait for one of them.
template <class Side>
class handed_side {
 public:
  [[nodiscard]] static result<handed_side> hand_over(result<Side> mine, unique_fd passage) {
    if (!mine) return failure{mine.error()};
    auto sent = syscall::send_handle(passage.get(), mine->native_handle());
    if (!sent) return failure{sent.error()};
    return handed_side{std::move(*mine), std::move(passage)};
  }

  [[nodiscard]] result<void> send(const_bytes message) {
    if (auto met = meet(); !met) [[unlikely]]
      return met;
    return side_.send(message);
  }
  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer) {
    if (auto met = meet(); !met) [[unlikely]]
      return failure{met.error()};
    return side_.receive(buffer);
  }

 private:
  handed_side(Side mine, unique_fd passage)
      : side_(std::move(mine)), passage_(std::move(passage)) {}
  [[nodiscard]] result<void> meet() {
    if (!passage_) [[likely]]
      return {};
    auto other = syscall::receive_handle(passage_.get());
    if (!other) return failure{other.error()};
    passage_.reset();
    return side_.connect(std::move(*other));
  }

  Side side_;
  unique_fd passage_;  // until the other's memory came
};

class hardened_link {
 public:
  [[nodiscard]] static result<hardened_link> create(const link_options& options);
  [[nodiscard]] result<handed_side<hardened_sender>> sender() &&;
  [[nodiscard]] result<handed_side<hardened_receiver>> receiver() &&;
  void leave_to(crew&) { passage_.reset(); }

 private:
  hardened_link(syscall::socket_ends passage, std::size_t capacity_bytes) noexcept
      : passage_(std::move(passage)), capacity_bytes_(capacity_bytes) {}

  std::optional<syscall::socket_ends> passage_;
  std::size_t capacity_bytes_;
};

}  // namespace sluice::tour
