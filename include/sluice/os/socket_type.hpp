#pragma once
// The three kinds of sockets that Sluice speaks.

namespace sluice {

enum class socket_type {
  stream,     ///< Bytes over a connection.
  seqpacket,  ///< Messages over a connection.
  datagram,   ///< Messages without a connection.
};

}  // namespace sluice
