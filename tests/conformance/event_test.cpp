// The suites for events, for every event that there is: a new one is a struct and a word in each of
// the lists here.

#include <new>
#include <sluice/os/memory_map.hpp>
#include <sluice/primitive/event.hpp>
#include <sluice/primitive/posix_semaphore.hpp>
#include <sluice/primitive/shared_event.hpp>
#include <sluice/primitive/system_v_semaphore_set.hpp>

#include "conformance/event_conformance.hpp"
#include "conformance/signal_links.hpp"
#include "conformance/type_names.hpp"
#include "support/isolation.hpp"

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

// The event itself stays where it lies; what is used and moved says where that is.
class placed_event {
 public:
  explicit placed_event(shared_event& event) noexcept : event_(&event) {}
  [[nodiscard]] result<void> notify() { return event_->notify(); }
  [[nodiscard]] result<void> try_wait() { return event_->try_wait(); }
  [[nodiscard]] result<void> wait(deadline until = deadline::never()) {
    return event_->wait(until);
  }

 private:
  shared_event* event_;
};
static_assert(event_source<placed_event>);

template <bool Counting>
struct shared_event_link {
  static constexpr const char* name = Counting ? "shared_counting" : "shared_merging";
  static constexpr bool counting = Counting;
  memory_map memory = memory_map::create_anonymous(sizeof(shared_event)).value();
  placed_event event{*new (memory.writable_bytes().data()) shared_event{{.counting = Counting}}};
};

struct named_semaphore_link {
  static constexpr const char* name = "named_semaphore";
  static constexpr bool counting = true;
  posix_semaphore event = posix_semaphore::create(unique_name()).value();
};

struct placed_semaphore_link {
  static constexpr const char* name = "placed_semaphore";
  static constexpr bool counting = true;
  memory_map memory = memory_map::create_anonymous(posix_semaphore::size_bytes).value();
  posix_semaphore event = posix_semaphore::create_at(memory.writable_bytes()).value();
};

struct system_v_semaphore_link {
  static constexpr const char* name = "system_v_semaphore";
  static constexpr bool counting = true;
  system_v_semaphore_set set =
      system_v_semaphore_set::create_private({.initial = {7, 0, 7}}).value();
  system_v_semaphore event = set.semaphore(1).value();
};

template <class... Links>
struct events {
  using links = ::testing::Types<Links...>;
  template <class Peer>
  using with = ::testing::Types<between<Links, Peer>...>;
};

// Events of one process: a signal goes to a process, so no other can wait for it.
using own_events = events<signal_link<false>, signal_link<true>>;
using all_events = events<merging_event_link, counting_event_link, shared_event_link<false>,
                          shared_event_link<true>, named_semaphore_link, placed_semaphore_link,
                          system_v_semaphore_link>;

INSTANTIATE_TYPED_TEST_SUITE_P(Alone, Event, all_events::links, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(Threads, EventPeers, all_events::with<thread_peer>, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(AloneSignals, Event, own_events::links, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(ThreadsSignals, EventPeers, own_events::with<thread_peer>,
                               link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(Processes, EventPeers, all_events::with<process_peer>, link_names);
INSTANTIATE_TYPED_TEST_SUITE_P(Processes, EventProcesses, all_events::links, link_names);

}  // namespace sluice::test
