// Sockets as members of a selector.

#include "compose/selector_conformance.hpp"
#include "conformance/socket_links.hpp"
#include "conformance/type_names.hpp"

namespace sluice::test {
namespace {

using links = ::testing::Types<framed_unix_stream_link, unix_seqpacket_link, unix_datagram_link,
                               framed_tcp_link, udp_link>;
INSTANTIATE_TYPED_TEST_SUITE_P(Socket, SelectorOver, links, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(Socket, SelectorBetweenProcesses, links, link_names);

// TCP gives room when the other side's kernel says so, and UDP loses what there is none for.
using sending_links =
    ::testing::Types<framed_unix_stream_link, unix_seqpacket_link, unix_datagram_link>;
INSTANTIATE_TYPED_TEST_SUITE_P(Socket, SelectorOfSenders, sending_links, link_names);

}  // namespace
}  // namespace sluice::test
