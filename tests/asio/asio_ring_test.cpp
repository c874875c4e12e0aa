// Rings in the event loop of Asio: what they are for there, messages without system calls, also
// with other processes at the other side, and whatever becomes of those.

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <numeric>
#include <set>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/channel/ring_queue.hpp>
#include <string>
#include <thread>
#include <vector>

#include "asio/asio_support.hpp"
#include "support/asleep.hpp"
#include "support/forbidden_system_calls.hpp"
#include "support/history.hpp"
#include "support/traced_child.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using size_result = result<std::size_t>;

/// A ring full of numbered messages, with its receiver in a loop.
class BusyRing {
 public:
  explicit BusyRing(std::uint64_t messages) {
    for (std::uint64_t number = 0; number < messages; ++number)
      EXPECT_TRUE(sender_.try_send(bytes_of(number)));
  }
  asio::io_context context;

 private:
  ring_channel ring_ = ring_channel::create_anonymous({.capacity_bytes = 1 << 18}).value();
  ring_sender sender_ = ring_sender::attach(ring_).value();

 public:
  asio_end<ring_receiver> inbox = in_loop(context, ring_receiver::attach(ring_).value());
};

asio::awaitable<bool> receive_numbers(asio_end<ring_receiver>& inbox, std::uint64_t count) {
  for (std::uint64_t wanted = 0; wanted < count; ++wanted) {
    std::uint64_t number = 0;
    const auto size = co_await inbox.async_receive(writable_bytes_of(number), asio::use_awaitable);
    if (!size || number != wanted) co_return false;
  }
  co_return true;
}

// A round also ends by time, and then looks to others: a child that loses its core in between may
// be killed for that, and another one tries.
constexpr int attempts = 20;
constexpr std::uint64_t in_one_round = 8;
constexpr bool is_sanitized = slowness() > 1;
constexpr const char* why_not = "the sanitizer makes system calls of its own";

template <class Body>
bool runs_without_system_calls(Body body) {
  for (int attempt = 0; attempt < attempts; ++attempt) {
    child strict{body};
    const exit_status end = strict.wait();
    if (end.signal == 0) return end.code == 0;
    EXPECT_EQ(end.signal, SIGSYS);
  }
  return false;
}

// Not one: the kernel kills the child at the first.
TEST(AsioRing, costs_no_system_call_for_messages_that_are_there) {
  if (is_sanitized) GTEST_SKIP() << why_not;
  EXPECT_TRUE(runs_without_system_calls([] {
    BusyRing ring{in_one_round};
    start(ring.context, [](auto& inbox) -> asio::awaitable<void> {
      // Once before: what is made at the first use is made then, and the round has begun.
      bool is_good = co_await receive_numbers(inbox, 1);
      forbid_system_calls();
      for (std::uint64_t wanted = 1; wanted < in_one_round; ++wanted) {
        std::uint64_t number = 0;
        const auto size =
            co_await inbox.async_receive(writable_bytes_of(number), asio::use_awaitable);
        is_good = is_good && size && number == wanted;
      }
      ::syscall(SYS_exit, is_good ? 0 : 1);
    }(ring.inbox));
    run(ring.context);
  }));
}

// Two rings, a coroutine that receives from one and sends on the other: one round for both.
TEST(AsioRing, costs_no_system_call_from_one_ring_to_another) {
  if (is_sanitized) GTEST_SKIP() << why_not;
  EXPECT_TRUE(runs_without_system_calls([] {
    BusyRing source{in_one_round};
    const auto target = ring_channel::create_anonymous({.capacity_bytes = 1 << 16}).value();
    auto out = in_loop(source.context, ring_sender::attach(target).value());
    start(source.context, [](auto& from, auto& to) -> asio::awaitable<void> {
      std::array<std::byte, 16> buffer{};
      bool is_good = true;
      for (std::uint64_t message = 0; message < in_one_round && is_good; ++message) {
        if (message == 1) forbid_system_calls();
        const auto size = co_await from.async_receive(buffer, asio::use_awaitable);
        const auto sent = co_await to.async_send(buffer, asio::use_awaitable);
        is_good = size && sent;
      }
      ::syscall(SYS_exit, is_good ? 0 : 1);
    }(source.inbox, out));
    run(source.context);
  }));
}

long system_calls_of(std::uint64_t messages) {
  std::optional<BusyRing> ring;
  bool is_good = false;
  traced_child receiver{[&] {
                          ring.emplace(messages);
                          asio::co_spawn(
                              ring->context, receive_numbers(ring->inbox, messages),
                              [&](const std::exception_ptr&, bool good) { is_good = good; });
                        },
                        [&] {
                          ring->context.run();
                          if (!is_good) ::raise(SIGKILL);
                        }};
  long steps = 0;
  while (receiver.step(step_size::system_call)) ++steps;
  return steps / 2;  // one before it and one after it
}

// All that the loop makes, counted from outside: it looks to others now and then, and no more. By
// the number of turns that is eight times, the rest is for the time that passes.
TEST(AsioRing, costs_a_loop_few_system_calls_for_a_thousand_messages) {
  if (*reason_not_to_trace() != '\0') GTEST_SKIP() << reason_not_to_trace();
  const long few = system_calls_of(1);
  const long many = system_calls_of(1001);
  ASSERT_GT(few, 0);
  RecordProperty("system_calls_for_1000_messages", static_cast<int>(many - few));
  EXPECT_LE(many - few, 100);
}

// --- Other processes ---

constexpr std::size_t smallest = min_message_bytes;
constexpr std::size_t largest = 1000;

std::vector<std::byte> numbered_message(std::uint32_t from, std::uint64_t number) {
  return make_message(from, number, size_of_message(from, number, smallest, largest));
}

asio::awaitable<void> judge_all(auto& inbox, history_checker& history) {
  for (;;) {
    const auto message = co_await inbox.async_receive_message(asio::use_awaitable);
    if (!message) {
      EXPECT_EQ(message.error(), errc::closed);
      co_return;
    }
    history.check(*message);
  }
}

asio::awaitable<void> send_all(auto outbox, std::uint32_t from, std::uint64_t count) {
  for (std::uint64_t number = 0; number < count; ++number) {
    const auto message = numbered_message(from, number);
    const auto sent = co_await outbox.async_send(message, asio::use_awaitable);
    EXPECT_TRUE(sent) << sent.error().message();
  }
}

TEST(AsioRingPeers, carry_many_messages_both_in_loops) {
  constexpr std::uint64_t count = 30'000;
  const auto ring = ring_channel::create_anonymous({.capacity_bytes = 16'384}).value();
  asio::io_context context;
  auto inbox = in_loop(context, ring_receiver::attach(ring).value());
  child other{[&] {
    asio::io_context its_own;
    start(its_own, send_all(in_loop(its_own, ring_sender::attach(ring).value()), 0, count));
    run(its_own);
  }};
  history_checker history;
  inbox.end().wait_for_peer(deadline{patience}).value();
  start(context, judge_all(inbox, history));
  run(context);
  EXPECT_TRUE(history.verdict(1, count));
  other.wait_success();
}

TEST(AsioRingPeers, send_to_several_receivers_in_one_loop) {
  constexpr std::uint64_t count = 5'000;
  constexpr std::uint32_t senders = 3;
  const auto queue = ring_queue::create_anonymous({.capacity_bytes = 16'384}).value();
  asio::io_context context;
  std::array<history_checker, 3> histories;
  std::list<asio_end<ring_queue_receiver>> workers;
  for (history_checker& history : histories) {
    workers.push_back(in_loop(context, ring_queue_receiver::attach(queue).value()));
    start(context, judge_all(workers.back(), history));
  }
  std::list<child> others;
  const rendezvous all_there;
  const rendezvous go;
  for (std::uint32_t from = 0; from < senders; ++from)
    others.emplace_back([&, from] {
      auto sender = ring_queue_sender::attach(queue).value();
      all_there.arrive();
      go.wait();
      for (std::uint64_t number = 0; number < count; ++number)
        ASSERT_TRUE(sender.send(numbered_message(from, number), deadline{patience}));
    });
  for (std::uint32_t from = 0; from < senders; ++from) all_there.wait();
  go.arrive(senders);
  run(context);
  history_checker all;
  for (const history_checker& history : histories) all.merge(history);
  EXPECT_TRUE(all.verdict(senders, count));
  for (child& other : others) other.wait_success();
}

TEST(AsioRingPeers, that_are_killed_are_told_of) {
  const auto ring = ring_channel::create_anonymous().value();
  asio::io_context context;
  auto inbox =
      in_loop(context, ring_receiver::attach(ring, {.wait = {.longest_sleep = 20ms}}).value());
  const rendezvous sent;
  child victim{[&] {
    auto sender = ring_sender::attach(ring).value();
    ASSERT_TRUE(sender.try_send(bytes_of("last words")));
    sent.arrive();
    ::pause();
  }};
  sent.wait();
  std::vector<std::string> seen;
  start(context, [](auto& in, auto& texts) -> asio::awaitable<void> {
    for (int look = 0; look < 3; ++look) {
      const auto message = co_await in.async_receive_message(asio::use_awaitable);
      if (message)
        texts.emplace_back(text_of(*message));
      else if (message.error() == std::errc::connection_reset)
        texts.emplace_back("reset");
      else if (message.error() == errc::closed)
        texts.emplace_back("closed");
    }
  }(inbox, seen));
  poll(context);
  victim.kill();
  run(context);
  EXPECT_EQ(seen, (std::vector<std::string>{"last words", "reset", "closed"}));
}

// F2: killed when the message is there, before the bell is rung. The first system call of a send is
// for the bell, and the victim dies at its edge.
TEST(AsioRingPeers, F2_killed_before_the_wake_up_are_found_by_looking_again) {
  if (*reason_not_to_trace() != '\0') GTEST_SKIP() << reason_not_to_trace();
  const auto ring = ring_channel::create_anonymous().value();
  asio::io_context context;
  auto inbox =
      in_loop(context, ring_receiver::attach(ring, {.wait = {.longest_sleep = 20ms}}).value());
  std::optional<result<std::vector<std::byte>>> received;
  inbox.async_receive_message(into(received));
  poll(context);
  ASSERT_FALSE(received);
  {
    std::optional<ring_sender> sender;
    traced_child victim{[&] { sender.emplace(ring_sender::attach(ring).value()); },
                        [&] { static_cast<void>(sender->try_send(bytes_of("unheard"))); }};
    ASSERT_TRUE(victim.step(step_size::system_call));
  }
  run(context);
  ASSERT_TRUE(received && *received);
  EXPECT_EQ(text_of(**received), "unheard");
}

// --- Threads ---

/// So many threads run one context until it has nothing left to do.
void run_in_threads(asio::io_context& context, std::size_t count) {
  std::vector<std::jthread> threads;
  for (std::size_t thread = 0; thread < count; ++thread)
    threads.emplace_back([&context] { context.run_for(patience); });
}

// More threads than a context has places for rounds: those have to do without.
TEST(AsioRing, threads_run_many_rings_each_of_them_one_at_a_time) {
  constexpr std::uint64_t count = 2'000;
  asio::io_context context;
  struct pair {
    asio_end<ring_sender> sender;
    asio_end<ring_receiver> receiver;
    history_checker history = {};
  };
  std::list<pair> pairs;
  for (std::uint32_t from = 0; from < 6; ++from) {
    const auto ring = ring_channel::create_anonymous({.capacity_bytes = 8192}).value();
    pair& both = pairs.emplace_back(pair{in_loop(context, ring_sender::attach(ring).value()),
                                         in_loop(context, ring_receiver::attach(ring).value())});
    start(context, send_all(std::move(both.sender), 0, count));
    start(context, judge_all(both.receiver, both.history));
  }
  run_in_threads(context, 20);
  EXPECT_TRUE(context.stopped());
  for (pair& one : pairs) EXPECT_TRUE(one.history.verdict(1, count));
}

// One receiver, several coroutines that wait on it: a strand keeps them apart.
TEST(AsioRing, threads_share_a_receiver_by_a_strand) {
  constexpr std::uint64_t count = 2'000;
  asio::io_context context;
  const auto strand = asio::make_strand(context);
  const auto ring = ring_channel::create_anonymous({.capacity_bytes = 8192}).value();
  auto inbox = in_loop(context, ring_receiver::attach(ring).value());
  start(context, send_all(in_loop(context, ring_sender::attach(ring).value()), 0, count));
  std::vector<std::uint64_t> received(3);
  history_checker history;
  for (std::uint64_t& own : received)
    asio::co_spawn(
        strand,
        [](auto& in, history_checker& judge, std::uint64_t& mine) -> asio::awaitable<void> {
          for (;;) {
            const auto message = co_await in.async_receive_message(asio::use_awaitable);
            if (!message) co_return;
            judge.check(*message);
            ++mine;
          }
        }(inbox, history, own),
        asio::detached);
  run_in_threads(context, 3);
  EXPECT_TRUE(context.stopped());
  EXPECT_TRUE(history.verdict(1, count));
  EXPECT_EQ(std::accumulate(received.begin(), received.end(), std::uint64_t{0}), count);
}

}  // namespace
}  // namespace sluice::test
