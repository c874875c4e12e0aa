// F37, F38: many writers of one FIFO, killed at random and followed by others, judged by the
// history checker. Which moments are hit differs from run to run; what must hold does not.

#include <gtest/gtest.h>
#include <signal.h>

#include <map>
#include <memory>
#include <random>
#include <sluice/channel/fifo_channel.hpp>
#include <vector>

#include "support/child.hpp"
#include "support/history.hpp"
#include "support/shared_array.hpp"

namespace sluice::test {
namespace {

constexpr std::size_t writers_at_once = 4;
constexpr std::size_t kills = 120;
constexpr std::size_t largest_message = 30'000;  // above PIPE_BUF, in up to eight fragments

class fifo_soak {
 public:
  fifo_soak() {
    for (std::size_t place = 0; place < writers_at_once; ++place)
      writers_.push_back(start_writer());
  }

  // Kills one writer after the other, each replaced at once, and receives meanwhile.
  void run() {
    std::mt19937 random{42};
    std::uniform_int_distribution<std::size_t> any_writer{0, writers_at_once - 1};
    std::uniform_int_distribution<int> any_pause{1, 60};
    for (std::size_t kill = 0; kill < kills; ++kill) {
      for (int count = any_pause(random); count > 0; --count) receive_one();
      std::unique_ptr<child>& victim = writers_[any_writer(random)];
      victim->send_signal(SIGKILL);
      // Its last bytes lie in the pipe; those of others may keep it from dying in a write.
      while (!victim->handle().wait_for_exit(deadline::now())) receive_one();
      static_cast<void>(victim->wait());
      victim = start_writer();
    }
    for (auto& writer : writers_) writer->send_signal(SIGKILL);
    for (auto& writer : writers_) {
      while (!writer->handle().wait_for_exit(deadline::now())) receive_one();
      static_cast<void>(writer->wait());
    }
    while (receive_one()) {
    }
  }

  void judge() const {
    std::map<std::uint32_t, sent_messages> sent;
    for (std::uint32_t id = 0; id < next_id_; ++id)
      // One more may have been sent whose count its writer did not live to raise.
      sent[id] = {.at_least = sent_[id], .at_most = sent_[id] + 1};
    EXPECT_TRUE(history_.verdict(sent));
    EXPECT_GT(history_.received(), kills);
    EXPECT_LE(receiver_.spoilt(), next_id_) << "each spoils one at the most";
  }

 private:
  std::unique_ptr<child> start_writer() {
    const std::uint32_t id = next_id_++;
    return std::make_unique<child>([this, id] {
      auto sender = fifo_sender::open(named_.path(), deadline::now()).value();
      for (std::uint64_t sequence = 0;; ++sequence) {
        const auto size = size_of_message(id, sequence, min_message_bytes, largest_message);
        ASSERT_TRUE(sender.send(make_message(id, sequence, size)));
        sent_[id].store(sequence + 1);
      }
    });
  }

  bool receive_one() {
    auto got = receiver_.try_receive(buffer_);
    if (!got) {
      EXPECT_TRUE(would_block(got.error())) << got.error().message();
      return false;
    }
    history_.check(const_bytes{buffer_}.first(*got));
    return true;
  }

  shared_array sent_{kills + writers_at_once};
  fifo named_ = fifo::create("soak").value();
  // Staying open: else the stream would end whenever all writers happen to be dead at once.
  fifo_receiver receiver_ = fifo_receiver::open("soak", {.open = {.stay_open = true}}).value();
  std::vector<std::byte> buffer_ = std::vector<std::byte>(largest_message);
  history_checker history_;
  std::uint32_t next_id_ = 0;
  std::vector<std::unique_ptr<child>> writers_;
};

TEST(FifoSoak, killed_writers_spoil_nothing_but_their_own_last_message) {
  fifo_soak soak;
  soak.run();
  soak.judge();
}

}  // namespace
}  // namespace sluice::test
