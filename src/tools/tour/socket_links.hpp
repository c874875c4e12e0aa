#pragma once
// Links over sockets: connections that the children inherit, and messages without a connection.

#include <optional>
#include <sluice/channel/tcp_stream.hpp>
#include <sluice/channel/unix_datagram.hpp>
#include <sluice/channel/unix_seqpacket.hpp>
#include <sluice/channel/unix_stream.hpp>
#include <sluice/compose/framed.hpp>
#include <utility>

#include "tools/tour/link.hpp"
#include "tools/tour/queue_links.hpp"

namespace sluice::tour {

/// A connection that carries bytes, with frames.
template <class Stream>
class framed_socket_link {
 public:
  [[nodiscard]] static result<framed_socket_link> create(const link_options& options);
  [[nodiscard]] result<framed_sender<Stream>> sender() && {
    auto mine = std::exchange(ends_, std::nullopt);
    return framed_sender<Stream>::create(std::move(mine->writer), frames());
  }
  [[nodiscard]] result<framed_receiver<Stream>> receiver() && {
    auto mine = std::exchange(ends_, std::nullopt);
    return framed_receiver<Stream>::create(std::move(mine->reader), frames());
  }
  void leave_to(crew&) { ends_.reset(); }

 private:
  struct both_ends {
    Stream writer;
    Stream reader;
  };
  framed_socket_link(Stream writer, Stream reader, const link_options& options)
      : ends_(both_ends{std::move(writer), std::move(reader)}), options_(options) {}
  [[nodiscard]] frame_options frames() const {
    return {.max_message_bytes = options_.max_message_bytes};
  }
  std::optional<both_ends> ends_;
  link_options options_;
};

using unix_stream_link = framed_socket_link<unix_stream>;
using tcp_link = framed_socket_link<tcp_stream>;
template <>
result<unix_stream_link> unix_stream_link::create(const link_options& options);
template <>
result<tcp_link> tcp_link::create(const link_options& options);

/// A connection that carries messages; what is longer than they may be goes in pieces.
class unix_seqpacket_link {
 public:
  [[nodiscard]] static result<unix_seqpacket_link> create(const link_options& options);
  [[nodiscard]] result<pieces_sender<unix_seqpacket>> sender() &&;
  [[nodiscard]] result<pieces_receiver<unix_seqpacket>> receiver() &&;
  void leave_to(crew&) { ends_.reset(); }

 private:
  explicit unix_seqpacket_link(unix_seqpacket_pair ends) : ends_(std::move(ends)) {}
  std::optional<unix_seqpacket_pair> ends_;
};

/// A receiver under a name that nobody else has, made before its sender asks for it.
class unix_datagram_link {
 public:
  [[nodiscard]] static result<unix_datagram_link> create(const link_options& options);
  [[nodiscard]] result<pieces_sender<unix_datagram_sender>> sender() &&;
  [[nodiscard]] result<pieces_receiver<unix_datagram_receiver>> receiver() &&;
  void leave_to(crew&) {}

 private:
  unix_datagram_link(std::string name, unix_datagram_receiver made)
      : name_(std::move(name)), made_(std::move(made)) {}
  std::string name_;
  std::optional<unix_datagram_receiver> made_;
};

}  // namespace sluice::tour
