#include "crew_parts.hpp"

namespace bench {

std::vector<crew_transport> all_crew_transports() {
  std::vector<crew_transport> all;
  add_raw_stream_crews(all);
  add_futex_crews(all);
  add_raw_queue_crews(all);
  add_ring_channel_crew(all);
  add_ring_queue_crew(all);
  add_ring_topic_crew(all);
  add_stream_channel_crews(all);
  add_packet_channel_crews(all);
  add_queue_channel_crews(all);
#ifdef SLUICE_BENCH_BOOST
  add_boost_queue_crew(all);
#endif
#ifdef SLUICE_BENCH_ZEROMQ
  add_zeromq_crew(all);
#endif
#ifdef SLUICE_BENCH_NNG
  add_nng_crew(all);
#endif
#ifdef SLUICE_BENCH_ICEORYX
  add_iceoryx_crew(all);
#endif
  return all;
}

}  // namespace bench
