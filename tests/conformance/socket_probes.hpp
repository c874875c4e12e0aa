#pragma once
// Sockets in the shape that the experiments of traits_test.cpp want.

#include <sys/socket.h>

#include <optional>
#include <sluice/channel/udp_socket.hpp>
#include <sluice/compose/framed.hpp>
#include <string>

#include "conformance/gone_probe.hpp"
#include "conformance/socket_links.hpp"
#include "conformance/traits_probes.hpp"

namespace sluice::test {

template <class Link>
struct stream_socket_probe
    : gone_with_its_processes<naive_receiver<typename decltype(Link::reader)::value_type>> {
  using stream = typename decltype(Link::reader)::value_type;
  using sender_type = naive_sender<stream>;
  using receiver_type = naive_receiver<stream>;

  Link link;
  sender_type another_sender() const { return sender_type{link.writer->duplicate().value()}; }
  receiver_type another_receiver() const { return receiver_type{link.reader->duplicate().value()}; }
  // A stream has no messages: there is nothing to limit.
  static bool accepts_maximum(std::size_t) { return true; }
};

struct unix_stream_probe : stream_socket_probe<unix_stream_link> {
  static constexpr const char* name = "unix_stream";
};
struct tcp_stream_probe : stream_socket_probe<tcp_stream_link> {
  static constexpr const char* name = "tcp_stream";
  // Else the kernel takes megabytes at once, and no message is too long for it.
  tcp_stream_probe() {
    const int small = 20'000;
    EXPECT_EQ(
        ::setsockopt(link.writer->native_handle(), SOL_SOCKET, SO_SNDBUF, &small, sizeof small), 0);
    EXPECT_EQ(
        ::setsockopt(link.reader->native_handle(), SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
  }
};

/// Frames over the streams of such a probe.
template <class Probe>
struct framed_socket_probe : gone_with_its_processes<framed_receiver<typename Probe::stream>> {
  using sender_type = framed_sender<typename Probe::stream>;
  using receiver_type = framed_receiver<typename Probe::stream>;

  Probe streams;
  sender_type another_sender() const {
    return sender_type::create(streams.link.writer->duplicate().value()).value();
  }
  receiver_type another_receiver() const {
    return receiver_type::create(streams.link.reader->duplicate().value()).value();
  }
  static bool accepts_maximum(std::size_t bytes) {
    Probe made;
    return sender_type::create(std::move(*made.link.writer), {.max_message_bytes = bytes})
        .has_value();
  }
};
struct framed_unix_stream_probe : framed_socket_probe<unix_stream_probe> {
  static constexpr const char* name = "framed_unix_stream";
};
struct framed_tcp_probe : framed_socket_probe<tcp_stream_probe> {
  static constexpr const char* name = "framed_tcp";
};

struct unix_seqpacket_probe : gone_with_its_processes<unix_seqpacket> {
  static constexpr const char* name = "unix_seqpacket";
  using sender_type = unix_seqpacket;
  using receiver_type = unix_seqpacket;

  unix_seqpacket_link link;
  sender_type another_sender() const { return link.another_sender(); }
  receiver_type another_receiver() const { return link.another_receiver(); }
  bool accepts_maximum(std::size_t bytes) const {
    return link.another_sender().try_send(message_bytes(bytes)).has_value();
  }
};

struct unix_datagram_probe : gone_with_its_processes<unix_datagram_receiver> {
  static constexpr const char* name = "unix_datagram";
  using sender_type = unix_datagram_sender;
  using receiver_type = unix_datagram_receiver;

  unix_datagram_link link;
  sender_type another_sender() const { return link.another_sender(); }
  receiver_type another_receiver() const { return link.another_receiver(); }
  bool accepts_maximum(std::size_t bytes) const {
    return link.another_sender().try_send(message_bytes(bytes)).has_value();
  }
};

/// On the loopback address, where what finds room arrives at once.
struct udp_probe : gone_with_its_processes<udp_socket> {
  static constexpr const char* name = "udp";
  using sender_type = udp_socket;
  using receiver_type = udp_socket;

  udp_socket bound = udp_socket::create().value();
  sender_type another_sender() const {
    auto made = udp_socket::create().value();
    EXPECT_TRUE(made.connect(bound.address()));
    return made;
  }
  receiver_type another_receiver() const { return bound.duplicate().value(); }
  bool accepts_maximum(std::size_t bytes) const {
    return another_sender().try_send(message_bytes(bytes)).has_value();
  }
};

}  // namespace sluice::test
