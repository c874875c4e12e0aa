#pragma once
// Makes a transport of a link: everything that can be measured with it.

#include <string>
#include <utility>
#include <vector>

#include "transport.hpp"
#include "transport_trials.hpp"

namespace bench {

/// What all have, whichever way they wait.
template <link Link>
transport make_transport(const std::string& name, role what, waiting how) {
  return {.name = name,
          .what = what,
          .how = how,
          .latency_sizes = {},
          .throughput_sizes = {},
          .latency = ping_pong<Link, 0>,
          .throughput = stream<Link, 0>,
          .wake = {},
          .paced = paced<Link>,
          .produced = produced<Link>,
          .set_up = {},
          .both_ends = {},
          .beside = {},
          .raw = "",
          .counts_calls = what != role::rival};
}

/// For transports whose cost per message is so small that knowing the size when compiling shows:
/// short messages have code of their own.
template <link Link>
transport make_polling_transport(const std::string& name, role what) {
  transport made = make_transport<Link>(name, what, waiting::polling);
  made.latency = [](const link_options& options) {
    if (options.message_bytes == 8) return ping_pong<Link, 8>(options);
    if (options.message_bytes == 48) return ping_pong<Link, 48>(options);
    if (options.message_bytes == 64) return ping_pong<Link, 64>(options);
    return ping_pong<Link, 0>(options);
  };
  made.throughput = [](const link_options& options) {
    if (options.message_bytes == 8) return stream<Link, 8>(options);
    if (options.message_bytes == 64) return stream<Link, 64>(options);
    return stream<Link, 0>(options);
  };
  return made;
}

template <link Link>
transport make_blocking_transport(const std::string& name, role what) {
  transport made = make_transport<Link>(name, what, waiting::blocking);
  made.wake = wake<Link, word_bytes>;
  made.set_up = set_up<Link>;
  made.both_ends = both_ends<Link>;
  return made;
}

/// Both ways to wait of what makes system calls either way. Two types rather than one template:
/// g++ 12 merges functions whose argument is a template of an unnamed namespace with those of
/// another file that has one of the same name.
template <link Polled, link Waiting>
void add_both(std::vector<transport>& to, const std::string& name, role what, size_range sizes,
              const std::string& raw = "") {
  for (transport made : {make_transport<Polled>(name, what, waiting::polling),
                         make_blocking_transport<Waiting>(name, what)}) {
    made.latency_sizes = sizes;
    made.throughput_sizes = sizes;
    made.raw = raw;
    to.push_back(std::move(made));
  }
}

/// What sockets take that keep boundaries: net.core.wmem_default, less what the kernel adds.
inline constexpr size_range socket_sizes{.from = 0, .to = std::size_t{128} << 10};
/// What fits into a datagram of version 4.
inline constexpr size_range udp_sizes{.from = 0, .to = 65507};

/// The last so many sleep in calls of the C library, which nobody counts.
inline void not_counted(std::vector<transport>& to, std::size_t count) {
  for (std::size_t back = 1; back <= count; ++back) to[to.size() - back].counts_calls = false;
}

/// The last so many lose what their receivers are not in time for: they are measured one message
/// at a time, each answered before the next one is sent.
inline void only_one_by_one(std::vector<transport>& to, std::size_t count) {
  for (std::size_t back = 1; back <= count; ++back) {
    transport& one = to[to.size() - back];
    one.throughput_sizes = no_size;
    one.paced = {};
    one.produced = {};
  }
}

}  // namespace bench
