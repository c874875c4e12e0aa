// The suites for message channels, for the ends of a ring_connection over each of its carriers.

#include "conformance/channel_lists.hpp"
#include "conformance/connection_links.hpp"
#include "conformance/message_channel_conformance.hpp"
#include "conformance/message_channel_peers.hpp"
#include "conformance/message_channel_processes.hpp"
#include "conformance/type_names.hpp"

namespace sluice::test {

using connections =
    channels<ring_connection_link, hardened_connection_link, socket_connection_link>;

INSTANTIATE_TYPED_TEST_SUITE_P(ConnectionAlone, MessageChannel, connections::links, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(ConnectionThreads, MessageChannelPeers,
                               connections::with<thread_peer>, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(ConnectionProcesses, MessageChannelPeers,
                               connections::with<process_peer>, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(ConnectionProcesses, MessageChannelProcesses, connections::links,
                               link_names);

}  // namespace sluice::test
