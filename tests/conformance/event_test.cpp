// The suites for events, for every event that there is: a new one is a struct and a word in each of
// the lists here.

#include <sluice/primitive/event.hpp>

#include "conformance/event_conformance.hpp"
#include "conformance/signal_links.hpp"
#include "conformance/type_names.hpp"

namespace sluice::test {

struct merging_event_link {
  static constexpr const char* name = "merging";
  static constexpr bool counting = false;
  sluice::event event = sluice::event::create().value();
};

struct counting_event_link {
  static constexpr const char* name = "counting";
  static constexpr bool counting = true;
  sluice::event event = sluice::event::create({.counting = true}).value();
};

template <class... Links>
struct events {
  using links = ::testing::Types<Links...>;
  template <class Peer>
  using with = ::testing::Types<between<Links, Peer>...>;
};

using all_events = events<merging_event_link, counting_event_link>;
// Events of one process: a signal goes to a process, so no other can wait for it.
using own_events = events<signal_link<false>, signal_link<true>>;

INSTANTIATE_TYPED_TEST_SUITE_P(Alone, Event, all_events::links, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(Threads, EventPeers, all_events::with<thread_peer>, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(AloneSignals, Event, own_events::links, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(ThreadsSignals, EventPeers, own_events::with<thread_peer>,
                               link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(Processes, EventPeers, all_events::with<process_peer>, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(Processes, EventProcesses, all_events::links, link_names);

}  // namespace sluice::test
