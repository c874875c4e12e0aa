#pragma once
// All that is measured. What the build left out is named with the reason.

#include <string>
#include <vector>

#include "transport.hpp"

namespace bench {

[[nodiscard]] std::vector<transport> all_transports();
/// "ZeroMQ: libzmq3-dev was not found when this was built": what is left out, and why.
[[nodiscard]] std::vector<std::string> missing_transports();

// By file, each adding its own. First what nothing can beat, then raw system calls, the library,
// and others.
void add_polling_floors(std::vector<transport>& to);
void add_blocking_floors(std::vector<transport>& to);
void add_raw_streams(std::vector<transport>& to);
void add_raw_packets(std::vector<transport>& to);
void add_raw_queues(std::vector<transport>& to);
void add_raw_signals(std::vector<transport>& to);
void add_raw_counters(std::vector<transport>& to);
void add_ring_channel(std::vector<transport>& to);
void add_ring_queue(std::vector<transport>& to);
void add_ring_topic(std::vector<transport>& to);
void add_hardened_ring(std::vector<transport>& to);
void add_stream_channels(std::vector<transport>& to);
void add_packet_channels(std::vector<transport>& to);
void add_queue_channels(std::vector<transport>& to);
void add_signal_channels(std::vector<transport>& to);
void add_counter_channels(std::vector<transport>& to);
void add_rings(std::vector<transport>& to);
void add_boost_lockfree(std::vector<transport>& to);
void add_boost_queue(std::vector<transport>& to);
void add_zeromq(std::vector<transport>& to);
void add_nng(std::vector<transport>& to);
void add_iceoryx(std::vector<transport>& to);

}  // namespace bench
