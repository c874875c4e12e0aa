// Every channel with a descriptor as a member of a selector: pipes, queues, signals and rings.

#include "compose/selector_conformance.hpp"
#include "conformance/message_links.hpp"
#include "conformance/queue_links.hpp"
#include "conformance/ring_links.hpp"
#include "conformance/signal_links.hpp"
#include "conformance/type_names.hpp"

namespace sluice::test {
namespace {

using links = ::testing::Types<framed_pipe_link, framed_fifo_link, fifo_channel_link,
                               posix_queue_link, signal_channel_link, ring_channel_link,
                               named_ring_channel_link, ring_queue_link, ring_topic_link>;
INSTANTIATE_TYPED_TEST_SUITE_P(Each, SelectorOver, links, link_names);

using sending_links =
    ::testing::Types<framed_pipe_link, framed_fifo_link, fifo_channel_link, posix_queue_link,
                     ring_channel_link, ring_queue_link, ring_topic_link>;
INSTANTIATE_TYPED_TEST_SUITE_P(Each, SelectorOfSenders, sending_links, link_names);

using travelling_links =
    ::testing::Types<framed_pipe_link, framed_fifo_link, fifo_channel_link, posix_queue_link,
                     ring_channel_link, named_ring_channel_link, ring_queue_link>;
INSTANTIATE_TYPED_TEST_SUITE_P(Each, SelectorBetweenProcesses, travelling_links, link_names);

}  // namespace
}  // namespace sluice::test
