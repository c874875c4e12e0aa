#pragma once
// The ends of a ring_connection in the shape of the suites, over each of its carriers. How two
// processes come by them is the matter of ring_listener_test.cpp; what they do then is looked at
// here.

#include <concepts>
#include <cstddef>
#include <optional>
#include <sluice/compose/ring_connection_ends.hpp>
#include <utility>

#include "conformance/hardened_links.hpp"
#include "conformance/ring_links.hpp"
#include "conformance/socket_links.hpp"

namespace sluice::test {

/// An end of a connection that is carried by `Carrier`, and is made as that is made.
template <class Connected, class Carrier>
struct connection_end : Connected {
  connection_end(Carrier carrier) : Connected(std::move(carrier)) {}

  static result<connection_end> attach(const ring_channel& ring) {
    return over(Carrier::attach(ring));
  }
  static result<connection_end> create(const hardened_sender_options& options)
    requires std::same_as<Carrier, hardened_sender>
  {
    return over(Carrier::create(options));
  }
  static result<connection_end> create()
    requires std::same_as<Carrier, hardened_receiver>
  {
    return over(Carrier::create());
  }
  result<void> connect(unique_fd other) { return carrier().connect(std::move(other)); }
  [[nodiscard]] int native_handle() { return carrier().native_handle(); }

 private:
  static result<connection_end> over(result<Carrier> made) {
    if (!made) return failure{made.error()};
    return connection_end{std::move(*made)};
  }
  Carrier& carrier() { return *this->template get_if<Carrier>(); }
};
template <class Carrier>
using connection_sender_of = connection_end<ring_connection_sender, Carrier>;
template <class Carrier>
using connection_receiver_of = connection_end<ring_connection_receiver, Carrier>;

struct ring_connection_link : ring_link<ring_channel, connection_sender_of<ring_sender>,
                                        connection_receiver_of<ring_receiver>, false> {
  static constexpr const char* name = "ring_connection";
  using ring_link::ring_link;
};

struct hardened_connection_link : hardened_link<connection_sender_of<hardened_sender>,
                                                connection_receiver_of<hardened_receiver>> {
  static constexpr const char* name = "hardened_ring_connection";
  using hardened_link::hardened_link;
};

struct socket_connection_link {
  static constexpr const char* name = "socket_ring_connection";

  explicit socket_connection_link(std::size_t max_message_bytes = usual_max_message_bytes) {
    auto pair = unix_seqpacket::create_pair().value();
    // Each side has both directions; the tests look at one.
    const auto one = std::make_shared<unix_seqpacket>(std::move(pair.first));
    const auto other = std::make_shared<unix_seqpacket>(std::move(pair.second));
    const frame_options options{.max_message_bytes = max_message_bytes};
    sender.emplace(writing::create(packet_byte_writer{one}, options).value());
    receiver.emplace(reading::create(packet_byte_reader{other}, options).value());
  }
  using writing = framed_sender<packet_byte_writer>;
  using reading = framed_receiver<packet_byte_reader>;
  std::optional<connection_sender_of<writing>> sender;
  std::optional<connection_receiver_of<reading>> receiver;
};

}  // namespace sluice::test
