#pragma once
// Three channels of different kinds in the tour, and one receiver that waits for all of them by a
// selector.

#include <array>
#include <cstddef>
#include <optional>
#include <sluice/channel/pipe.hpp>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/channel/unix_stream.hpp>
#include <sluice/compose/framed.hpp>
#include <sluice/compose/selector.hpp>
#include <utility>
#include <variant>
#include <vector>

#include "tools/tour/link.hpp"

namespace sluice::tour {

/// One of the three.
class one_of_three_sender {
 public:
  using held_type =
      std::variant<framed_sender<pipe_writer>, framed_sender<unix_stream>, ring_sender>;
  explicit one_of_three_sender(held_type held) : held_(std::move(held)) {}
  [[nodiscard]] result<void> send(const_bytes message) {
    return std::visit([&](auto& end) { return end.send(message); }, held_);
  }

 private:
  held_type held_;
};

/// Of all three: some messages of whoever has some, and then the next one's.
class gathering_receiver {
 public:
  struct three {
    framed_receiver<pipe_reader> from_pipe;
    framed_receiver<unix_stream> from_socket;
    ring_receiver from_ring;
  };
  [[nodiscard]] static result<gathering_receiver> create(three from);
  /// `closed` when all three are.
  [[nodiscard]] result<std::size_t> receive(mutable_bytes buffer);

 private:
  gathering_receiver(three from, selector all) : from_(std::move(from)), all_(std::move(all)) {}
  [[nodiscard]] result<std::size_t> try_receive(std::size_t which, mutable_bytes buffer);

  three from_;
  selector all_;
  std::array<selector_key, 3> keys_ = {};
  std::vector<std::size_t> ready_ = {};  // the last one's turn is now
  int taken_in_turn_ = 0;
};

class gathering_link {
 public:
  [[nodiscard]] static result<gathering_link> create(const link_options& options);
  /// Each who asks gets another one.
  [[nodiscard]] result<one_of_three_sender> sender() &&;
  [[nodiscard]] result<gathering_receiver> receiver() &&;
  void leave_to(crew&) { parts_.reset(); }

 private:
  struct parts {
    pipe first;
    unix_stream_pair second;
    ring_channel third;
    pipe turns;  // a byte for each: who reads it has that channel
  };
  gathering_link(parts made, const link_options& options)
      : parts_(std::move(made)), options_(options) {}
  std::optional<parts> parts_;
  link_options options_;
};

}  // namespace sluice::tour
