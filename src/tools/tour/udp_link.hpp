#pragma once
// UDP in the tour. It may lose messages, so each piece is sent again until its receipt comes: the
// simplest protocol that makes of it what every other mechanism is by itself.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <sluice/channel/udp_socket.hpp>
#include <utility>
#include <vector>

#include "tools/tour/link.hpp"

namespace sluice::tour {

/// Sends whole messages in pieces, one under way at a time.
class receipted_sender {
 public:
  explicit receipted_sender(udp_socket to);
  receipted_sender(receipted_sender&& other) noexcept
      : to_(std::move(other.to_)),
        staged_(std::move(other.staged_)),
        number_(other.number_),
        must_end_(std::exchange(other.must_end_, false)) {}
  receipted_sender& operator=(receipted_sender&&) = delete;
  ~receipted_sender();
  [[nodiscard]] result<void> send(const_bytes message);

 private:
  [[nodiscard]] result<void> send_piece(std::uint8_t kind, const_bytes bytes, int tries);
  udp_socket to_;
  std::vector<std::byte> staged_;
  std::uint32_t number_ = 0;
  bool must_end_ = true;
};

/// Puts them together again, and gives receipts.
class receipting_receiver {
 public:
  explicit receipting_receiver(udp_socket from);
  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer);

 private:
  udp_socket from_;
  std::vector<std::byte> staged_;
  std::uint32_t expected_ = 0;
};

/// Two sockets on the loopback address that hear nobody but each other.
class udp_link {
 public:
  [[nodiscard]] static result<udp_link> create(const link_options& options);
  [[nodiscard]] result<receipted_sender> sender() &&;
  [[nodiscard]] result<receipting_receiver> receiver() &&;
  void leave_to(crew&) { ends_.reset(); }

 private:
  struct both_ends {
    udp_socket sender;
    udp_socket receiver;
  };
  explicit udp_link(both_ends ends) : ends_(std::move(ends)) {}
  std::optional<both_ends> ends_;
};

}  // namespace sluice::tour
