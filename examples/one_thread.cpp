// One thread that serves everything at once, in coroutines of Boost.Asio: three clients that ask
// over rings, a program that writes lines into a pipe, the ends of all these processes, and a clock
// that ticks meanwhile. One client says goodbye, one is killed, one falls silent and is given up.

#include <signal.h>

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <iostream>
#include <sluice/asio.hpp>
#include <sluice/channel/pipe.hpp>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/os/process.hpp>
#include <string>

namespace {

namespace asio = boost::asio;
using asio::use_awaitable;
using namespace asio::experimental::awaitable_operators;
using namespace std::chrono_literals;

constexpr std::uint64_t questions = 20'000;
constexpr auto patience = 2s;

/// Two rings, and how its client behaves.
struct client {
  const char* name;
  std::uint64_t dies_after = questions;  // by a signal, as a fault would
  std::uint64_t falls_silent_after = questions;
  sluice::ring_channel to_us = sluice::ring_channel::create_anonymous().value();
  sluice::ring_channel from_us = sluice::ring_channel::create_anonymous().value();
};

int ask(const client& self) {
  auto out = sluice::ring_sender::attach(self.to_us).value();
  auto in = sluice::ring_receiver::attach(self.from_us).value();
  for (std::uint64_t number = 0; number < questions; ++number) {
    if (number == self.dies_after) ::raise(SIGKILL);
    if (number == self.falls_silent_after) {
      std::array<std::byte, 8> nothing;
      return in.receive(nothing, 30s).error() == sluice::errc::closed ? 0 : 1;
    }
    std::uint64_t square = 0;
    out.send(sluice::bytes_of(number)).value();
    in.receive(sluice::writable_bytes_of(square), 10s).value();
    if (square != number * number) return 1;
  }
  return 0;
}

/// What the thread did, and what it still has to do.
struct report {
  std::uint64_t answered = 0;
  int said_goodbye = 0;
  int died = 0;
  int fell_silent = 0;
  int lines = 0;
  int ended = 0;
  int ticks = 0;
  int left_to_do = 0;
};

// Its ends go with it: who still listens is told that this was all.
asio::awaitable<void> serve(const char* name, sluice::asio_end<sluice::ring_receiver> in,
                            sluice::asio_end<sluice::ring_sender> out, report& done) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  std::uint64_t number = 0;
  for (;;) {
    timer.expires_after(patience);
    auto first = co_await (in.async_receive(sluice::writable_bytes_of(number), use_awaitable) ||
                           timer.async_wait(use_awaitable));
    if (first.index() == 1) {
      ++done.fell_silent;
      std::cout << name << " has said nothing for two seconds\n";
      break;
    }
    if (const auto& size = std::get<0>(first); !size) {
      ++(size.error() == sluice::errc::closed ? done.said_goodbye : done.died);
      std::cout << name << ": " << size.error().message() << '\n';
      break;
    }
    const std::uint64_t square = number * number;
    if (!co_await out.async_send(sluice::bytes_of(square), use_awaitable)) break;
    ++done.answered;
  }
  --done.left_to_do;
}

asio::awaitable<void> count_lines(sluice::asio_end<sluice::pipe_reader> in, report& done) {
  std::array<std::byte, 4096> buffer;
  for (;;) {
    const auto size = co_await in.async_read_some(buffer, use_awaitable);
    if (!size) break;  // the program has ended
    for (const char one : sluice::text_of(sluice::const_bytes{buffer}.first(*size)))
      done.lines += one == '\n' ? 1 : 0;
  }
  --done.left_to_do;
}

asio::awaitable<void> wait_for(sluice::asio_end<sluice::process> process, report& done) {
  (co_await process.async_wait(use_awaitable)).value();
  const auto status = process.end().wait(sluice::deadline::now()).value();
  std::cout << "process " << process.end().id() << " ended with code " << status.code << ", signal "
            << status.signal << '\n';
  ++done.ended;
  --done.left_to_do;
}

asio::awaitable<void> tick(report& done) {
  asio::steady_timer timer{co_await asio::this_coro::executor};
  while (done.left_to_do > 0) {
    timer.expires_after(10ms);
    co_await timer.async_wait(use_awaitable);
    ++done.ticks;
  }
}

template <class End>
sluice::asio_end<End> in_loop(asio::io_context& loop, End end) {
  return sluice::asio_end<End>::over(loop, std::move(end)).value();
}

}  // namespace

int main() try {
  asio::io_context loop;
  report done;
  const auto start = [&](asio::awaitable<void> task) {
    ++done.left_to_do;
    asio::co_spawn(loop, std::move(task), asio::detached);
  };

  std::array<client, 3> clients{{{.name = "the polite one"},
                                 {.name = "the clumsy one", .dies_after = questions / 2},
                                 {.name = "the silent one", .falls_silent_after = 100}}};
  for (client& one : clients) {
    auto process = sluice::process::fork([&] { return ask(one); }).value();
    auto in = sluice::ring_receiver::attach(one.to_us).value();
    in.wait_for_peer(10s).value();
    start(serve(one.name, in_loop(loop, std::move(in)),
                in_loop(loop, sluice::ring_sender::attach(one.from_us).value()), done));
    start(wait_for(in_loop(loop, std::move(process)), done));
  }

  auto pipe = sluice::pipe::create().value();
  auto writer = sluice::process::spawn(
                    {.arguments = {"sh", "-c", "for n in 1 2 3 4 5; do echo $n; sleep 0.02; done"},
                     .descriptors = {{.target = 1, .source = pipe.writer.native_handle()}}})
                    .value();
  { auto unused = std::move(pipe.writer); }
  start(count_lines(in_loop(loop, std::move(pipe.reader)), done));
  start(wait_for(in_loop(loop, std::move(writer)), done));
  asio::co_spawn(loop, tick(done), asio::detached);

  loop.run();
  std::cout << done.answered << " answers, " << done.lines << " lines and " << done.ticks
            << " ticks by one thread\n";
  const bool is_good = done.said_goodbye == 1 && done.died == 1 && done.fell_silent == 1 &&
                       done.lines == 5 && done.ended == 4 && done.ticks > 0;
  return is_good ? 0 : 1;
} catch (const std::exception& failed) {
  std::cerr << failed.what() << '\n';
  return 1;
}
