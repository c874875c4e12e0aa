// Sockets of every kind in the event loop of Asio.

#include "asio/asio_channel_suite.hpp"
#include "asio/asio_stream_suite.hpp"
#include "conformance/socket_links.hpp"
#include "conformance/type_names.hpp"

namespace sluice::test {
namespace {

using links = testing::Types<framed_unix_stream_link, unix_seqpacket_link, unix_datagram_link,
                             framed_tcp_link>;
INSTANTIATE_TYPED_TEST_SUITE_P(OfSockets, AsioChannel, links, link_names);

using streams =
    testing::Types<unix_stream_link, unix_connection_link, tcp_stream_link, tcp_v6_stream_link>;
INSTANTIATE_TYPED_TEST_SUITE_P(OfSockets, AsioStream, streams, link_names);

}  // namespace
}  // namespace sluice::test
