// The library's ring, one to one, as it is by default: with every check that its users get.

#include <sluice/channel/ring_channel.hpp>

#include "crew_parts.hpp"
#include "polling_ends.hpp"
#include "transports.hpp"

namespace bench {

namespace {

// What is not would_block is a broken ring, and thrown.
template <class Outcome>
bool went_well(const Outcome& outcome) {
  if (outcome) [[likely]]
    return true;
  if (!sluice::would_block(outcome.error())) throw std::runtime_error{outcome.error().message()};
  return false;
}

struct ring_producer {
  sluice::ring_sender sender;
  bool try_push(sluice::const_bytes message) { return went_well(sender.try_send(message)); }
};

struct ring_consumer {
  sluice::ring_receiver receiver;
  // No message is empty here.
  std::size_t try_pop(sluice::mutable_bytes into) {
    const auto size = receiver.try_receive(into);
    return went_well(size) ? *size : 0;
  }
};

class ring_memory {
 public:
  explicit ring_memory(const link_options& options)
      : ring_(sluice::ring_channel::create_anonymous({.capacity_bytes = options.memory_bytes})
                  .value()) {}
  [[nodiscard]] sluice::ring_sender sender() const {
    return sluice::ring_sender::attach(ring_).value();
  }
  [[nodiscard]] sluice::ring_receiver receiver() const {
    return sluice::ring_receiver::attach(ring_).value();
  }
  /// The variant without the barrier on the sleeping side.
  void fence() { ring_.memory().header().needs_fence.store(1); }

 private:
  sluice::ring_channel ring_;
};

class polled_link {
 public:
  explicit polled_link(const link_options& options) : memory_(options), wait_(options.wait) {}
  polling_sender<ring_producer> become_sender() const { return {{memory_.sender()}, wait_}; }
  polling_receiver<ring_consumer> become_receiver() const { return {{memory_.receiver()}, wait_}; }

 private:
  ring_memory memory_;
  wait_loop wait_;
};

struct blocking_sender {
  sluice::ring_sender sender;
  void send(sluice::const_bytes message) { sender.send(message).value(); }
};

struct blocking_receiver {
  sluice::ring_receiver receiver;
  std::size_t receive(sluice::mutable_bytes into) { return receiver.receive(into).value(); }
};

template <bool Fences>
class blocking_link {
 public:
  explicit blocking_link(const link_options& options) : memory_(options) {
    if (Fences) memory_.fence();
  }
  blocking_sender become_sender() const { return {memory_.sender()}; }
  blocking_receiver become_receiver() const { return {memory_.receiver()}; }

 private:
  ring_memory memory_;
};

}  // namespace

void add_ring_channel(std::vector<transport>& to) {
  to.push_back(make_polling_transport<polled_link>("ring_channel", role::ours));
  to.push_back(make_blocking_transport<blocking_link<false>>("ring_channel_blocking", role::ours));
  to.push_back(make_blocking_transport<blocking_link<true>>("ring_channel_fencing", role::ours));
}

void add_ring_channel_crew(std::vector<crew_transport>& to) {
  crew_transport made = make_crew_transport<blocking_link<false>>("ring_channel", role::ours);
  made.fan_in = {};  // one to one
  to.push_back(std::move(made));
}

}  // namespace bench
