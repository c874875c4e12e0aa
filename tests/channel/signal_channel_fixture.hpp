#pragma once
// What the tests of the signal channel share: a pair that is held back, and messages that are
// numbers.

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdint>
#include <sluice/channel/signal_channel.hpp>
#include <sluice/primitive/scoped_signal_mask.hpp>

#include "support/another_user.hpp"
#include "support/child.hpp"

namespace sluice::test {

class SignalChannel : public ::testing::Test {
 protected:
  const signal_pair pair = signal_pair::nth(1);
  scoped_signal_mask mask = scoped_signal_mask::block(pair.signals()).value();
  const process self = process::open(::getpid()).value();

  [[nodiscard]] signal_channel_sender open_sender() const {
    return signal_channel_sender::open(self, pair, patience).value();
  }
  [[nodiscard]] signal_channel_receiver make_receiver() const {
    return signal_channel_receiver::create(pair).value();
  }
  // In a child that shall have a short queue, in which the pending signals of other processes do
  // not count if that can be had.
  static void shorten_queue(rlim_t length) {
    const rlimit few{.rlim_cur = length, .rlim_max = length};
    ASSERT_EQ(::setrlimit(RLIMIT_SIGPENDING, &few), 0);
    if (may_change_user()) {
      ASSERT_EQ(::setuid(user_of_its_own()), 0);
    }
  }
};

inline result<void> send_number(signal_channel_sender& sender, std::uint64_t number,
                                deadline until = deadline{patience}) {
  return sender.send(bytes_of(number), until);
}

inline result<std::uint64_t> receive_number(signal_channel_receiver& receiver,
                                            deadline until = deadline{patience}) {
  std::uint64_t number = 0;
  return receiver.receive(writable_bytes_of(number), until).transform([&](std::size_t size) {
    EXPECT_EQ(size, sizeof number);
    return number;
  });
}

inline result<std::uint64_t> try_receive_number(signal_channel_receiver& receiver) {
  std::uint64_t number = 0;
  return receiver.try_receive(writable_bytes_of(number)).transform([&](std::size_t) {
    return number;
  });
}

inline std::uint64_t fill(signal_channel_sender& sender) {
  for (std::uint64_t sent = 0; sent < 1000; ++sent) {
    auto outcome = sender.try_send(bytes_of(sent));
    if (outcome) continue;
    EXPECT_TRUE(would_block(outcome.error())) << outcome.error().message();
    return sent;
  }
  ADD_FAILURE() << "the queue is never full";
  return 0;
}

}  // namespace sluice::test
