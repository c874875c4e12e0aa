// The suites for message channels, for channels behind any_sender and any_receiver.

#include "conformance/any_links.hpp"
#include "conformance/channel_lists.hpp"
#include "conformance/message_channel_conformance.hpp"
#include "conformance/message_channel_peers.hpp"
#include "conformance/message_channel_processes.hpp"
#include "conformance/type_names.hpp"

namespace sluice::test {

using any_between_processes =
    channels<any_framed_pipe_link, any_fifo_channel_link, any_system_v_queue_link,
             any_posix_queue_link, any_mailbox_link, any_signal_channel_link, any_ring_channel_link,
             any_ring_queue_link, system_v_selection_link, any_framed_unix_stream_link,
             any_unix_seqpacket_link, any_unix_datagram_link, unix_address_link>;
// With one sender and one receiver, whatever its class can do.
using any_of_one_peer = channels<unix_seqpacket_address_link>;
// Whose ends are told late of what the other did: where the suites wait for it.
using any_told_late = channels<any_framed_tcp_link>;
using any_within_a_process = channels<any_local_link, any_ring_topic_link>;

INSTANTIATE_TYPED_TEST_SUITE_P(AnyWithin, MessageChannel, any_within_a_process::links, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(AnyThreadsWithin, MessageChannelPeers,
                               any_within_a_process::with<thread_peer>, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(AnyAlone, MessageChannel, any_between_processes::links, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(AnyProcesses, MessageChannelPeers,
                               any_between_processes::with<process_peer>, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(AnyProcesses, ManySenders,
                               any_between_processes::many_senders<process_peer>, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(AnyProcesses, ManyReceivers,
                               any_between_processes::many_receivers<process_peer>, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(AnyProcesses, MessageChannelProcesses, any_between_processes::links,
                               link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(AnyAloneOfOne, MessageChannel, any_of_one_peer::links, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(AnyProcessesOfOne, MessageChannelPeers,
                               any_of_one_peer::with<process_peer>, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(AnyProcessesOfOne, MessageChannelProcesses, any_of_one_peer::links,
                               link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(AnyProcessesLate, MessageChannelPeers,
                               any_told_late::with<process_peer>, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(AnyProcesses, LastingChannel, any_between_processes::lasting,
                               link_names);

}  // namespace sluice::test
