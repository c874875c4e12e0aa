// The library's queue: several senders, of which each has a lane of its own, into one receiver.

#include <sluice/channel/ring_queue.hpp>

#include "crew_parts.hpp"
#include "library_ends.hpp"
#include "make_transport.hpp"
#include "transports.hpp"

namespace bench {

namespace {

template <bool Polls, std::uint32_t Senders>
class queue_link {
 public:
  explicit queue_link(const link_options& options)
      : queue_(sluice::ring_queue::create_anonymous(
                   {.capacity_bytes = options.memory_bytes, .max_senders = Senders})
                   .value()),
        wait_(options.wait) {}

  auto become_sender() const {
    return sender_end<Polls>(sluice::ring_queue_sender::attach(queue_).value(), wait_);
  }
  auto become_receiver() const {
    return receiver_end<Polls>(sluice::ring_queue_receiver::attach(queue_).value(), wait_);
  }

 private:
  sluice::ring_queue queue_;
  wait_loop wait_;
};

template <bool Polls>
using one_to_one = queue_link<Polls, 1>;

}  // namespace

void add_ring_queue(std::vector<transport>& to) {
  add_both<one_to_one<true>, one_to_one<false>>(to, "ring_queue", role::ours, {});
}

void add_ring_queue_crew(std::vector<crew_transport>& to) {
  to.push_back(make_crew_transport<queue_link<false, max_crew>>("ring_queue", role::ours));
}

}  // namespace bench
