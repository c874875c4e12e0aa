#include "transports.hpp"

namespace bench {

std::vector<transport> all_transports() {
  std::vector<transport> all;
  add_polling_floors(all);
  add_blocking_floors(all);
  add_raw_streams(all);
  add_raw_packets(all);
  add_raw_queues(all);
  add_raw_signals(all);
  add_raw_counters(all);
  add_ring_channel(all);
  add_ring_queue(all);
  add_ring_topic(all);
  add_hardened_ring(all);
  add_stream_channels(all);
  add_packet_channels(all);
  add_queue_channels(all);
  add_signal_channels(all);
  add_counter_channels(all);
  add_rings(all);
#ifdef SLUICE_BENCH_BOOST
  add_boost_lockfree(all);
  add_boost_queue(all);
#endif
#ifdef SLUICE_BENCH_ZEROMQ
  add_zeromq(all);
#endif
#ifdef SLUICE_BENCH_NNG
  add_nng(all);
#endif
#ifdef SLUICE_BENCH_ICEORYX
  add_iceoryx(all);
#endif
  return all;
}

std::vector<std::string> missing_transports() {
  std::vector<std::string> missing;
  [[maybe_unused]] const std::string why = " was not found when this was built";
#ifndef SLUICE_BENCH_BOOST
  missing.emplace_back("boost::lockfree::spsc_queue, Boost.Interprocess: libboost1.81-dev" + why);
#endif
#ifndef SLUICE_BENCH_ZEROMQ
  missing.emplace_back("ZeroMQ: libzmq3-dev" + why);
#endif
#ifndef SLUICE_BENCH_NNG
  missing.emplace_back("nng: libnng-dev" + why);
#endif
#ifndef SLUICE_BENCH_ICEORYX
  missing.emplace_back("iceoryx: libiceoryx-posh-dev" + why);
#endif
  return missing;
}

}  // namespace bench
