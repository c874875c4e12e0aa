#include "crew_parts.hpp"

namespace bench {

std::vector<crew_transport> all_crew_transports() {
  std::vector<crew_transport> all;
  add_pipe_crew(all);
  add_ring_channel_crew(all);
  add_ring_queue_crew(all);
  add_ring_topic_crew(all);
#ifdef SLUICE_BENCH_BOOST
  add_boost_queue_crew(all);
#endif
  return all;
}

}  // namespace bench
