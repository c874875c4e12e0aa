// The library's events and semaphores, with messages in shared memory beside them.

#include <sluice/primitive/event.hpp>
#include <sluice/primitive/posix_semaphore.hpp>
#include <sluice/primitive/shared_event.hpp>
#include <sluice/primitive/system_v_semaphore.hpp>
#include <sluice/primitive/system_v_semaphore_set.hpp>

#include "library_ends.hpp"
#include "make_transport.hpp"
#include "slots.hpp"
#include "transports.hpp"

namespace bench {

namespace {

/// Any event of the library that counts, by its verbs.
template <class Event>
class counting {
 public:
  void give() { event().notify().value(); }
  void take() { event().wait().value(); }
  bool try_take() { return went_well(event().try_wait()); }

 protected:
  explicit counting(Event made) : made_(std::move(made)) {}
  Event& event() noexcept { return made_; }
  Event made_;
};

struct event_counter : counting<sluice::event> {
  static constexpr std::uint32_t most = 1U << 20;
  event_counter(std::byte* /*unused*/, std::uint32_t initial)
      : counting(sluice::event::create({.initial = initial, .counting = true}).value()) {}
};

class shared_event_counter {
 public:
  static constexpr std::uint32_t most = 1U << 20;
  shared_event_counter(std::byte* where, std::uint32_t initial)
      : made_(new(where) sluice::shared_event{{.initial = initial, .counting = true}}) {}
  void give() { made_->notify().value(); }
  void take() { made_->wait().value(); }
  bool try_take() { return went_well(made_->try_wait()); }

 private:
  sluice::shared_event* made_;
};

struct posix_counter : counting<sluice::posix_semaphore> {
  static constexpr std::uint32_t most = 1U << 20;
  posix_counter(std::byte* where, std::uint32_t initial)
      : counting(sluice::posix_semaphore::create_at({where, sluice::posix_semaphore::size_bytes},
                                                    initial)
                     .value()) {}
};

/// A set of one. Whoever made it removes it: the supervisor, once both processes have ended.
class system_v_counter {
 public:
  static constexpr std::uint32_t most = sluice::system_v_semaphore::max_value;
  system_v_counter(std::byte* /*unused*/, std::uint32_t initial)
      : set_(sluice::system_v_semaphore_set::create_private(
                 {.initial = {static_cast<std::uint16_t>(initial)}})
                 .value()),
        one_(set_.semaphore(0).value()) {}
  void give() { one_.notify().value(); }
  void take() { one_.wait().value(); }
  bool try_take() { return went_well(one_.try_wait()); }

 private:
  sluice::system_v_semaphore_set set_;
  sluice::system_v_semaphore one_;
};

template <bool Polls>
using event_link = slots_link<event_counter, Polls>;
template <bool Polls>
using shared_event_link = slots_link<shared_event_counter, Polls>;
template <bool Polls>
using posix_semaphore_link = slots_link<posix_counter, Polls>;
template <bool Polls>
using system_v_semaphore_link = slots_link<system_v_counter, Polls>;

}  // namespace

void add_counter_channels(std::vector<transport>& to) {
  add_both<event_link<true>, event_link<false>>(to, "event", role::ours, {}, "raw_eventfd");
  add_both<shared_event_link<true>, shared_event_link<false>>(to, "shared_event", role::ours, {});
  add_both<posix_semaphore_link<true>, posix_semaphore_link<false>>(
      to, "posix_semaphore", role::ours, {}, "raw_posix_semaphore");
  not_counted(to, 2);
  add_both<system_v_semaphore_link<true>, system_v_semaphore_link<false>>(
      to, "system_v_semaphore", role::ours, {}, "raw_system_v_semaphore");
}

}  // namespace bench
