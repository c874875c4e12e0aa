#pragma once
// How a link becomes a row of a table of mechanisms.

#include <cstddef>
#include <string_view>

#include "tools/tour/mechanisms.hpp"
#include "tools/tour/pass.hpp"

namespace sluice::tour {

/// Messages in one direction; for the latency there is a second link back.
template <one_way_link Link>
constexpr mechanism one_way(std::string_view name, std::string_view what,
                            std::string_view note = "") {
  return {.name = name,
          .what = what,
          .note = note,
          .transfer = &transfer<Link, 1>,
          .latency = &converse<crossed<Link>>};
}

/// Several processes send at once to one. One question and its answer would measure the same as
/// with one sender, so there is no latency.
template <one_way_link Link, std::size_t Senders>
constexpr mechanism many_to_one(std::string_view name, std::string_view what) {
  return {.name = name,
          .what = what,
          .note = "has no latency of its own: one question at a time needs one sender",
          .transfer = &transfer<Link, Senders>};
}

/// Request and reply.
template <two_way_link Link>
constexpr mechanism two_way(std::string_view name, std::string_view what) {
  return {.name = name,
          .what = what,
          .note = "sends a sample, and waits for each reply: the whole request, back again",
          .transfer = &converse<Link>,
          .latency = &converse<Link>,
          .answers = true};
}

/// The same with fewer bytes.
constexpr mechanism at_most(std::size_t most_bytes, mechanism made) {
  made.most_bytes = most_bytes;
  return made;
}

/// The same where others make the system calls.
constexpr mechanism with_calls_of_others(mechanism made) {
  made.calls_are_counted = false;
  return made;
}

}  // namespace sluice::tour
