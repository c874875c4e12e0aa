// The library's queue: several senders, of which each has a lane of its own, into one receiver.

#include <sluice/channel/ring_queue.hpp>

#include "crew_parts.hpp"

namespace bench {

namespace {

class queue_link {
 public:
  explicit queue_link(const link_options& options)
      : queue_(sluice::ring_queue::create_anonymous(
                   {.capacity_bytes = options.memory_bytes, .max_senders = max_crew})
                   .value()) {}

  struct sender {
    sluice::ring_queue_sender end;
    void send(sluice::const_bytes message) { end.send(message).value(); }
  };
  struct receiver {
    sluice::ring_queue_receiver end;
    std::size_t receive(sluice::mutable_bytes into) { return end.receive(into).value(); }
  };
  sender become_sender() const { return {sluice::ring_queue_sender::attach(queue_).value()}; }
  receiver become_receiver() const { return {sluice::ring_queue_receiver::attach(queue_).value()}; }

 private:
  sluice::ring_queue queue_;
};

}  // namespace

void add_ring_queue_crew(std::vector<crew_transport>& to) {
  to.push_back(make_crew_transport<queue_link>("ring_queue", role::ours));
}

}  // namespace bench
