#pragma once
// The interface that everything here is measured through: floors, rivals, and the library's ring.
//
// A link is one direction between two processes. The supervisor makes it before it forks, and each
// process then takes one end of it:
//   explicit Link(const link_options&)   memory, names, descriptors; throws when it cannot be made
//   link.become_receiver()               an end with  std::size_t receive(sluice::mutable_bytes)
//   link.become_sender()                 an end with  void send(sluice::const_bytes)
// The receiver becomes one first. Both calls wait, by polling or asleep, which the transport says.
// What a link is made of shall leave nothing behind when both processes are killed, but names below
// `address`, which are removed for it.
//
// A link whose names or objects have to be there until both processes have ended also has
//   link.lasting()                       a std::shared_ptr<void> to them, which the supervisor
//   keeps
//
// To add a transport: write a link, make a transport of it (make_transport.hpp) in a function
// declared in transports.hpp, and add that to the list in transports.cpp.

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <sluice/base/bytes.hpp>
#include <stdexcept>
#include <string>
#include <thread>

#include "futex.hpp"
#include "payload.hpp"
#include "stage.hpp"

namespace bench {

struct link_options {
  std::size_t message_bytes = 0;
  std::size_t memory_bytes = 0;  ///< What may be under way, the same for all transports of a cell.
  wait_loop wait;                ///< Of who polls.
  std::string address;           ///< A path in a private directory, for what needs a name.
  /// The next message is sent only when this one has been answered: so there is always room.
  bool is_answered = false;
  bool one_process = false;  ///< It takes both ends, one after the other.
};

inline constexpr std::size_t default_ring_bytes = std::size_t{1} << 20;
/// The memory of a cell: what is asked for, and room for four messages at least.
[[nodiscard]] constexpr std::size_t cell_memory(std::size_t message_bytes,
                                                std::size_t ring_bytes) noexcept {
  return std::max(ring_bytes, 4 * std::bit_ceil(message_bytes));
}

/// Thrown where a transport cannot be had for a cell: that is named in the output, and no failure.
struct unavailable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class End>
concept sends = requires(End& end, sluice::const_bytes message) { end.send(message); };
template <class End>
concept receives = requires(End& end, sluice::mutable_bytes into) {
  { end.receive(into) } -> std::convertible_to<std::size_t>;
};
template <class Link>
concept link = std::constructible_from<Link, const link_options&> && requires(Link& made) {
  { made.become_sender() } -> sends;
  { made.become_receiver() } -> receives;
};

/// What the two processes of a cell do.
struct bodies {
  std::function<void(stage&)> leader;
  std::function<void(stage&)> follower;
  std::shared_ptr<void> lasting = {};  ///< Stays until both processes have ended.
};

/// What of a link stays until both processes have ended.
template <class Link>
std::shared_ptr<void> lasting_part(const std::shared_ptr<Link>& line) {
  if constexpr (requires { line->lasting(); }) {
    return line->lasting();
  } else {
    return {};
  }
}

enum class role { floor, rival, ours };
enum class waiting { polling, blocking };

/// The sizes that a transport is measured with, both ends included; none when `to` is 0.
struct size_range {
  std::size_t from = 0;
  std::size_t to = std::numeric_limits<std::size_t>::max();
  [[nodiscard]] bool holds(std::size_t size) const noexcept { return from <= size && size <= to; }
};
inline constexpr size_range no_size{.from = 1, .to = 0};

struct transport {
  std::string name;
  role what = role::rival;
  waiting how = waiting::polling;
  size_range latency_sizes;
  size_range throughput_sizes;
  std::function<bodies(const link_options&)> latency;
  std::function<bodies(const link_options&)> throughput;
  std::function<bodies(const link_options&)> wake;  ///< Of who sleeps; measured with short ones.
  std::function<bodies(const link_options&, double)> paced = {};  ///< So many messages a second.
  std::function<bodies(const link_options&)> produced = {};       ///< Every word written anew.
  std::function<bodies(const link_options&)> set_up = {};
  std::function<std::shared_ptr<void>(const link_options&)> both_ends = {};  ///< In this process.
  /// What runs beside a process that has both ends, if anything does: the supervisor keeps it.
  std::function<std::shared_ptr<void>(const link_options&)> beside = {};
  std::string raw = {};       ///< The floor that makes the same system calls by hand; "": none.
  bool counts_calls = false;  ///< Whether its system calls can be counted: call_count.hpp.
};

template <class End>
double send_batch(const batch& next, End& end, auto& message) {
  const std::uint64_t last = next.first + next.count - 1;
  for (std::uint64_t sequence = next.first; sequence < last; ++sequence)
    end.send(message.write(sequence));
  end.send(next.spoilt ? message.write_spoilt(last) : message.write(last));
  return stage::by_the_clock;
}

template <class End>
double receive_batch(const batch& next, End& end, auto& message) {
  for (std::uint64_t left = next.count, sequence = next.first; left > 0; --left, ++sequence)
    message.verify(end.receive(message.memory()), sequence);
  return stage::by_the_clock;
}

/// A stream from the follower to the leader.
template <link Link, std::size_t Fixed>
bodies stream(const link_options& options) {
  const auto line = std::make_shared<Link>(options);
  const std::size_t size = options.message_bytes;
  return {.leader =
              [line, size](stage& here) {
                auto end = line->become_receiver();
                here.meet();
                here.meet();
                incoming_message<Fixed> message{size};
                here.perform(stage::starts::follower,
                             [&](const batch& next) { return receive_batch(next, end, message); });
                here.meet();
              },
          .follower =
              [line, size](stage& here) {
                here.meet();
                auto end = line->become_sender();
                here.meet();
                outgoing_message<Fixed> message{size};
                here.perform(stage::starts::follower,
                             [&](const batch& next) { return send_batch(next, end, message); });
                here.meet();
              },
          .lasting = lasting_part(line)};
}

/// One message at a time, from the leader to the follower and back. Both ends of each process are
/// closed after they have met once more, so that nobody sends into what is gone.
template <link Link, std::size_t Fixed>
bodies ping_pong(link_options options) {
  options.is_answered = true;
  link_options back = options;
  back.address += "-back";
  const auto there = std::make_shared<Link>(options);
  const auto again = std::make_shared<Link>(back);
  const std::size_t size = options.message_bytes;
  const auto play = [size](stage& here, Link& to, Link& from, bool serves) {
    auto in = from.become_receiver();
    here.meet();
    auto out = to.become_sender();
    here.meet();
    outgoing_message<Fixed> sent{size};
    incoming_message<Fixed> received{size};
    here.perform(stage::starts::leader, [&](const batch& next) {
      // A message there and one back count as two.
      for (std::uint64_t at = 0; at < next.count; ++at) {
        const std::uint64_t sequence = next.first + at;
        const bool spoilt = next.spoilt && serves && at + 1 == next.count;
        if (serves) out.send(spoilt ? sent.write_spoilt(sequence) : sent.write(sequence));
        received.verify(in.receive(received.memory()), sequence);
        if (!serves) out.send(sent.write(sequence));
      }
      return stage::by_the_clock;
    });
    here.meet();
  };
  return {.leader = [=](stage& here) { play(here, *there, *again, true); },
          .follower = [=](stage& here) { play(here, *again, *there, false); },
          .lasting = std::make_shared<std::array<std::shared_ptr<void>, 2>>(
              std::array{lasting_part(there), lasting_part(again)})};
}

/// How long a receiver is left alone before a message comes: it sleeps by then.
inline constexpr std::chrono::microseconds time_to_sleep{100};

/// Messages to a receiver that has fallen asleep, each timed by itself, from before it is sent
/// until it is there. In a ping-pong on two cores the other side often has not got as far as
/// sleeping.
template <link Link, std::size_t Fixed>
bodies wake(link_options options) {
  options.is_answered = true;
  const auto line = std::make_shared<Link>(options);
  const std::size_t size = options.message_bytes;
  const auto receive = [line, size](stage& here) {
    auto end = line->become_receiver();
    here.meet();
    here.meet();
    incoming_message<Fixed> message{size};
    here.perform(stage::starts::follower, [&](const batch& next) {
      double under_way = 0;
      for (std::uint64_t sequence = next.first; sequence < next.first + next.count; ++sequence) {
        const std::size_t received = end.receive(message.memory());
        under_way += monotonic_seconds() - here.page().sent_at.load();
        message.verify(received, sequence);
        here.page().received.value.store(sequence);
      }
      return under_way;
    });
    here.meet();
  };
  const auto send = [line, size](stage& here) {
    here.meet();
    auto end = line->become_sender();
    here.meet();
    outgoing_message<Fixed> message{size};
    here.perform(stage::starts::follower, [&](const batch& next) {
      const std::uint64_t last = next.first + next.count - 1;
      for (std::uint64_t sequence = next.first; sequence <= last; ++sequence) {
        const bool spoilt = next.spoilt && sequence == last;
        const auto bytes = spoilt ? message.write_spoilt(sequence) : message.write(sequence);
        // Asleep as well, so that threads that a library keeps on this core can do their part.
        do {
          std::this_thread::sleep_for(time_to_sleep);
        } while (here.page().received.value.load() != sequence - 1);
        here.page().sent_at.store(monotonic_seconds());
        end.send(bytes);
      }
      return stage::by_the_clock;
    });
    here.meet();
  };
  return {.leader = receive, .follower = send, .lasting = lasting_part(line)};
}

}  // namespace bench
