#pragma once
// How a test of a message channel comes to an end.

#include <gtest/gtest.h>

#include <sluice/base/channel_traits.hpp>
#include <sluice/channel/blocking.hpp>
#include <sluice/channel/unix_datagram.hpp>

#include "support/child.hpp"

namespace sluice::test {

/// Channels have no end where others may come later: those whose content survives their processes,
/// and datagrams, which know no connection.
template <class End>
inline constexpr bool lasts = channel_traits<End>.survives_processes;
template <>
inline constexpr bool lasts<unix_datagram_sender> = true;
template <>
inline constexpr bool lasts<unix_datagram_receiver> = true;
template <class Link>
inline constexpr bool link_lasts = lasts<typename decltype(Link::sender)::value_type>;
inline constexpr const char* has_no_end =
    "whoever leaves may be followed by others, so that nobody is told: see LastingChannel";

/// Where the channel has no end, the test has one: a message without bytes.
template <class Sender>
void say_goodbye(Sender& sender) {
  if constexpr (lasts<Sender>) {
    EXPECT_TRUE(sluice::send(sender, {}, deadline{patience}));
  }
}
/// For the receiving side: the one or the other end.
template <class Receiver>
void expect_end(Receiver& receiver) {
  auto got = sluice::receive_message(receiver);
  if constexpr (lasts<Receiver>) {
    EXPECT_TRUE(got && got->empty());
  } else {
    EXPECT_EQ(got.error(), errc::closed);
  }
}

}  // namespace sluice::test
