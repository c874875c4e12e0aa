// A program of somebody else's: a message through a ring, in a coroutine.

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdint>
#include <iostream>
#include <sluice/asio.hpp>
#include <sluice/sluice.hpp>

namespace asio = boost::asio;

int main() {
  asio::io_context loop;
  const auto ring = sluice::ring_channel::create_anonymous().value();
  auto in = sluice::asio_end<sluice::ring_receiver>::over(
                loop, sluice::ring_receiver::attach(ring).value())
                .value();
  auto out =
      sluice::asio_end<sluice::ring_sender>::over(loop, sluice::ring_sender::attach(ring).value())
          .value();
  std::uint64_t received = 0;
  asio::co_spawn(
      loop,
      [&]() -> asio::awaitable<void> {
        (co_await in.async_receive(sluice::writable_bytes_of(received), asio::use_awaitable))
            .value();
      },
      asio::detached);
  const std::uint64_t sent = 42;
  out.async_send(sluice::bytes_of(sent), asio::detached);
  loop.run();
  std::cout << received << '\n';
  return received == sent ? 0 : 1;
}
