// The library's ring, one to one, as it is by default: with every check that its users get.

#include <sluice/channel/ring_channel.hpp>

#include "crew_parts.hpp"
#include "library_ends.hpp"
#include "make_transport.hpp"
#include "transports.hpp"

namespace bench {

namespace {

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
  void fence() {
    sluice::ring::segment_header& header = ring_.memory().header();
    header.fences_for_receivers.store(sluice::ring::segment_header::always_fence);
    header.fences_for_senders.store(sluice::ring::segment_header::always_fence);
  }

 private:
  sluice::ring_channel ring_;
};

template <bool Polls, bool Fences = false>
class ring_link {
 public:
  explicit ring_link(const link_options& options) : memory_(options), wait_(options.wait) {
    if (Fences) memory_.fence();
  }
  auto become_sender() const { return sender_end<Polls>(memory_.sender(), wait_); }
  auto become_receiver() const { return receiver_end<Polls>(memory_.receiver(), wait_); }

 private:
  ring_memory memory_;
  wait_loop wait_;
};

/// The same written and read where the message lies.
template <bool Polls>
class in_place_link {
 public:
  explicit in_place_link(const link_options& options) : memory_(options), wait_(options.wait) {}

  struct sender {
    sluice::ring_sender end;
    wait_loop wait;
    void produce(std::size_t size, auto&& fill) {
      for (;;) {
        if (auto window = end.try_claim(size); went_well(window)) {
          fill(window->bytes());
          return window->commit();
        }
        if (Polls) {
          wait();
        } else {
          end.wait_writable(sluice::deadline::never()).value();
        }
      }
    }
    void send(sluice::const_bytes message) {
      produce(message.size(),
              [&](sluice::mutable_bytes room) { sluice::copy_bytes(message, room); });
    }
  };
  struct receiver {
    sluice::ring_receiver end;
    wait_loop wait;
    void consume(auto&& look) {
      for (;;) {
        if (auto view = end.try_peek(); went_well(view)) return look(view->bytes());
        if (Polls) {
          wait();
        } else {
          end.wait_readable(sluice::deadline::never()).value();
        }
      }
    }
    std::size_t receive(sluice::mutable_bytes into) {
      std::size_t size = 0;
      consume([&](sluice::const_bytes message) { size = sluice::copy_bytes(message, into); });
      return size;
    }
  };
  sender become_sender() const { return {memory_.sender(), wait_}; }
  receiver become_receiver() const { return {memory_.receiver(), wait_}; }

 private:
  ring_memory memory_;
  wait_loop wait_;
};

/// Measured where it is in place, and nowhere else.
void add_in_place(std::vector<transport>& to, transport made) {
  made.latency_sizes = no_size;
  made.throughput_sizes = no_size;
  made.wake = {};
  made.paced = {};
  made.set_up = {};
  made.both_ends = {};
  to.push_back(std::move(made));
}

}  // namespace

void add_ring_channel(std::vector<transport>& to) {
  to.push_back(make_polling_transport<ring_link<true>>("ring_channel", role::ours));
  to.push_back(make_blocking_transport<ring_link<false>>("ring_channel", role::ours));
  to.push_back(make_blocking_transport<ring_link<false, true>>("ring_channel_fencing", role::ours));
  add_in_place(to, make_transport<in_place_link<true>>("ring_channel_in_place", role::ours,
                                                       waiting::polling));
  add_in_place(to, make_transport<in_place_link<false>>("ring_channel_in_place", role::ours,
                                                        waiting::blocking));
}

void add_ring_channel_crew(std::vector<crew_transport>& to) {
  crew_transport made = make_crew_transport<ring_link<false>>("ring_channel", role::ours);
  made.fan_in = {};  // one to one
  to.push_back(std::move(made));
}

}  // namespace bench
