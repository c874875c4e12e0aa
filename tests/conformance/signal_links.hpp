#pragma once
// Signals in the shape of the suites. Their receiver is a process, so some promises are tested with
// processes of their own in signal_channel_test.cpp, and the events with threads only.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <optional>
#include <sluice/channel/signal_channel.hpp>
#include <sluice/primitive/scoped_signal_mask.hpp>
#include <sluice/primitive/signal_receiver.hpp>
#include <sluice/primitive/signal_sender.hpp>

#include "support/another_user.hpp"

namespace sluice::test {

/// A queue of signals that is soon full. The kernel counts those of all processes of one real user,
/// so this process becomes another user's in name, where it may.
class short_signal_queue {
 public:
  short_signal_queue() {
    ::getrlimit(RLIMIT_SIGPENDING, &before_);
    if (::geteuid() == 0) static_cast<void>(!::setresuid(user_of_its_own(), keep, keep));
    const rlimit few{.rlim_cur = 100, .rlim_max = before_.rlim_max};
    ::setrlimit(RLIMIT_SIGPENDING, &few);
  }
  short_signal_queue(const short_signal_queue&) = delete;
  short_signal_queue& operator=(const short_signal_queue&) = delete;
  ~short_signal_queue() {
    ::setrlimit(RLIMIT_SIGPENDING, &before_);
    static_cast<void>(!::setresuid(user_, keep, keep));
  }

 private:
  static constexpr uid_t keep = static_cast<uid_t>(-1);
  rlimit before_{};
  uid_t user_ = ::getuid();
};

struct signal_channel_link {
  static constexpr const char* name = "signal_channel";
  static constexpr bool receiver_is_process = true;

  explicit signal_channel_link(std::size_t = 0) {
    receiver.emplace(signal_channel_receiver::create(pair).value());
    sender.emplace(another_sender());
    // Takes the announcement away, so that what is pending is messages.
    EXPECT_TRUE(would_block(receiver->next_size().error()));
  }
  signal_channel_link(const signal_channel_link&) = delete;
  signal_channel_link& operator=(const signal_channel_link&) = delete;
  // What is left pending, be it an end, would end this process together with the mask; a receiver
  // that goes throws it away.
  ~signal_channel_link() {
    sender.reset();
    receiver.reset();
    static_cast<void>(signal_channel_receiver::create(pair).value());
  }
  [[nodiscard]] signal_channel_sender another_sender() const {
    return signal_channel_sender::open(self, pair, deadline::now()).value();
  }
  [[nodiscard]] signal_channel_receiver another_receiver() const {
    auto made = signal_channel_receiver::create(pair).value();
    // Senders are announced to whoever reads first.
    EXPECT_TRUE(would_block(made.next_size().error()));
    return made;
  }

 private:
  short_signal_queue queue;
  signal_pair pair = signal_pair::nth(next_pair++ % 10);  // two links at once, in one process
  scoped_signal_mask mask = scoped_signal_mask::block(pair.signals()).value();
  process self = process::open(::getpid()).value();
  inline static int next_pair = 0;

 public:
  std::optional<signal_channel_sender> sender;
  std::optional<signal_channel_receiver> receiver;
};

/// A signal that a process sends to itself, as an event.
class signal_as_event {
 public:
  explicit signal_as_event(int number)
      : number_(number), receiver_(signal_receiver::create({number}).value()) {}

  result<void> notify() { return sender_.send(number_); }
  result<void> try_wait() {
    if (auto taken = receiver_.try_take(); !taken) return failure{taken.error()};
    return {};
  }
  result<void> wait(deadline until = deadline::never()) {
    if (auto taken = receiver_.take(until); !taken) return failure{taken.error()};
    return {};
  }

 private:
  int number_;
  signal_receiver receiver_;
  signal_sender sender_ = signal_sender::to_self();
};
static_assert(event_source<signal_as_event>);

template <bool RealTime>
struct signal_link {
  static constexpr const char* name = RealTime ? "real_time_signal" : "standard_signal";
  static constexpr bool counting = RealTime;

  signal_link() = default;
  signal_link(const signal_link&) = delete;
  signal_link& operator=(const signal_link&) = delete;
  // What is left pending would end this process together with the mask.
  ~signal_link() {
    while (event.try_wait()) {
    }
  }

 private:
  // Two links at once, in one process.
  inline static int made = 0;
  int number =
      made++ % 2 == 0 ? (RealTime ? SIGRTMIN + 20 : SIGUSR1) : (RealTime ? SIGRTMIN + 21 : SIGUSR2);
  scoped_signal_mask mask = scoped_signal_mask::block({number}).value();

 public:
  signal_as_event event{number};
};

}  // namespace sluice::test
