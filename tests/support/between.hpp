#pragma once
// What tests of two sides vary: where the other side is, and how both transfer.

#include "support/peer.hpp"

namespace sluice::test {

/// A link, and where its other side is.
template <class Link, class Peer>
struct between {
  using link = Link;
  using peer = Peer;
};

/// How a side transfers: with calls that wait in the kernel, with deadlines, or with `try_` and the
/// waits by hand.
enum class manner { waiting, timed, trying };

}  // namespace sluice::test
