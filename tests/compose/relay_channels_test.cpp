// Relays into and out of every channel.

#include "compose/relay_conformance.hpp"
#include "conformance/hardened_links.hpp"
#include "conformance/message_links.hpp"
#include "conformance/queue_links.hpp"
#include "conformance/ring_links.hpp"
#include "conformance/signal_links.hpp"
#include "conformance/type_names.hpp"

namespace sluice::test {
namespace {

using links = ::testing::Types<local_link, framed_pipe_link, framed_fifo_link, fifo_channel_link,
                               system_v_queue_link, posix_queue_link, mailbox_link,
                               signal_channel_link, ring_channel_link, named_ring_channel_link,
                               ring_queue_link, ring_topic_link, hardened_ring_link>;
INSTANTIATE_TYPED_TEST_SUITE_P(Each, RelayOver, links, link_names);

using ending_links =
    ::testing::Types<local_link, framed_pipe_link, framed_fifo_link, fifo_channel_link,
                     signal_channel_link, ring_channel_link, ring_queue_link, hardened_ring_link>;
INSTANTIATE_TYPED_TEST_SUITE_P(Each, RelayOfEnds, ending_links, link_names);

}  // namespace
}  // namespace sluice::test
