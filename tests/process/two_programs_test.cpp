// Programs that do not know each other: executables of their own, which meet by a name or by the
// descriptors that they were handed.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <random>
#include <sluice/sluice.hpp>
#include <string>
#include <vector>

#include "support/child.hpp"
#include "support/history.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using sender_type = framed_sender<pipe_writer>;
using receiver_type = framed_receiver<pipe_reader>;

// A program that was started; killed and reaped with this object at the latest.
class program {
 public:
  explicit program(const spawn_options& options) : process_(process::spawn(options).value()) {}
  program(program&&) = default;
  program& operator=(program&&) = delete;
  ~program() { kill(); }
  exit_status wait() {
    auto status = process_.wait(deadline{patience});
    EXPECT_TRUE(status) << status.error().message();
    ended_ = status.has_value();
    return status.value_or(exit_status{});
  }
  void expect_success() { EXPECT_EQ(wait(), (exit_status{.code = 0, .signal = 0})); }
  void kill() {
    if (ended_) return;
    if (process_.send_signal(SIGKILL)) static_cast<void>(process_.wait());
    ended_ = true;
  }
  [[nodiscard]] bool lives() const { return !process_.wait_for_exit(deadline::now()).has_value(); }

 private:
  process process_;
  bool ended_ = false;
};

// How many messages a program sent for certain, as it says itself; it may have been killed since.
class progress_file {
 public:
  progress_file() : file_(::memfd_create("progress", MFD_CLOEXEC)) {
    EXPECT_EQ(::ftruncate(file_.get(), sizeof(std::uint64_t)), 0);
  }
  [[nodiscard]] int fd() const noexcept { return file_.get(); }
  [[nodiscard]] std::uint64_t sent() const {
    std::uint64_t count = 0;
    EXPECT_EQ(::pread(file_.get(), &count, sizeof count, 0), 8);
    return count;
  }

 private:
  unique_fd file_;
};

spawn_options sender_options(std::uint32_t id, std::uint64_t count, std::size_t largest) {
  return {.arguments = {SLUICE_SEND_PROGRAM, "log", std::to_string(id), std::to_string(count), "32",
                        std::to_string(largest)}};
}

spawn_options receiver_options(std::uint32_t senders, std::uint64_t count) {
  return {
      .arguments = {SLUICE_RECEIVE_PROGRAM, "log", std::to_string(senders), std::to_string(count)}};
}

// --- By name -----------------------------------------------------------------------------------

TEST(TwoPrograms, meet_at_a_fifo_whoever_comes_first) {
  auto made = fifo::create("log");
  ASSERT_TRUE(made);
  for (const bool receiver_first : {true, false}) {
    const spawn_options sender = sender_options(0, 500, 20'000);
    const spawn_options receiver = receiver_options(1, 500);
    program first{receiver_first ? receiver : sender};
    program second{receiver_first ? sender : receiver};
    first.expect_success();
    second.expect_success();
  }
}

// F37: many writers above PIPE_BUF never interleave.
TEST(TwoPrograms, share_a_fifo_with_a_third_and_a_fourth) {
  auto made = fifo::create("log");
  ASSERT_TRUE(made);
  program receiver{receiver_options(3, 400)};
  std::vector<program> senders;
  for (std::uint32_t id = 0; id < 3; ++id) senders.emplace_back(sender_options(id, 400, 30'000));
  for (program& one : senders) one.expect_success();
  receiver.expect_success();
}

// F38: wherever a writer is killed, the others' messages and its own finished ones arrive.
TEST(TwoPrograms, lose_only_the_unfinished_message_of_a_killed_sender) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random{seed};
  auto made = fifo::create("log");
  ASSERT_TRUE(made);
  auto receiver = fifo_receiver::open("log", {.open = {.stay_open = true}});
  ASSERT_TRUE(receiver);
  history_checker history;
  std::map<std::uint32_t, sent_messages> sent;
  const auto take = [&](deadline until) {
    auto message = receive_message(*receiver, until);
    if (message) history.check(*message);
    return message.has_value();
  };

  constexpr std::uint64_t of_the_survivor = 3000;
  program survivor{sender_options(0, of_the_survivor, 10'000)};
  sent[0] = {.at_least = of_the_survivor, .at_most = of_the_survivor};
  for (std::uint32_t victim_id = 1; victim_id <= 25; ++victim_id) {
    const progress_file progress;
    spawn_options options = sender_options(victim_id, 0, 30'000);
    options.descriptors.push_back({.target = 3, .source = progress.fd()});
    program victim{options};
    // Until it is under way, and then some.
    while (progress.sent() == 0) ASSERT_TRUE(take(deadline{patience}));
    for (auto more = random() % 40; more != 0; --more) ASSERT_TRUE(take(deadline{patience}));
    victim.kill();
    sent[victim_id] = {.at_least = progress.sent(), .at_most = progress.sent() + 1};
  }
  while (survivor.lives()) take(1ms);
  survivor.expect_success();
  while (take(deadline::now())) {
  }
  EXPECT_TRUE(history.verdict(sent));
  EXPECT_LE(receiver->spoilt(), 25u);
}

TEST(TwoPrograms, learn_of_a_killed_receiver_by_an_error_value) {
  auto made = fifo::create("log");
  ASSERT_TRUE(made);
  for (int round = 0; round < 5; ++round) {
    const progress_file progress;
    program receiver{receiver_options(1, 1'000'000'000)};
    spawn_options options = sender_options(0, 0, 5'000);
    options.descriptors.push_back({.target = 3, .source = progress.fd()});
    program sender{options};
    while (progress.sent() < 10) ASSERT_TRUE(sender.lives());
    receiver.kill();
    // 3 says "broken pipe"; SIGPIPE would have killed it.
    EXPECT_EQ(sender.wait(), (exit_status{.code = 3, .signal = 0}));
  }
}

// --- By descriptors ----------------------------------------------------------------------------

// The parent's side of two pipes, and the program at the other side.
struct conversation {
  sender_type sender;
  receiver_type receiver;
  program echo;
};

conversation start_echo() {
  auto sides = duplex_pipe::create().value();
  program echo{{.arguments = {SLUICE_ECHO_PROGRAM},
                .descriptors = {{.target = 3, .source = sides.second.reader.native_handle()},
                                {.target = 4, .source = sides.second.writer.native_handle()}}}};
  return {sender_type::create(std::move(sides.first.writer)).value(),
          receiver_type::create(std::move(sides.first.reader)).value(), std::move(echo)};
}

TEST(ParentAndChild, converse_over_two_pipes_across_exec) {
  conversation with = start_echo();
  for (std::uint64_t sequence = 0; sequence < 200; ++sequence) {
    const auto message = make_message(0, sequence, size_of_message(0, sequence, 32, 60'000));
    ASSERT_TRUE(with.sender.send(message, deadline{patience}));
    auto back = receive_message(with.receiver, deadline{patience});
    ASSERT_TRUE(back) << back.error().message();
    ASSERT_EQ(*back, message);
  }
}

TEST(ParentAndChild, end_in_order_when_the_parent_hangs_up) {
  conversation with = start_echo();
  ASSERT_TRUE(with.sender.send(bytes_of("last words")));
  { const sender_type hung_up = std::move(with.sender); }
  std::array<std::byte, 16> buffer;
  EXPECT_EQ(with.receiver.receive(buffer, deadline{patience}).value(), 10u);
  EXPECT_TRUE(with.receiver.receive(buffer, deadline{patience}).error() == errc::closed);
  with.echo.expect_success();
}

// F38: what was whole is delivered without a gap, and a torn frame is no message.
TEST(ParentAndChild, lose_only_what_the_child_had_not_sent_when_it_is_killed) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random{seed};
  const auto message_number = [](std::uint64_t sequence) {
    return make_message(0, sequence, size_of_message(0, sequence, 32, 10'000));
  };
  for (int round = 0; round < 25; ++round) {
    conversation with = start_echo();
    const std::uint64_t killed_after = random() % 60;
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    const auto take = [&](deadline until) -> result<void> {
      auto back = receive_message(with.receiver, until);
      if (!back) return failure{back.error()};
      EXPECT_EQ(*back, message_number(received++));
      return {};
    };
    for (bool broken = false; !broken;) {
      auto outcome = with.sender.send(message_number(sent), 5ms);
      broken = !outcome && !(outcome.error() == std::errc::timed_out);
      if (broken) {
        EXPECT_TRUE(outcome.error() == std::errc::broken_pipe) << outcome.error().message();
      }
      if (outcome) ++sent;
      if (sent > killed_after) with.echo.kill();
      if (random() % 3 == 0) static_cast<void>(take(deadline::now()));
    }
    auto end = take(deadline{patience});
    while (end) end = take(deadline{patience});
    if (end.error() == errc::corrupt) end = take(deadline{patience});  // once, for the torn frame
    EXPECT_TRUE(end.error() == errc::closed) << end.error().message();
    EXPECT_LE(received, sent);
  }
}

TEST(ParentAndChild, see_the_end_only_when_the_grandchild_has_let_go_as_well) {
  auto to_child = pipe::create();
  auto from_child = pipe::create();
  auto until = pipe::create();
  ASSERT_TRUE(to_child && from_child && until);
  program child{{.arguments = {SLUICE_ECHO_PROGRAM, "leave-an-heir"},
                 .descriptors = {{.target = 3, .source = to_child->reader.native_handle()},
                                 {.target = 4, .source = from_child->writer.native_handle()},
                                 {.target = 5, .source = until->reader.native_handle()}}}};
  child.expect_success();
  { const pipe_writer ours = std::move(from_child->writer); }
  { const pipe_reader ours = std::move(until->reader); }
  std::array<std::byte, 1> buffer;
  EXPECT_TRUE(would_block(from_child->reader.try_read(buffer).error()))
      << "the grandchild still has the writing end";
  { const pipe_writer let_go = std::move(until->writer); }
  EXPECT_TRUE(from_child->reader.read_some(buffer, deadline{patience}).error() == errc::closed);
}

}  // namespace
}  // namespace sluice::test
