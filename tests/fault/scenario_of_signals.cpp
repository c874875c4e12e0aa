#include <gtest/gtest.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <sluice/sluice.hpp>

#include "fault/scenario.hpp"

namespace sluice::test {

namespace {

using namespace std::chrono_literals;

// Signals that are held back, and that nobody keeps after the scenario: whatever is pending when
// the mask is restored would end this process.
class held_back {
 public:
  explicit held_back(signal_set set) : set_(set), mask_(scoped_signal_mask::block(set).value()) {}
  held_back(const held_back&) = delete;
  held_back& operator=(const held_back&) = delete;
  ~held_back() {
    sigset_t all;
    ::sigemptyset(&all);
    for (int number : set_.numbers()) ::sigaddset(&all, number);
    constexpr timespec at_once{};
    while (::sigtimedwait(&all, nullptr, &at_once) > 0) {
    }
  }

 private:
  signal_set set_;
  scoped_signal_mask mask_;
};

// What is given back where an outcome holds nothing to look at.
result<void> only_success(auto&& outcome) {
  if (!outcome) return failure{outcome.error()};
  return {};
}

void make_signal_receiver(struck_step& step) {
  const held_back ground{{SIGUSR1}};
  auto receiver = step([] { return signal_receiver::create({SIGUSR1}); });
  if (!receiver) return;
  ::kill(::getpid(), SIGUSR1);
  EXPECT_TRUE(receiver->try_take());
}

void take_over_signalfd(struck_step& step) {
  const held_back ground{{SIGUSR1}};
  unique_fd fd = signal_receiver::create({SIGUSR1}).value().release_handle();
  auto receiver = step([&] { return signal_receiver::from_native(std::move(fd)); });
  if (receiver) {
    EXPECT_EQ(receiver->signals(), signal_set{SIGUSR1});
  }
}

template <class MakeSender>
void send_and_take(struck_step& step, int number, MakeSender make_sender) {
  const held_back ground{{number}};
  auto receiver = signal_receiver::create({number}).value();
  auto got = step([&]() -> result<received_signal> {
    auto sender = make_sender();
    if (!sender) return failure{sender.error()};
    if (auto sent = sender->send(number); !sent) return failure{sent.error()};
    return receiver.take(10s);
  });
  if (got) {
    EXPECT_EQ(got->number, number);
    EXPECT_EQ(got->sender, ::getpid());
  }
}

void signal_a_process(struck_step& step) {
  const auto self = process::open(::getpid()).value();
  send_and_take(step, SIGRTMIN, [&] { return signal_sender::to_process(self); });
}
void signal_ourselves(struck_step& step) {
  send_and_take(step, SIGRTMIN, [] { return result{signal_sender::to_self()}; });
}
void signal_a_thread(struck_step& step) {
  send_and_take(step, SIGRTMIN, [] { return signal_sender::to_thread(current_thread_id()); });
}
void signal_a_group(struck_step& step) {
  const auto leader = process::open(::getpgrp()).value();
  send_and_take(step, SIGUSR1, [&] { return signal_sender::to_group(leader); });
}

void stop_by_signal(struck_step& step) {
  const held_back ground{{SIGTERM}};
  const auto stopped = step([]() -> result<void> {
    auto stop = stop_signal::create({SIGTERM});
    if (!stop) return failure{stop.error()};
    ::kill(::getpid(), SIGTERM);
    return stop->wait(10s);
  });
  static_cast<void>(stopped);
}

struct channel_ground {
  signal_pair pair = signal_pair::nth(3);
  held_back held{pair.signals()};
  process self = process::open(::getpid()).value();
};

void open_signal_channel(struck_step& step) {
  const channel_ground ground;
  auto sender = step([&] { return signal_channel_sender::open(ground.self, ground.pair, 10s); });
  if (sender) {
    EXPECT_TRUE(sender->try_send(bytes_of(std::uint64_t{1})));
  }
}

void receive_over_signal_channel(struck_step& step) {
  const channel_ground ground;
  auto sender = signal_channel_sender::open(ground.self, ground.pair).value();
  const std::uint64_t sent = 0x1234'5678'9abc'def0;
  std::uint64_t received = 0;
  const auto got = step([&]() -> result<void> {
    auto receiver = signal_channel_receiver::create(ground.pair);
    if (!receiver) return failure{receiver.error()};
    if (auto done = sender.send(bytes_of(sent), 10s); !done) return done;
    return only_success(receiver->receive(writable_bytes_of(received), 10s));
  });
  if (got) {
    EXPECT_EQ(received, sent);
  }
}

void end_signal_channel(struck_step& step) {
  const channel_ground ground;
  auto sender = signal_channel_sender::open(ground.self, ground.pair).value();
  const auto ended = step([&]() -> result<void> {
    if (auto done = sender.detach(10s); !done) return done;
    auto receiver = signal_channel_receiver::create(ground.pair);
    if (!receiver) return failure{receiver.error()};
    auto end = receiver->next_size();
    if (!end && end.error() == errc::closed) return {};
    return only_success(end);
  });
  static_cast<void>(ended);
}

}  // namespace

const std::vector<scenario>& signal_scenarios() {
  static const std::vector<scenario> table{
      {"make_signal_receiver", make_signal_receiver},
      {"take_over_signalfd", take_over_signalfd},
      {"signal_a_process", signal_a_process},
      {"signal_ourselves", signal_ourselves},
      {"signal_a_thread", signal_a_thread},
      {"signal_a_group", signal_a_group},
      {"stop_by_signal", stop_by_signal},
      {"open_signal_channel", open_signal_channel},
      {"receive_over_signal_channel", receive_over_signal_channel},
      {"end_signal_channel", end_signal_channel},
  };
  return table;
}

}  // namespace sluice::test
