// iceoryx: a publisher and a subscriber without types, polling and blocking. Its daemon: roudi.hpp.

#include <cstring>
#include <filesystem>
#include <iceoryx_posh/mepoo/chunk_header.hpp>
#include <iceoryx_posh/popo/untyped_publisher.hpp>
#include <iceoryx_posh/popo/untyped_subscriber.hpp>
#include <iceoryx_posh/popo/wait_set.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "crew_parts.hpp"
#include "make_transport.hpp"
#include "roudi.hpp"
#include "transports.hpp"

namespace bench {

namespace {

namespace popo = iox::popo;

/// How long both ends may take to find each other; RouDi looks every 100 ms at the latest.
constexpr double seconds_to_connect = 5;

iox::capro::ServiceDescription service_of(const link_options& options) {
  const std::string name = std::filesystem::path{options.address}.filename();
  return {"sluice_bench", {iox::cxx::TruncateToCapacity, name}, "messages"};
}

/// Nothing is lost: its article on QoS and the example iceoptions have the publisher wait
/// (WAIT_FOR_CONSUMER) for a subscriber that blocks it (BLOCK_PRODUCER). It waits by looking; there
/// is no other way.
popo::PublisherOptions publisher_options() {
  popo::PublisherOptions chosen;
  chosen.subscriberTooSlowPolicy = popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
  return chosen;
}

/// The queue holds as many messages as may be under way, but 256 at most: what this version was
/// built for (IOX_MAX_CHUNKS_HELD_PER_SUBSCRIBER_SIMULTANEOUSLY), and what it takes by itself.
popo::SubscriberOptions subscriber_options(const link_options& options) {
  popo::SubscriberOptions chosen;
  chosen.queueCapacity = iceoryx_queue_capacity(options);
  chosen.queueFullPolicy = popo::QueueFullPolicy::BLOCK_PRODUCER;
  return chosen;
}

class iceoryx_sender {
 public:
  explicit iceoryx_sender(const link_options& options)
      : publisher_(service_of(options), publisher_options()) {
    // What is published before is for nobody.
    const double until = monotonic_seconds() + seconds_to_connect;
    while (!publisher_.hasSubscribers()) {
      if (monotonic_seconds() > until) throw std::runtime_error{"RouDi connects no subscriber"};
      std::this_thread::yield();
    }
  }

  void send(sluice::const_bytes message) {
    produce(message.size(), [&](sluice::mutable_bytes into) {
      std::memcpy(into.data(), message.data(), into.size());
    });
  }
  template <class Fill>
  void produce(std::size_t size, Fill&& fill) {
    auto chunk = publisher_.loan(static_cast<std::uint32_t>(size));
    if (chunk.has_error()) throw std::runtime_error{"RouDi's memory has no chunk left"};
    fill(sluice::mutable_bytes{static_cast<std::byte*>(chunk.value()), size});
    publisher_.publish(chunk.value());
  }

 private:
  popo::UntypedPublisher publisher_;
};

/// Looks with the wait loop of all who poll.
class look_again {
 public:
  look_again(popo::UntypedSubscriber&, const link_options& options) : wait_(options.wait) {}
  void operator()() const noexcept { wait_(); }

 private:
  wait_loop wait_;
};

/// Its overview recommends the WaitSet to who would sleep, with the state of having data, as the
/// example iceperf has it; of a WaitSet's own size nothing more than what is attached.
class sleep_in_wait_set {
 public:
  sleep_in_wait_set(popo::UntypedSubscriber& subscriber, const link_options&) {
    if (set_.attachState(subscriber, popo::SubscriberState::HAS_DATA).has_error())
      throw std::runtime_error{"the WaitSet takes no subscriber"};
  }
  void operator()() { static_cast<void>(set_.wait()); }

 private:
  popo::WaitSet<1> set_;
};

template <class Wait>
class iceoryx_receiver {
 public:
  explicit iceoryx_receiver(const link_options& options)
      : subscriber_(service_of(options), subscriber_options(options)),
        wait_(subscriber_, options) {}

  /// For who has to know that not another one is meant when the publisher has subscribers.
  void wait_until_connected() const {
    const double until = monotonic_seconds() + seconds_to_connect;
    while (subscriber_.getSubscriptionState() != iox::SubscribeState::SUBSCRIBED) {
      if (monotonic_seconds() > until) throw std::runtime_error{"RouDi connects no publisher"};
      std::this_thread::yield();
    }
  }
  std::size_t receive(sluice::mutable_bytes into) {
    std::size_t size = 0;
    consume([&](sluice::const_bytes message) {
      size = message.size();
      std::memcpy(into.data(), message.data(), std::min(size, into.size()));
    });
    return size;
  }
  template <class Use>
  void consume(Use&& use) {
    for (;;) {
      auto taken = subscriber_.take();
      if (!taken.has_error()) {
        const auto* header = iox::mepoo::ChunkHeader::fromUserPayload(taken.value());
        use(sluice::const_bytes{static_cast<const std::byte*>(taken.value()),
                                header->userPayloadSize()});
        subscriber_.release(taken.value());
        return;
      }
      if (taken.get_error() != popo::ChunkReceiveResult::NO_CHUNK_AVAILABLE)
        throw std::runtime_error{"take: too many chunks are held"};
      wait_();
    }
  }

 private:
  popo::UntypedSubscriber subscriber_;
  Wait wait_;
};

template <class Wait>
class iceoryx_link {
 public:
  explicit iceoryx_link(const link_options& options)
      : options_(options), daemon_(roudi::beside(options)) {}
  iceoryx_sender become_sender() const {
    daemon_->register_this_process();
    return iceoryx_sender{options_};
  }
  iceoryx_receiver<Wait> become_receiver() const {
    daemon_->register_this_process();
    return iceoryx_receiver<Wait>{options_};
  }
  [[nodiscard]] std::shared_ptr<void> lasting() const { return daemon_; }

 private:
  link_options options_;
  std::shared_ptr<roudi> daemon_;
};

// Two types: make_transport.hpp says why.
struct iceoryx_polled_link : iceoryx_link<look_again> {
  using iceoryx_link<look_again>::iceoryx_link;
};
struct iceoryx_blocking_link : iceoryx_link<sleep_in_wait_set> {
  using iceoryx_link<sleep_in_wait_set>::iceoryx_link;
};

/// Each subscriber gets all messages: the publisher waits for the slowest.
crew fan_out(const task& wanted, std::size_t subscribers) {
  const auto line = std::make_shared<iceoryx_blocking_link>(wanted.link);
  const auto subscribe = [=](seat& here) {
    auto end = line->become_receiver();
    here.meet();
    end.wait_until_connected();
    here.meet();
    incoming_message<0> message{wanted.link.message_bytes};
    numbers_of_senders numbers{1};
    numbers.receive(end, message, wanted.warm_up());
    here.meet();
    here.begin();
    numbers.receive(end, message, wanted.messages);
    here.end();
    here.meet();
  };
  crew all{make_sender(line, wanted, 0, wanted.messages)};
  all.front().core = wanted.core_of(0);
  all.front().lasting = line->lasting();
  for (std::size_t one = 1; one <= subscribers; ++one)
    all.push_back({.who = who_receives, .core = wanted.core_of(one), .body = subscribe});
  return all;
}

}  // namespace

void add_iceoryx(std::vector<transport>& to) {
  to.push_back(make_polling_transport<iceoryx_polled_link>("iceoryx", role::rival));
  transport made = make_blocking_transport<iceoryx_blocking_link>("iceoryx", role::rival);
  made.beside = [](const link_options& options) { return roudi::beside(options); };
  made.set_up = [](const link_options& options) {
    bodies both = set_up<iceoryx_blocking_link>(options);
    both.lasting = roudi::beside(options);
    return both;
  };
  to.push_back(std::move(made));
}

void add_iceoryx_crew(std::vector<crew_transport>& to) {
  to.push_back(make_crew_transport<iceoryx_blocking_link>("iceoryx", role::rival));
  to.back().fan_out = fan_out;
}

}  // namespace bench
