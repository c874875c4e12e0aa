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
// To add a transport: write a link, return make_transport<link>(...) from a function declared in
// transports.hpp, and add that to the list in transports.cpp.

#include <algorithm>
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
};

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
              }};
}

/// One message at a time, from the leader to the follower and back. Both ends of each process are
/// closed after they have met once more, so that nobody sends into what is gone.
template <link Link, std::size_t Fixed>
bodies ping_pong(const link_options& options) {
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
          .follower = [=](stage& here) { play(here, *again, *there, false); }};
}

/// How long a receiver is left alone before a message comes: it sleeps by then.
inline constexpr std::chrono::microseconds time_to_sleep{100};

/// Messages to a receiver that has fallen asleep, each timed by itself, from before it is sent
/// until it is there. In a ping-pong on two cores the other side often has not got as far as
/// sleeping.
template <link Link, std::size_t Fixed>
bodies wake(const link_options& options) {
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
  return {.leader = receive, .follower = send};
}

/// For transports whose cost per message is so small that knowing the size when compiling shows:
/// short messages have code of their own.
template <link Link>
transport make_polling_transport(const std::string& name, role what) {
  return {.name = name,
          .what = what,
          .how = waiting::polling,
          .latency_sizes = {},
          .throughput_sizes = {},
          .latency =
              [](const link_options& options) {
                if (options.message_bytes == 8) return ping_pong<Link, 8>(options);
                if (options.message_bytes == 48) return ping_pong<Link, 48>(options);
                if (options.message_bytes == 64) return ping_pong<Link, 64>(options);
                return ping_pong<Link, 0>(options);
              },
          .throughput =
              [](const link_options& options) {
                if (options.message_bytes == 8) return stream<Link, 8>(options);
                if (options.message_bytes == 64) return stream<Link, 64>(options);
                return stream<Link, 0>(options);
              },
          .wake = {}};
}

template <link Link>
transport make_blocking_transport(const std::string& name, role what) {
  return {.name = name,
          .what = what,
          .how = waiting::blocking,
          .latency_sizes = {},
          .throughput_sizes = {},
          .latency = ping_pong<Link, 0>,
          .throughput = stream<Link, 0>,
          .wake = wake<Link, word_bytes>};
}

}  // namespace bench
