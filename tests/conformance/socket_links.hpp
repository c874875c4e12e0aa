#pragma once
// Sockets in the shape of the suites.

#include <cstddef>
#include <optional>
#include <sluice/channel/tcp_listener.hpp>
#include <sluice/channel/tcp_stream.hpp>
#include <sluice/channel/udp_socket.hpp>
#include <sluice/channel/unix_datagram.hpp>
#include <sluice/channel/unix_listener.hpp>
#include <sluice/channel/unix_seqpacket.hpp>
#include <sluice/channel/unix_stream.hpp>
#include <string>

#include "conformance/message_links.hpp"
#include "support/isolation.hpp"

namespace sluice::test {

struct unix_stream_link {
  static constexpr const char* name = "unix_stream";
  static constexpr bool shares_description = true;
  static constexpr bool room_comes_in_lumps = true;

  unix_stream_link() {
    auto made = unix_stream::create_pair().value();
    reader.emplace(std::move(made.first));
    writer.emplace(std::move(made.second));
  }
  std::optional<unix_stream> reader;
  std::optional<unix_stream> writer;
};

/// The same through a listener.
struct unix_connection_link {
  static constexpr const char* name = "unix_connection";
  static constexpr bool shares_description = true;
  static constexpr bool room_comes_in_lumps = true;

  unix_connection_link() {
    const std::string text = unique_name();
    auto server = unix_stream_listener::create(text).value();
    writer.emplace(unix_stream::connect(text).value());
    reader.emplace(server.accept(deadline::now()).value());
  }
  std::optional<unix_stream> reader;
  std::optional<unix_stream> writer;
};

/// Over the loopback address. What one side did the other is told soon, but not at once: this takes
/// part where the suites wait.
struct tcp_stream_link {
  static constexpr const char* name = "tcp_stream";
  static constexpr bool shares_description = true;
  static constexpr bool is_told_late = true;

  tcp_stream_link() {
    auto server = tcp_listener::create().value();
    writer.emplace(tcp_stream::connect(server.address(), deadline{patience}).value());
    reader.emplace(server.accept(deadline{patience}).value());
  }
  std::optional<tcp_stream> reader;
  std::optional<tcp_stream> writer;
};
struct tcp_v6_stream_link {
  static constexpr const char* name = "tcp_v6_stream";
  static constexpr bool shares_description = true;
  static constexpr bool is_told_late = true;

  tcp_v6_stream_link() {
    auto server = tcp_listener::create({.address = inet_address::loopback_v6()}).value();
    writer.emplace(tcp_stream::connect(server.address(), deadline{patience}).value());
    reader.emplace(server.accept(deadline{patience}).value());
  }
  std::optional<tcp_stream> reader;
  std::optional<tcp_stream> writer;
};

struct framed_unix_stream_link : framed_link<unix_stream_link> {
  static constexpr const char* name = "framed_unix_stream";
  using framed_link::framed_link;
};
struct framed_tcp_link : framed_link<tcp_stream_link> {
  static constexpr const char* name = "framed_tcp";
  static constexpr bool is_told_late = true;
  using framed_link::framed_link;
};

struct unix_seqpacket_link {
  static constexpr const char* name = "unix_seqpacket";

  explicit unix_seqpacket_link(std::size_t = 0) {
    auto made = unix_seqpacket::create_pair().value();
    sender.emplace(std::move(made.first));
    receiver.emplace(std::move(made.second));
  }
  [[nodiscard]] unix_seqpacket another_sender() const { return sender->duplicate().value(); }
  [[nodiscard]] unix_seqpacket another_receiver() const { return receiver->duplicate().value(); }

  std::optional<unix_seqpacket> sender;
  std::optional<unix_seqpacket> receiver;
};

struct unix_datagram_link {
  static constexpr const char* name = "unix_datagram";

  explicit unix_datagram_link(std::size_t = 0) : name_(unique_name()) {
    receiver.emplace(unix_datagram_receiver::create(name_).value());
    sender.emplace(another_sender());
  }
  [[nodiscard]] unix_datagram_sender another_sender() const {
    return unix_datagram_sender::connect(name_).value();
  }
  [[nodiscard]] unix_datagram_receiver another_receiver() const {
    return receiver->duplicate().value();
  }

 private:
  std::string name_;

 public:
  std::optional<unix_datagram_sender> sender;
  std::optional<unix_datagram_receiver> receiver;
};

/// Two on the loopback address that hear nobody else. It may lose messages, so it takes part where
/// there are few under way.
struct udp_link {
  static constexpr const char* name = "udp";
  static constexpr bool is_told_late = true;

  udp_link() {
    sender.emplace(udp_socket::create().value());
    receiver.emplace(udp_socket::create().value());
    EXPECT_TRUE(sender->connect(receiver->address()));
    EXPECT_TRUE(receiver->connect(sender->address()));
  }
  std::optional<udp_socket> sender;
  std::optional<udp_socket> receiver;
};

}  // namespace sluice::test
