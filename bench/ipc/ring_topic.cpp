// The library's topic: one publisher, and each message to every subscriber.

#include <sluice/channel/ring_publisher.hpp>
#include <sluice/channel/ring_subscriber.hpp>

#include "crew_parts.hpp"
#include "library_ends.hpp"
#include "make_transport.hpp"
#include "transports.hpp"

namespace bench {

namespace {

using policy = sluice::ring_topic_policy;

/// What a subscriber has seen: all messages in their order, but for those that it lost.
class published_numbers {
 public:
  explicit published_numbers(policy kept) : may_lose_(kept == policy::overwrite_oldest) {}

  void receive_up_to(std::uint64_t last, sluice::ring_subscriber& end,
                     incoming_message<0>& message) {
    while (seen_ < last) {
      const std::size_t size = end.receive(message.memory()).value();
      const std::uint64_t number = number_of(message.memory());
      const bool is_next = may_lose_ ? number > seen_ && number <= last : number == seen_ + 1;
      message.verify(size, is_next ? number : 0);
      seen_ = number;
      ++received_;
    }
    if (received_ + end.lost() != seen_)
      throw std::runtime_error{"the messages that came and those that were lost are not all"};
  }

 private:
  bool may_lose_;
  std::uint64_t seen_ = 0;
  std::uint64_t received_ = 0;
};

member make_publisher(const std::shared_ptr<sluice::ring_topic>& topic, const task& wanted) {
  struct publisher {
    sluice::ring_publisher end;
    void send(sluice::const_bytes message) { end.send(message).value(); }
  };
  const auto body = [=](seat& here) {
    here.meet();
    publisher all{sluice::ring_publisher::attach(*topic).value()};
    here.meet();
    misbehave(wanted.on_purpose);
    outgoing_message<0> message{wanted.link.message_bytes};
    const std::uint64_t warm = wanted.warm_up();
    send_numbers(all, message, 1, warm, sabotage::none);
    here.meet();
    here.begin();
    send_numbers(all, message, warm + 1, warm + wanted.messages, wanted.on_purpose);
    here.end();
    here.meet();
  };
  return {.who = who_sends, .core = wanted.core_of(0), .body = body};
}

template <policy Kept>
crew fan_out(const task& wanted, std::size_t subscribers) {
  const auto topic = std::make_shared<sluice::ring_topic>(
      sluice::ring_topic::create_anonymous({.capacity_bytes = wanted.link.memory_bytes,
                                            .max_publishers = 1,
                                            .max_subscribers = max_crew,
                                            .when_full = Kept})
          .value());
  const auto subscribe = [=](seat& here) {
    auto end = sluice::ring_subscriber::attach(*topic).value();
    here.meet();
    here.meet();
    incoming_message<0> message{wanted.link.message_bytes};
    published_numbers numbers{Kept};
    numbers.receive_up_to(wanted.warm_up(), end, message);
    here.meet();
    const std::uint64_t lost_before = end.lost();
    here.begin();
    numbers.receive_up_to(wanted.warm_up() + wanted.messages, end, message);
    here.end();
    here.tell_lost(static_cast<double>(end.lost() - lost_before) /
                   static_cast<double>(wanted.messages));
    here.meet();
  };
  crew all{make_publisher(topic, wanted)};
  for (std::size_t one = 1; one <= subscribers; ++one)
    all.push_back({.who = who_receives, .core = wanted.core_of(one), .body = subscribe});
  return all;
}

/// One publisher, and one subscriber that it waits for.
template <bool Polls>
class topic_link {
 public:
  explicit topic_link(const link_options& options)
      : topic_(
            sluice::ring_topic::create_anonymous(
                {.capacity_bytes = options.memory_bytes, .max_publishers = 1, .max_subscribers = 1})
                .value()),
        wait_(options.wait) {}

  auto become_sender() const {
    return sender_end<Polls>(sluice::ring_publisher::attach(topic_).value(), wait_);
  }
  auto become_receiver() const {
    return receiver_end<Polls>(sluice::ring_subscriber::attach(topic_).value(), wait_);
  }

 private:
  sluice::ring_topic topic_;
  wait_loop wait_;
};

template <policy Kept>
crew_transport make(const std::string& name) {
  return {.name = name,
          .what = role::ours,
          .fan_in = {},
          .slow_sender = {},
          .idle = {},
          .fan_out = fan_out<Kept>};
}

}  // namespace

void add_ring_topic(std::vector<transport>& to) {
  add_both<topic_link<true>, topic_link<false>>(to, "ring_topic", role::ours, {});
}

void add_ring_topic_crew(std::vector<crew_transport>& to) {
  to.push_back(make<policy::block>("ring_topic_lossless"));
  to.push_back(make<policy::overwrite_oldest>("ring_topic_lossy"));
}

}  // namespace bench
