// The suites for streams of bytes, for every stream that there is: a new one is an adapter in
// byte_stream_links.hpp and a word in each of the lists here.

#include "conformance/byte_stream_conformance.hpp"
#include "conformance/byte_stream_links.hpp"
#include "conformance/byte_stream_peers.hpp"
#include "conformance/byte_stream_waits.hpp"
#include "conformance/socket_links.hpp"
#include "conformance/type_names.hpp"

namespace sluice::test {

template <class... Links>
struct streams {
  using links = ::testing::Types<Links...>;
  using threads = ::testing::Types<between<Links, thread_peer>...>;
  using processes = ::testing::Types<between<Links, process_peer>...>;
};

using all_streams = streams<pipe_link, fifo_link, foreign_pipe_link, foreign_fifo_link,
                            unix_stream_link, unix_connection_link>;
// Whose ends are told late of what the other did: where the suites wait for it.
using late_streams = streams<tcp_stream_link, tcp_v6_stream_link>;

INSTANTIATE_TYPED_TEST_SUITE_P(Alone, ByteStream, all_streams::links, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(Alone, ByteStreamWaits, all_streams::links, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(Threads, ByteStreamPeers, all_streams::threads, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(Processes, ByteStreamPeers, all_streams::processes, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(Processes, ByteStreamProcesses, all_streams::links, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(ThreadsLate, ByteStreamPeers, late_streams::threads, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(ProcessesLate, ByteStreamPeers, late_streams::processes, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(ProcessesLate, ByteStreamProcesses, late_streams::links, link_names);

}  // namespace sluice::test
