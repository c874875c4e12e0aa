// Messages of many writers over one FIFO, beyond the conformance suites: fragments, deaths inside a
// message, bytes of strangers, and the bounds of what a receiver holds.

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <sluice/channel/fifo_channel.hpp>
#include <string>
#include <vector>

#include "support/child.hpp"
#include "support/history.hpp"
#include "support/program.hpp"

namespace sluice::test {
namespace {

constexpr std::size_t pipe_bytes = std::size_t{64} << 10;  // of a FIFO, unless changed
constexpr std::size_t largest_single = 4064;               // one fragment

class FifoChannel : public ::testing::Test {
 protected:
  fifo_receiver open_receiver(const fifo_receiver_options& options = {}) const {
    return fifo_receiver::open(named.path(), options).value();
  }
  fifo_sender open_sender(const fifo_sender_options& options = {}) const {
    return fifo_sender::open(named.path(), deadline::now(), options).value();
  }
  void send_foreign(const std::string& text) const {
    auto writer = fifo_writer::open(named.path(), deadline::now()).value();
    ASSERT_TRUE(writer.write_all(bytes_of(text)));
  }
  fifo named = fifo::create("messages").value();
};

// What can be received now, without waiting; "<corrupt>" where that is reported.
std::vector<std::string> receive_now(fifo_receiver& receiver) {
  std::vector<std::string> all;
  std::vector<char> buffer(std::size_t{1} << 20);
  for (;;) {
    auto got = receiver.try_receive(std::as_writable_bytes(std::span{buffer}));
    if (got) {
      all.emplace_back(buffer.data(), *got);
    } else if (got.error() == errc::corrupt) {
      all.emplace_back("<corrupt>");
    } else {
      if (!would_block(got.error())) all.push_back(got.error().message());
      return all;
    }
  }
}

using texts = std::vector<std::string>;

TEST_F(FifoChannel, refuses_options_that_no_format_can_keep) {
  auto receiver = open_receiver();
  EXPECT_EQ(
      fifo_sender::open(named.path(), deadline::now(), {.max_message_bytes = 1ULL << 32}).error(),
      std::errc::invalid_argument);
  EXPECT_EQ(fifo_receiver::open(named.path(), {.max_message_bytes = 1ULL << 32}).error(),
            std::errc::invalid_argument);
  EXPECT_EQ(fifo_receiver::open(named.path(), {.max_unfinished = 0}).error(),
            std::errc::invalid_argument);
  EXPECT_EQ(fifo_sender::open("nowhere").error(), std::errc::no_such_file_or_directory);
}

TEST_F(FifoChannel, up_to_one_fragment_is_one_write_and_all_or_nothing) {
  auto receiver = open_receiver();
  auto sender = open_sender();
  const std::vector<std::byte> message(largest_single);
  std::size_t count = 0;
  while (sender.try_send(message)) ++count;
  // Sixteen pages, one message each: nothing was cut, nothing is kept back.
  EXPECT_EQ(count, pipe_bytes / 4096);
  EXPECT_TRUE(sender.flush(deadline::now()));
  { const fifo_sender ends_here = std::move(sender); }
  for (std::size_t got = 0; got < count; ++got) {
    std::vector<std::byte> buffer(largest_single);
    EXPECT_EQ(receiver.try_receive(buffer).value(), largest_single);
  }
}

TEST_F(FifoChannel, a_message_that_has_begun_goes_on_with_the_next_call) {
  auto receiver = open_receiver();
  auto sender = open_sender();
  const auto first = make_message(0, 0, 3 * pipe_bytes);
  const auto second = make_message(0, 1, 100);
  ASSERT_TRUE(sender.try_send(first));
  EXPECT_TRUE(would_block(sender.try_send(second).error()));
  EXPECT_EQ(sender.flush(deadline::now()).error(), std::errc::timed_out);
  history_checker history;
  std::vector<std::byte> buffer(4 * pipe_bytes);
  while (history.received() < 2) {
    auto got = receiver.try_receive(buffer);
    if (got) history.check(const_bytes{buffer}.first(*got));
    if (history.received() == 0) static_cast<void>(sender.try_send(second));
  }
  EXPECT_TRUE(history.verdict(1, 2));
}

TEST_F(FifoChannel, a_sender_that_goes_without_flushing_spoils_its_last_message_alone) {
  auto receiver = open_receiver({.open = {.stay_open = true}});
  auto other = open_sender();
  {
    auto sender = open_sender();
    ASSERT_TRUE(sender.try_send(std::vector<std::byte>(3 * pipe_bytes)));
  }
  EXPECT_EQ(receive_now(receiver), texts{});
  ASSERT_TRUE(other.try_send(bytes_of("still here")));
  EXPECT_EQ(receive_now(receiver), texts{"still here"});
}

TEST_F(FifoChannel, a_writer_killed_inside_a_message_spoils_only_that) {
  // F38: the messages of the others come, before and after; at the end it is told once.
  auto receiver = open_receiver();
  auto other = std::make_optional(open_sender());
  child victim{[&] {
    auto sender = open_sender();
    ASSERT_TRUE(sender.send(bytes_of("whole")));
    ASSERT_TRUE(sender.try_send(std::vector<std::byte>(3 * pipe_bytes)));
    ::raise(SIGKILL);
  }};
  EXPECT_EQ(victim.wait().signal, SIGKILL);
  EXPECT_EQ(receive_now(receiver), texts{"whole"});
  const std::string longer(20'000, 'x');
  ASSERT_TRUE(other->try_send(bytes_of(longer)));
  EXPECT_EQ(receive_now(receiver), texts{longer});
  EXPECT_EQ(receiver.spoilt(), 0U) << "it might still come";
  other.reset();
  std::array<std::byte, 1> buffer;
  EXPECT_EQ(receiver.try_receive(buffer).error(), errc::corrupt);
  EXPECT_EQ(receiver.spoilt(), 1U);
  EXPECT_EQ(receiver.try_receive(buffer).error(), errc::closed);

  // The next opener is fine.
  auto next = open_sender();
  ASSERT_TRUE(next.try_send(bytes_of("next")));
  EXPECT_EQ(receive_now(receiver), texts{"next"});
}

TEST_F(FifoChannel, a_receiver_that_comes_into_the_middle_skips_what_it_cannot_know) {
  // F38 for the other side: a receiver is killed inside a message, its successor goes on.
  auto sender = [&] {
    child victim{[&] {
      auto receiver = open_receiver();
      ::raise(SIGKILL);
    }};
    auto keeps_open = fifo_reader::open(named.path()).value();
    EXPECT_EQ(victim.wait().signal, SIGKILL);
    auto made = open_sender();
    // The first bytes of a long message are gone with its receiver.
    EXPECT_TRUE(made.try_send(std::vector<std::byte>(30'000)));
    std::vector<std::byte> lost(6000);
    EXPECT_TRUE(keeps_open.read_exactly(lost));
    auto receiver = open_receiver();
    EXPECT_TRUE(made.try_send(bytes_of("after")));
    // In step again at the next fragment; the torn one is told, the headless rest is skipped.
    EXPECT_EQ(receive_now(receiver), (texts{"<corrupt>", "after"}));
    return made;
  }();
  EXPECT_EQ(sender.try_send(bytes_of("nobody")).error(), std::errc::broken_pipe);
}

TEST_F(FifoChannel, bytes_of_strangers_are_told_once_and_then_it_goes_on) {
  auto receiver = open_receiver({.open = {.stay_open = true}});
  auto sender = open_sender();
  for (const std::size_t size : {1U, 31U, 32U, 33U, 5000U, 60'000U}) {
    send_foreign(std::string(size, '#'));
    ASSERT_TRUE(sender.try_send(bytes_of("message")));
    EXPECT_EQ(receive_now(receiver), (texts{"<corrupt>", "message"})) << size;
  }
}

TEST_F(FifoChannel, a_shell_that_echoes_into_it_disturbs_nothing) {
  auto receiver = open_receiver({.open = {.stay_open = true}});
  auto sender = open_sender();
  ASSERT_TRUE(sender.try_send(bytes_of("before")));
  program echo{shell("echo hello > '" + named.path() + "'")};
  echo.wait_success();
  ASSERT_TRUE(sender.try_send(bytes_of("after")));
  EXPECT_EQ(receive_now(receiver), (texts{"before", "<corrupt>", "after"}));
}

TEST_F(FifoChannel, strangers_alone_are_told_once_and_end) {
  for (const std::size_t size : {1U, 100U, 5000U}) {
    auto receiver = open_receiver();
    send_foreign(std::string(size, '#'));
    std::array<std::byte, 10> buffer;
    EXPECT_EQ(receiver.receive(buffer).error(), errc::corrupt) << size;
    EXPECT_EQ(receiver.receive(buffer).error(), errc::closed) << size;
  }
}

TEST_F(FifoChannel, of_more_unfinished_messages_than_allowed_the_oldest_is_given_up) {
  auto receiver = open_receiver({.max_unfinished = 2});
  // Three begin with one fragment each; then all end, in the same order.
  std::vector<fifo_sender> senders;
  senders.reserve(3);
  for (int id = 0; id < 3; ++id) senders.push_back(open_sender());
  auto filler = open_sender();
  const std::string body(2 * largest_single, '.');
  texts received;
  const auto collect = [&] {
    for (std::string& text : receive_now(receiver)) received.push_back(std::move(text));
  };
  std::size_t fillers = 0;
  for (std::size_t id = 0; id < senders.size(); ++id) {
    // Room for one fragment only, so that the message stays unfinished.
    while (filler.try_send(std::vector<std::byte>(largest_single))) ++fillers;
    collect();
    for (std::size_t page = 1; page < pipe_bytes / 4096; ++page) {
      ASSERT_TRUE(filler.try_send(std::vector<std::byte>(largest_single)));
      ++fillers;
    }
    ASSERT_TRUE(senders[id].try_send(bytes_of(std::to_string(id) + body)));
  }
  collect();
  for (fifo_sender& sender : senders) ASSERT_TRUE(sender.flush(deadline::now()));
  collect();
  std::erase_if(received, [](const std::string& text) { return text.size() == largest_single; });
  EXPECT_EQ(received, (texts{"1" + body, "2" + body}));
  EXPECT_EQ(receiver.spoilt(), 1U);
  EXPECT_GT(fillers, 0U);
}

TEST_F(FifoChannel, a_message_too_long_for_the_receiver_is_skipped_and_counted) {
  auto receiver = open_receiver({.max_message_bytes = 1000});
  auto sender = open_sender();
  for (const std::size_t size : {1001U, 4064U, 4065U, 30'000U})
    ASSERT_TRUE(sender.try_send(std::vector<std::byte>(size)));
  ASSERT_TRUE(sender.try_send(bytes_of(std::string(1000, 'f'))));
  EXPECT_EQ(receive_now(receiver), texts{std::string(1000, 'f')});
  EXPECT_EQ(receiver.spoilt(), 4U);
}

TEST_F(FifoChannel, a_sender_used_by_parent_and_child_mixes_no_messages) {
  auto receiver = open_receiver();
  auto sender = std::make_optional(open_sender());
  const auto send_as = [&](std::uint32_t id) {
    for (std::uint64_t sequence = 0; sequence < 200; ++sequence)
      ASSERT_TRUE(
          sender->send(make_message(id, sequence, size_of_message(id, sequence, 100, 40'000))));
  };
  child first{[&] { send_as(0); }};
  child second{[&] { send_as(1); }};
  sender.reset();
  history_checker history;
  std::vector<std::byte> buffer(50'000);
  while (auto got = receiver.receive(buffer)) history.check(const_bytes{buffer}.first(*got));
  EXPECT_TRUE(history.verdict(2, 200));
  EXPECT_EQ(receiver.spoilt(), 0U);
  first.wait_success();
  second.wait_success();
}

TEST_F(FifoChannel, what_a_parent_keeps_is_sent_by_the_parent_alone) {
  auto receiver = open_receiver();
  auto sender = open_sender();
  const auto large = make_message(0, 0, 2 * pipe_bytes);
  ASSERT_TRUE(sender.try_send(large));
  std::vector<std::byte> buffer(3 * pipe_bytes);
  EXPECT_TRUE(would_block(receiver.try_receive(buffer).error()));  // makes room
  child other{[&] {
    ASSERT_TRUE(sender.flush(deadline::now())) << "it has nothing to send";
    ASSERT_TRUE(sender.send(make_message(1, 0, 10'000)));
  }};
  other.wait_success();
  history_checker history;
  while (history.received() < 2) {
    static_cast<void>(sender.flush(deadline::now()));
    auto got = receiver.try_receive(buffer);
    if (got) history.check(const_bytes{buffer}.first(*got));
  }
  EXPECT_TRUE(history.verdict(2, 1));
}

TEST_F(FifoChannel, a_message_can_be_looked_at_before_it_is_taken) {
  auto receiver = open_receiver();
  auto sender = open_sender();
  EXPECT_TRUE(would_block(receiver.try_peek().error()));
  const std::string longer(10'000, 'y');
  for (const std::string& text : {std::string{"short"}, longer})
    ASSERT_TRUE(sender.try_send(bytes_of(text)));
  EXPECT_EQ(text_of(receiver.try_peek().value()), "short");
  EXPECT_EQ(text_of(receiver.try_peek().value()), "short");
  receiver.release();
  EXPECT_EQ(text_of(receiver.try_peek().value()), longer);
  receiver.release();
  EXPECT_TRUE(would_block(receiver.try_peek().error()));
}

TEST_F(FifoChannel, readiness_of_the_descriptor_is_only_a_hint) {
  auto receiver = open_receiver({.open = {.stay_open = true}});
  auto sender = open_sender();
  // A fragment of an unfinished message: bytes came, no message.
  constexpr std::size_t size = pipe_bytes + 1000;
  ASSERT_TRUE(sender.try_send(std::vector<std::byte>(size)));
  EXPECT_TRUE(receiver.wait_readable(deadline::now()));
  std::vector<std::byte> buffer(3 * pipe_bytes);
  EXPECT_TRUE(would_block(receiver.try_receive(buffer).error()));
  EXPECT_EQ(receiver.wait_readable(deadline::now()).error(), std::errc::timed_out);
  // And the reverse: two messages read at once; the second shows only in the receiver.
  ASSERT_TRUE(sender.flush(deadline{patience}));
  ASSERT_TRUE(sender.try_send(bytes_of("second")));
  EXPECT_EQ(receiver.try_receive(buffer).value(), size);
  EXPECT_TRUE(receiver.wait_readable(deadline::now()));
  EXPECT_EQ(receiver.try_receive(buffer).value(), 6U);
}

}  // namespace
}  // namespace sluice::test
