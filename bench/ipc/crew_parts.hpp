#pragma once
// What crews do over a link (transport.hpp): several senders into one receiver, a sender that is
// slow, and one that sends nothing for a while. Whoever waits sleeps.

#include <chrono>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "crew.hpp"
#include "payload.hpp"
#include "transport.hpp"

namespace bench {

/// What a crew is asked for. Its members sit on these cores, in their order; the last core is also
/// that of all who come after it.
struct task {
  link_options link;
  std::vector<int> cores;
  std::uint64_t messages = 0;
  double idle_seconds = 0;
  sabotage on_purpose = sabotage::none;

  [[nodiscard]] int core_of(std::size_t member) const {
    return cores[std::min(member, cores.size() - 1)];
  }
  /// Before the clock runs.
  [[nodiscard]] std::uint64_t warm_up() const { return messages / 8 + 1; }
};

inline constexpr const char* who_sends = "the sending process";
inline constexpr const char* who_receives = "the receiving process";

/// The number of a message, which is its first word.
[[nodiscard]] inline std::uint64_t number_of(sluice::const_bytes message) noexcept {
  std::uint64_t number = 0;
  std::memcpy(&number, message.data(), sizeof number);
  return number;
}

/// Sends messages `first` to `last`; the last one is spoilt if that is asked for.
template <class End>
void send_numbers(End& end, outgoing_message<0>& message, std::uint64_t first, std::uint64_t last,
                  sabotage on_purpose, std::chrono::microseconds pause = {}) {
  for (std::uint64_t number = first; number <= last; ++number) {
    if (pause.count() != 0) std::this_thread::sleep_for(pause);
    const bool spoilt = on_purpose == sabotage::spoil && number == last;
    end.send(spoilt ? message.write_spoilt(number) : message.write(number));
  }
}

/// Messages of several senders, of which each numbers its own, are received in each one's order.
/// The upper bits of a number say who sent it.
class numbers_of_senders {
 public:
  static constexpr unsigned sender_shift = 56;
  explicit numbers_of_senders(std::size_t senders) : last_(senders) {
    for (std::size_t one = 0; one < senders; ++one) last_[one] = std::uint64_t{one} << sender_shift;
  }
  template <class End>
  void receive(End& end, incoming_message<0>& message, std::uint64_t count) {
    for (; count > 0; --count) {
      const std::size_t size = end.receive(message.memory());
      const auto sender = static_cast<std::size_t>(number_of(message.memory()) >> sender_shift);
      message.verify(size, sender < last_.size() ? ++last_[sender] : 0);
    }
  }

 private:
  std::vector<std::uint64_t> last_;
};

/// A sender: warms up with some messages, and sends the others when the clock runs.
template <link Link>
member make_sender(const std::shared_ptr<Link>& line, const task& wanted, std::size_t number,
                   std::uint64_t messages, std::chrono::microseconds pause = {}) {
  const auto body = [=](seat& here) {
    here.meet();
    auto end = line->become_sender();
    here.meet();
    misbehave(wanted.on_purpose);
    outgoing_message<0> message{wanted.link.message_bytes};
    const std::uint64_t first = (std::uint64_t{number} << numbers_of_senders::sender_shift) + 1;
    const std::uint64_t timed = first + wanted.warm_up();
    send_numbers(end, message, first, timed - 1, sabotage::none, pause);
    here.meet();
    here.begin();
    send_numbers(end, message, timed, timed + messages - 1, wanted.on_purpose, pause);
    here.end();
    here.meet();
  };
  return {.who = who_sends, .core = wanted.core_of(number + 1), .body = body};
}

template <link Link>
member make_receiver(const std::shared_ptr<Link>& line, const task& wanted, std::size_t senders,
                     std::uint64_t messages) {
  const auto body = [=](seat& here) {
    auto end = line->become_receiver();
    here.meet();
    here.meet();
    incoming_message<0> message{wanted.link.message_bytes};
    numbers_of_senders numbers{senders};
    numbers.receive(end, message, senders * wanted.warm_up());
    here.meet();
    here.begin();
    numbers.receive(end, message, senders * messages);
    here.end();
    here.meet();
  };
  return {.who = who_receives, .core = wanted.core_of(0), .body = body};
}

/// As fast as they can, all messages together.
template <link Link>
crew fan_in(const task& wanted, std::size_t senders) {
  const auto line = std::make_shared<Link>(wanted.link);
  const std::uint64_t each = std::max<std::uint64_t>(1, wanted.messages / senders);
  crew all{make_receiver(line, wanted, senders, each)};
  all.front().lasting = lasting_part(line);
  for (std::size_t one = 0; one < senders; ++one)
    all.push_back(make_sender(line, wanted, one, each));
  return all;
}

/// So long between two messages: whoever waits for them sleeps.
inline constexpr std::chrono::milliseconds between_slow_messages{1};

template <link Link>
crew slow_sender(const task& wanted) {
  const auto line = std::make_shared<Link>(wanted.link);
  crew both{make_receiver(line, wanted, 1, wanted.messages),
            make_sender(line, wanted, 0, wanted.messages, between_slow_messages)};
  both.front().lasting = lasting_part(line);
  return both;
}

/// One message, which comes after a while.
template <link Link>
crew idle(const task& wanted) {
  const auto line = std::make_shared<Link>(wanted.link);
  const auto pause = std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::duration<double>{wanted.idle_seconds});
  const auto wait = [=](seat& here) {
    auto end = line->become_receiver();
    here.meet();
    here.meet();
    incoming_message<0> message{wanted.link.message_bytes};
    here.begin();
    message.verify(end.receive(message.memory()), 1);
    here.end();
    here.meet();
  };
  const auto let_wait = [=](seat& here) {
    here.meet();
    auto end = line->become_sender();
    here.meet();
    misbehave(wanted.on_purpose);
    outgoing_message<0> message{wanted.link.message_bytes};
    here.begin();
    send_numbers(end, message, 1, 1, wanted.on_purpose, pause);
    here.end();
    here.meet();
  };
  return {
      {.who = who_receives, .core = wanted.core_of(0), .body = wait, .lasting = lasting_part(line)},
      {.who = who_sends, .core = wanted.core_of(1), .body = let_wait}};
}

/// A transport that a crew can use, and how.
struct crew_transport {
  std::string name;
  role what = role::rival;
  std::size_t most_bytes = std::numeric_limits<std::size_t>::max();  ///< With several senders.
  std::function<crew(const task&, std::size_t)> fan_in;
  std::function<crew(const task&)> slow_sender;
  std::function<crew(const task&)> idle;
  /// From one publisher to so many subscribers.
  std::function<crew(const task&, std::size_t)> fan_out;
};

template <link Link>
crew_transport make_crew_transport(const std::string& name, role what) {
  return {.name = name,
          .what = what,
          .fan_in = fan_in<Link>,
          .slow_sender = slow_sender<Link>,
          .idle = idle<Link>,
          .fan_out = {}};
}

// By file, each adding its own; all of them are in crew_transports.cpp.
[[nodiscard]] std::vector<crew_transport> all_crew_transports();
void add_raw_stream_crews(std::vector<crew_transport>& to);
void add_futex_crews(std::vector<crew_transport>& to);
void add_raw_queue_crews(std::vector<crew_transport>& to);
void add_ring_channel_crew(std::vector<crew_transport>& to);
void add_ring_queue_crew(std::vector<crew_transport>& to);
void add_ring_topic_crew(std::vector<crew_transport>& to);
void add_stream_channel_crews(std::vector<crew_transport>& to);
void add_packet_channel_crews(std::vector<crew_transport>& to);
void add_queue_channel_crews(std::vector<crew_transport>& to);
void add_boost_queue_crew(std::vector<crew_transport>& to);
void add_zeromq_crew(std::vector<crew_transport>& to);
void add_nng_crew(std::vector<crew_transport>& to);
void add_iceoryx_crew(std::vector<crew_transport>& to);

}  // namespace bench
