#pragma once
// The ends of a ring_connection in the shape of the suites, over each of its carriers. How two
// processes come by them is the matter of ring_listener_test.cpp; what they do then is looked at
// here.

#include <concepts>
#include <cstddef>
#include <memory>
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

/// An end over the connection itself. It ends its direction for all who share the connection, so it
/// belongs to one process, and is made when it is first used.
template <class Connected, class Framed, class Bytes>
class late_connection_end {
 public:
  static constexpr channel_capabilities capabilities = ring_connection_capabilities;

  late_connection_end(shared_connection connection, std::size_t max_message_bytes)
      : connection_(std::move(connection)), max_message_bytes_(max_message_bytes) {}

  result<void> try_send(const_bytes message) { return end().try_send(message); }
  result<void> wait_writable(deadline until) { return end().wait_writable(until); }
  result<void> send(const_bytes message, deadline until = deadline::never()) {
    return end().send(message, until);
  }
  result<void> flush(deadline until = deadline::never())
    requires message_sender<Connected>
  {
    return end().flush(until);
  }
  [[nodiscard]] std::size_t max_message_bytes() const { return max_message_bytes_; }

  result<std::size_t> try_receive(mutable_bytes buffer) { return end().try_receive(buffer); }
  result<std::size_t> next_size() { return end().next_size(); }
  result<void> wait_readable(deadline until) { return end().wait_readable(until); }
  result<std::size_t> receive(mutable_bytes buffer, deadline until = deadline::never()) {
    return end().receive(buffer, until);
  }

 private:
  Connected& end() {
    if (!end_)
      end_.emplace(
          Framed::create(Bytes{connection_}, {.max_message_bytes = max_message_bytes_}).value());
    return *end_;
  }
  shared_connection connection_;
  std::size_t max_message_bytes_;
  std::optional<Connected> end_;
};

struct socket_connection_link {
  static constexpr const char* name = "socket_ring_connection";

  explicit socket_connection_link(std::size_t max_message_bytes = usual_max_message_bytes) {
    auto pair = unix_seqpacket::create_pair().value();
    // Each side has both directions; the suites look at one.
    sender.emplace(std::make_shared<unix_seqpacket>(std::move(pair.first)), max_message_bytes);
    receiver.emplace(std::make_shared<unix_seqpacket>(std::move(pair.second)), max_message_bytes);
  }
  std::optional<late_connection_end<ring_connection_sender, framed_sender<packet_byte_writer>,
                                    packet_byte_writer>>
      sender;
  std::optional<late_connection_end<ring_connection_receiver, framed_receiver<packet_byte_reader>,
                                    packet_byte_reader>>
      receiver;
};

}  // namespace sluice::test
