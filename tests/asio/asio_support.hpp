#pragma once
// What the tests of asio.hpp share: the tokens, and ways to run a context and to look at messages.

#include <gtest/gtest.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdint>
#include <exception>
#include <optional>
#include <sluice/asio.hpp>
#include <sluice/base/bytes.hpp>
#include <utility>

#include "support/child.hpp"

namespace sluice::test {

namespace asio = boost::asio;

/// An end in a context, of which nothing is wrong.
template <class End>
asio_end<End> in_loop(asio::io_context& context, End end) {
  return asio_end<End>::over(context, std::move(end)).value();
}

/// Runs a coroutine in the context; what it throws fails the test.
inline void start(asio::io_context& context, asio::awaitable<void> body) {
  asio::co_spawn(context, std::move(body), [](const std::exception_ptr& thrown) {
    EXPECT_FALSE(thrown) << "the coroutine has thrown";
  });
}

/// Runs the context until nothing is left to do; a failure of the test if that takes too long.
inline void run(asio::io_context& context) {
  context.restart();
  context.run_for(patience);
  EXPECT_TRUE(context.stopped()) << "something never completed";
}
/// Runs what can be done now.
inline void poll(asio::io_context& context) {
  context.restart();
  context.poll();
}

/// Keeps what an operation completed with.
template <class Outcome>
auto into(std::optional<Outcome>& kept) {
  return [&kept](Outcome outcome) {
    EXPECT_FALSE(kept.has_value()) << "completed twice";
    kept.emplace(std::move(outcome));
  };
}

}  // namespace sluice::test
