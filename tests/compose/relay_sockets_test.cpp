// Relays into and out of sockets.

#include "compose/relay_conformance.hpp"
#include "conformance/socket_links.hpp"
#include "conformance/type_names.hpp"

namespace sluice::test {
namespace {

using links = ::testing::Types<framed_unix_stream_link, unix_seqpacket_link, unix_datagram_link,
                               framed_tcp_link, udp_link>;
INSTANTIATE_TYPED_TEST_SUITE_P(Socket, RelayOver, links, link_names);

using ending_links =
    ::testing::Types<framed_unix_stream_link, unix_seqpacket_link, framed_tcp_link>;
INSTANTIATE_TYPED_TEST_SUITE_P(Socket, RelayOfEnds, ending_links, link_names);

}  // namespace
}  // namespace sluice::test
