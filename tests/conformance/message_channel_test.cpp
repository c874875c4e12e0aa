// The suites for message channels, for every channel that there is: a new one is an adapter in
// message_links.hpp and a word in the lists here. The local channel runs first: it is what the
// suites themselves are checked with.

#include "conformance/channel_lists.hpp"
#include "conformance/hardened_links.hpp"
#include "conformance/message_channel_conformance.hpp"
#include "conformance/message_channel_peers.hpp"
#include "conformance/message_channel_processes.hpp"
#include "conformance/message_links.hpp"
#include "conformance/queue_links.hpp"
#include "conformance/ring_links.hpp"
#include "conformance/signal_links.hpp"
#include "conformance/socket_links.hpp"
#include "conformance/type_names.hpp"

namespace sluice::test {

using reference = channels<local_link>;
using between_processes =
    channels<framed_pipe_link, framed_fifo_link, framed_foreign_fifo_link, fifo_channel_link,
             system_v_queue_link, posix_queue_link, mailbox_link, signal_channel_link,
             ring_channel_link, named_ring_channel_link, ring_queue_link, named_ring_queue_link,
             hardened_ring_link, framed_unix_stream_link, unix_seqpacket_link, unix_datagram_link>;

// Whose ends are told late of what the other did: where the suites wait for it.
using told_late = channels<framed_tcp_link>;

// Whose ends cannot be given to another process.
using within_a_process = channels<ring_topic_link>;

INSTANTIATE_TYPED_TEST_SUITE_P(AloneReference, MessageChannel, reference::links, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(ThreadsReference, MessageChannelPeers, reference::with<thread_peer>,
                               link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(ThreadsReference, ManySenders, reference::many_senders<thread_peer>,
                               link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(ThreadsReference, ManyReceivers,
                               reference::many_receivers<thread_peer>, link_names);

INSTANTIATE_TYPED_TEST_SUITE_P(Alone, MessageChannel, between_processes::links, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(Threads, MessageChannelPeers, between_processes::with<thread_peer>,
                               link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(AloneWithin, MessageChannel, within_a_process::links, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(ThreadsWithin, MessageChannelPeers,
                               within_a_process::with<thread_peer>, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(Threads, ManySenders, between_processes::many_senders<thread_peer>,
                               link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(Threads, ManyReceivers,
                               between_processes::many_receivers<thread_peer>, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(Processes, ManyReceivers,
                               between_processes::many_receivers<process_peer>, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(Processes, LastingChannel, between_processes::lasting, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(Processes, MessageChannelPeers,
                               between_processes::with<process_peer>, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(Processes, ManySenders,
                               between_processes::many_senders<process_peer>, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(Processes, MessageChannelProcesses, between_processes::links,
                               link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(ThreadsLate, MessageChannelPeers, told_late::with<thread_peer>,
                               link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(ProcessesLate, MessageChannelPeers, told_late::with<process_peer>,
                               link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(ProcessesLate, MessageChannelProcesses, told_late::links,
                               link_names);

}  // namespace sluice::test
