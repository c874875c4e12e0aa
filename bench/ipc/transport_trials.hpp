#pragma once
// What else is done over a link between two processes (transport.hpp): messages at a fixed rate,
// messages that are made anew where they may lie, and setting the link up.

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "transport.hpp"

namespace bench {

/// Messages at a fixed rate, whatever becomes of them: an open loop. A delay is counted from the
/// moment at which a message was meant to be sent, so a sender that is held up is no excuse. The
/// sender looks at the clock all the time; whoever receives waits as the transport does.
template <link Link>
bodies paced(const link_options& options, double messages_per_second) {
  const auto line = std::make_shared<Link>(options);
  const std::size_t size = options.message_bytes;
  const double apart = 1 / messages_per_second;
  const auto receive = [=](stage& here) {
    auto end = line->become_receiver();
    here.meet();
    here.meet();
    incoming_message<0> message{size};
    here.perform(stage::starts::follower, [&](const batch& next) {
      here.page().delays.clear();
      double delayed = 0;
      for (std::uint64_t at = 0; at < next.count; ++at) {
        const std::size_t received = end.receive(message.memory());
        const double meant = here.page().paced_from.load() + static_cast<double>(at) * apart;
        const double delay = monotonic_seconds() - meant;
        here.page().delays.add(delay);
        delayed += delay;
        message.verify(received, next.first + at);
      }
      return delayed;
    });
    here.meet();
  };
  const auto send = [=](stage& here) {
    here.meet();
    auto end = line->become_sender();
    here.meet();
    outgoing_message<0> message{size};
    here.perform(stage::starts::follower, [&](const batch& next) {
      const double from = monotonic_seconds() + apart;
      here.page().paced_from.store(from);
      for (std::uint64_t at = 0; at < next.count; ++at) {
        const std::uint64_t sequence = next.first + at;
        const bool spoilt = next.spoilt && at + 1 == next.count;
        const auto bytes = spoilt ? message.write_spoilt(sequence) : message.write(sequence);
        const double meant = from + static_cast<double>(at) * apart;
        while (monotonic_seconds() < meant) cpu_pause();
        end.send(bytes);
      }
      return stage::by_the_clock;
    });
    here.meet();
  };
  return {.leader = receive, .follower = send, .lasting = lasting_part(line)};
}

/// Whether messages can be written and read where they lie.
template <class End>
concept produces_in_place =
    requires(End& end, std::size_t size) { end.produce(size, [](sluice::mutable_bytes) {}); };
template <class End>
concept consumes_in_place = requires(End& end) { end.consume([](sluice::const_bytes) {}); };

/// A stream in which the sender writes every word of every message anew and the receiver reads
/// every one, each where it lies if the transport can do that, else in memory of its own.
template <link Link>
bodies produced(const link_options& options) {
  const auto line = std::make_shared<Link>(options);
  const std::size_t size = options.message_bytes;
  const auto receive = [=](stage& here) {
    auto end = line->become_receiver();
    here.meet();
    here.meet();
    message_memory<0> own{size};
    here.perform(stage::starts::follower, [&](const batch& next) {
      for (std::uint64_t at = 0; at < next.count; ++at) {
        const auto check = [&](sluice::const_bytes message) {
          check_produced(message, size, next.first + at);
        };
        if constexpr (consumes_in_place<decltype(end)>) {
          end.consume(check);
        } else {
          check(own.bytes().first(end.receive(own.bytes())));
        }
      }
      return stage::by_the_clock;
    });
    here.meet();
  };
  const auto send = [=](stage& here) {
    here.meet();
    auto end = line->become_sender();
    here.meet();
    message_memory<0> own{size};
    here.perform(stage::starts::follower, [&](const batch& next) {
      for (std::uint64_t at = 0; at < next.count; ++at) {
        const bool spoilt = next.spoilt && at + 1 == next.count;
        const auto fill = [&](sluice::mutable_bytes message) {
          produce(message, next.first + at);
          if (spoilt) message[5] ^= std::byte{1};
        };
        if constexpr (produces_in_place<decltype(end)>) {
          end.produce(size, fill);
        } else {
          fill(own.bytes());
          end.send(own.bytes());
        }
      }
      return stage::by_the_clock;
    });
    here.meet();
  };
  return {.leader = receive, .follower = send, .lasting = lasting_part(line)};
}

/// A link with both of its ends, in one process. What goes first goes last.
template <link Link>
struct link_with_ends {
  explicit link_with_ends(const link_options& options)
      : line(options), receiver(line.become_receiver()), sender(line.become_sender()) {}
  Link line;
  decltype(std::declval<Link&>().become_receiver()) receiver;
  decltype(std::declval<Link&>().become_sender()) sender;
};

/// One process makes a link and both of its ends, sends one message through, and lets all go again;
/// the other one sleeps. What is counted as a message is all of that.
template <link Link>
bodies set_up(link_options options) {
  options.is_answered = true;
  options.one_process = true;
  const auto make = [options](stage& here) {
    here.meet();
    here.meet();
    outgoing_message<0> sent{options.message_bytes};
    incoming_message<0> received{options.message_bytes};
    here.perform(stage::starts::leader, [&](const batch& next) {
      for (std::uint64_t at = 0; at < next.count; ++at) {
        const std::uint64_t sequence = next.first + at;
        link_options one = options;
        one.address += "-" + std::to_string(sequence);
        link_with_ends<Link> made{one};
        const bool spoilt = next.spoilt && at + 1 == next.count;
        made.sender.send(spoilt ? sent.write_spoilt(sequence) : sent.write(sequence));
        received.verify(made.receiver.receive(received.memory()), sequence);
      }
      return stage::by_the_clock;
    });
    here.meet();
  };
  const auto sleep = [](stage& here) {
    here.meet();
    here.meet();
    here.perform(stage::starts::leader, [](const batch&) { return stage::by_the_clock; });
    here.meet();
  };
  return {.leader = make, .follower = sleep};
}

/// A link with both of its ends, made and kept, to see what it takes.
template <link Link>
std::shared_ptr<void> both_ends(link_options options) {
  options.one_process = true;
  return std::make_shared<link_with_ends<Link>>(options);
}

}  // namespace bench
