// Frames over streams that do the worst that streams may do.

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <sluice/channel/pipe.hpp>
#include <sluice/compose/framed.hpp>
#include <string>
#include <vector>

#include "support/asleep.hpp"
#include "support/byte_pipe.hpp"
#include "support/child.hpp"
#include "support/history.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using memory_sender = framed_sender<byte_pipe_writer>;
using memory_receiver = framed_receiver<byte_pipe_reader>;

class Framed : public ::testing::Test {
 protected:
  memory_sender make_sender(const frame_options& options = {}) const {
    return memory_sender::create(byte_pipe_writer{pipe}, options).value();
  }
  memory_receiver make_receiver(const frame_options& options = {}) const {
    return memory_receiver::create(byte_pipe_reader{pipe}, options).value();
  }
  void put(const_bytes bytes) const {
    pipe->content.insert(pipe->content.end(), bytes.begin(), bytes.end());
  }
  std::shared_ptr<byte_pipe> pipe = std::make_shared<byte_pipe>();
};

template <class Receiver>
std::vector<std::byte> receive_one(Receiver& receiver) {
  for (int turn = 0; turn < 1'000'000; ++turn) {
    auto size = receiver.next_size();
    if (!size && would_block(size.error())) continue;
    EXPECT_TRUE(size) << size.error().message();
    if (!size) return {};
    std::vector<std::byte> message(*size);
    EXPECT_EQ(receiver.try_receive(message).value(), *size);
    return message;
  }
  ADD_FAILURE() << "no message comes";
  return {};
}

TEST_F(Framed, whatever_one_write_takes_frames_are_whole) {
  // F36: every size of a partial write, with and without a pause between two.
  for (const bool pauses : {false, true})
    for (std::size_t each = 1; each <= 120; ++each) {
      *pipe = {.per_write = each, .pauses = pauses};
      auto sender = make_sender();
      auto receiver = make_receiver();
      history_checker history;
      for (std::uint64_t count = 0; count < 5; ++count) {
        const auto message = make_message(0, count, 32 + 20 * count);
        while (!sender.try_send(message)) {
        }
      }
      while (!sender.flush(deadline::now())) {
      }
      for (int count = 0; count < 5; ++count) history.check(receive_one(receiver));
      EXPECT_TRUE(history.verdict(1, 5)) << each;
    }
}

TEST_F(Framed, whatever_one_read_gives_frames_are_whole) {
  // F36, H13: every size of a partial read, down to one byte at a time.
  for (const bool pauses : {false, true})
    for (std::size_t each = 1; each <= 120; ++each) {
      *pipe = {.per_read = each, .pauses = pauses};
      auto sender = make_sender();
      auto receiver = make_receiver();
      history_checker history;
      for (std::uint64_t count = 0; count < 5; ++count)
        while (!sender.try_send(make_message(0, count, 32 + 20 * count))) {
        }
      for (int count = 0; count < 5; ++count) history.check(receive_one(receiver));
      EXPECT_TRUE(history.verdict(1, 5)) << each;
    }
}

TEST_F(Framed, a_stream_torn_at_any_byte_is_told_once_and_ends) {
  // F38
  auto whole = make_sender();
  ASSERT_TRUE(whole.try_send(bytes_of("first")));
  ASSERT_TRUE(whole.try_send(bytes_of("second message")));
  const auto all = pipe->content;
  const std::size_t first = frame_header::size_bytes + 5;
  for (std::size_t cut = 0; cut <= all.size(); ++cut) {
    *pipe = {};
    put(const_bytes{all}.first(cut));
    pipe->ended = true;
    auto receiver = make_receiver();
    std::array<std::byte, 20> buffer;
    std::size_t messages = 0;
    auto got = receiver.try_receive(buffer);
    for (; got; got = receiver.try_receive(buffer)) ++messages;
    EXPECT_EQ(messages, (cut >= first ? 1U : 0U) + (cut == all.size() ? 1U : 0U)) << cut;
    const bool between = cut == 0 || cut == first || cut == all.size();
    if (!between) {
      EXPECT_EQ(got.error(), errc::corrupt) << cut;
      got = receiver.try_receive(buffer);
    }
    EXPECT_EQ(got.error(), errc::closed) << cut;
    EXPECT_EQ(receiver.try_receive(buffer).error(), errc::closed);
  }
}

TEST_F(Framed, after_a_torn_frame_the_next_writer_starts_afresh) {
  // F38, over a FIFO: the next opener is fine.
  put(const_bytes{frame_header::encode(100)});
  pipe->ended = true;
  auto receiver = make_receiver();
  EXPECT_EQ(receiver.try_peek().error(), errc::corrupt);
  EXPECT_EQ(receiver.try_peek().error(), errc::closed);
  pipe->ended = false;
  auto next = make_sender();
  ASSERT_TRUE(next.try_send(bytes_of("afresh")));
  EXPECT_EQ(text_of(receive_one(receiver)), "afresh");
}

TEST_F(Framed, a_length_beyond_the_maximum_is_corrupt_for_ever_and_takes_no_memory) {
  // H13: also the largest that the header can say, with the right check.
  constexpr std::size_t most = 1000;
  for (const std::uint32_t length : {1001U, 0x7fff'ffffU, 0x8000'0000U, 0xffff'ffffU}) {
    *pipe = {};
    auto receiver = make_receiver({.max_message_bytes = most});
    put(const_bytes{frame_header::encode(length)});
    put(std::vector<std::byte>(5000));
    std::vector<std::byte> buffer(2000);
    for (int again = 0; again < 3; ++again) {
      EXPECT_EQ(receiver.try_receive(buffer).error(), errc::corrupt);
      EXPECT_EQ(receiver.next_size().error(), errc::corrupt);
      EXPECT_EQ(receiver.receive(buffer).error(), errc::corrupt);
      EXPECT_TRUE(receiver.wait_readable(deadline::never())) << "the verb is worth calling";
      receiver.release();
    }
    EXPECT_LE(pipe->largest_read, frame_header::size_bytes + most + receiver.read_ahead_bytes);
    EXPECT_LE(pipe->reads, 1U) << "a stream that is out of step is not read on";
  }
}

TEST_F(Framed, bytes_that_are_no_header_are_corrupt_for_ever) {
  auto sender = make_sender();
  ASSERT_TRUE(sender.try_send(bytes_of("whole")));
  put(bytes_of("no frame at all"));
  auto receiver = make_receiver();
  EXPECT_EQ(text_of(receive_one(receiver)), "whole");
  ASSERT_TRUE(sender.try_send(bytes_of("never seen")));
  pipe->ended = true;
  std::array<std::byte, 20> buffer;
  for (int again = 0; again < 3; ++again)
    EXPECT_EQ(receiver.try_receive(buffer).error(), errc::corrupt);
}

TEST_F(Framed, both_sides_refuse_a_maximum_that_the_format_cannot_say) {
  const frame_options beyond{.max_message_bytes = frame_header::max_payload_bytes + 1};
  EXPECT_EQ(memory_sender::create(byte_pipe_writer{pipe}, beyond).error(),
            std::errc::invalid_argument);
  EXPECT_EQ(memory_receiver::create(byte_pipe_reader{pipe}, beyond).error(),
            std::errc::invalid_argument);
}

TEST_F(Framed, the_maximum_is_exact_at_both_sides) {
  auto sender = make_sender({.max_message_bytes = 10});
  auto receiver = make_receiver({.max_message_bytes = 10});
  const std::vector<std::byte> message(11);
  EXPECT_EQ(sender.max_message_bytes(), 10U);
  EXPECT_EQ(sender.try_send(message).error(), std::errc::message_size);
  EXPECT_TRUE(pipe->content.empty());
  ASSERT_TRUE(sender.try_send(const_bytes{message}.first(10)));
  EXPECT_EQ(receive_one(receiver).size(), 10U);
  auto nothing = make_sender({.max_message_bytes = 0});
  auto empty_only = make_receiver({.max_message_bytes = 0});
  ASSERT_TRUE(nothing.try_send({}));
  EXPECT_EQ(receive_one(empty_only).size(), 0U);
}

TEST_F(Framed, one_message_is_one_write_and_many_are_one_read) {
  auto sender = make_sender();
  auto receiver = make_receiver();
  for (int count = 0; count < 500; ++count) ASSERT_TRUE(sender.try_send(bytes_of("small")));
  EXPECT_EQ(pipe->writes, 500U);
  for (int count = 0; count < 500; ++count) EXPECT_EQ(text_of(receive_one(receiver)), "small");
  EXPECT_EQ(pipe->reads, 1U);
}

TEST_F(Framed, the_rest_of_a_message_goes_out_before_anything_else) {
  pipe->capacity = 50;
  auto sender = make_sender();
  auto receiver = make_receiver();
  const auto first = make_message(0, 0, 120);
  ASSERT_TRUE(sender.try_send(first));
  EXPECT_EQ(pipe->content.size(), 50U);
  EXPECT_TRUE(would_block(sender.try_send(make_message(0, 1, 32)).error()));
  EXPECT_EQ(sender.send(make_message(0, 1, 32), deadline::now()).error(), std::errc::timed_out);
  EXPECT_EQ(sender.wait_writable(deadline::now()).error(), std::errc::timed_out);
  EXPECT_EQ(sender.flush(deadline::now()).error(), std::errc::timed_out);

  EXPECT_TRUE(would_block(receiver.next_size().error()));  // makes room
  EXPECT_EQ(sender.wait_writable(deadline::now()).error(), std::errc::timed_out);
  EXPECT_TRUE(would_block(receiver.next_size().error()));
  EXPECT_TRUE(sender.flush(deadline::now()));
  EXPECT_TRUE(sender.try_send(make_message(0, 1, 32)));
  history_checker history;
  history.check(receive_one(receiver));
  static_cast<void>(sender.flush(deadline::now()));
  history.check(receive_one(receiver));
  EXPECT_TRUE(history.verdict(1, 2));
}

TEST_F(Framed, a_send_whose_deadline_passes_inside_the_message_has_accepted_it) {
  pipe->capacity = 50;
  auto sender = make_sender();
  auto receiver = make_receiver();
  EXPECT_TRUE(sender.send(make_message(0, 0, 120), deadline::now()));
  while (!sender.flush(deadline::now())) EXPECT_TRUE(would_block(receiver.next_size().error()));
  history_checker history;
  history.check(receive_one(receiver));
  EXPECT_TRUE(history.verdict(1, 1));
}

TEST_F(Framed, a_sender_that_goes_without_flushing_leaves_a_torn_message) {
  pipe->capacity = 50;
  auto receiver = make_receiver();
  {
    auto sender = make_sender();
    ASSERT_TRUE(sender.try_send(std::vector<std::byte>(120)));
  }
  pipe->ended = true;
  EXPECT_EQ(receiver.try_peek().error(), errc::corrupt);
}

TEST_F(Framed, a_failure_of_the_stream_is_passed_on_and_loses_nothing) {
  auto sender = make_sender();
  auto receiver = make_receiver();
  pipe->per_read = 5;
  ASSERT_TRUE(sender.try_send(bytes_of("hello")));
  std::array<std::byte, 5> buffer;
  pipe->failing = std::errc::io_error;
  EXPECT_EQ(sender.try_send(bytes_of("not sent")).error(), std::errc::io_error);
  EXPECT_EQ(receiver.try_receive(buffer).error(), std::errc::io_error);
  pipe->failing.reset();
  EXPECT_EQ(receiver.try_receive(buffer).value(), 5U);
  EXPECT_TRUE(would_block(receiver.try_receive(buffer).error()));
}

TEST_F(Framed, a_message_can_be_looked_at_before_it_is_taken) {
  auto sender = make_sender();
  auto receiver = make_receiver();
  receiver.release();
  for (const char* text : {"one", "", "three"}) ASSERT_TRUE(sender.try_send(bytes_of(text)));
  for (const char* text : {"one", "", "three"}) {
    EXPECT_EQ(text_of(receiver.try_peek().value()), text);
    EXPECT_EQ(text_of(receiver.peek(deadline::now()).value()), text);
    receiver.release();
  }
  EXPECT_TRUE(would_block(receiver.try_peek().error()));
  EXPECT_EQ(receiver.peek(deadline::now()).error(), std::errc::timed_out);
  receiver.release();
  ASSERT_TRUE(sender.try_send(bytes_of("four")));
  EXPECT_EQ(text_of(receive_one(receiver)), "four");
}

TEST_F(Framed, long_messages_and_short_ones_share_a_small_buffer) {
  // Wherever a frame lies in the buffer of the receiver, it comes out whole.
  auto sender = make_sender({.max_message_bytes = 90'000});
  auto receiver = make_receiver({.max_message_bytes = 90'000});
  history_checker history;
  for (std::uint64_t count = 0; count < 300; ++count) {
    pipe->per_read = 1 + (count * 7919) % 70'000;
    const std::size_t size = size_of_message(0, count, 32, count % 5 == 0 ? 90'000 : 300);
    ASSERT_TRUE(sender.try_send(make_message(0, count, size)));
    if (count % 3 == 0)
      while (history.received() < count) history.check(receive_one(receiver));
  }
  while (history.received() < 300) history.check(receive_one(receiver));
  EXPECT_TRUE(history.verdict(1, 300));
}

TEST(FramedPipe, a_sender_that_sends_nothing_or_half_a_frame_keeps_nobody_beyond_a_deadline) {
  // H13
  auto both = pipe::create().value();
  auto receiver = framed_receiver<pipe_reader>::create(std::move(both.reader)).value();
  std::array<std::byte, 10> buffer;
  const auto waits_in_vain = [&] {
    const auto before = deadline::clock::now();
    EXPECT_EQ(receiver.receive(buffer, 20ms).error(), std::errc::timed_out);
    EXPECT_GE(deadline::clock::now() - before, 20ms);
  };
  waits_in_vain();
  const auto header = frame_header::encode(5);
  ASSERT_TRUE(both.writer.write_all(const_bytes{header}.first(3)));
  waits_in_vain();
  ASSERT_TRUE(both.writer.write_all(const_bytes{header}.subspan(3)));
  ASSERT_TRUE(both.writer.write_all(bytes_of("hel")));
  waits_in_vain();
  ASSERT_TRUE(both.writer.write_all(bytes_of("lo")));
  EXPECT_EQ(receiver.receive(buffer, deadline::now()).value(), 5U);
}

TEST(FramedPipe, a_peek_waits_for_a_message) {
  auto both = pipe::create().value();
  auto receiver = framed_receiver<pipe_reader>::create(std::move(both.reader)).value();
  child other{[&, parent = this_thread_id()] {
    auto sender = framed_sender<pipe_writer>::create(std::move(both.writer)).value();
    wait_until_asleep(parent);
    EXPECT_TRUE(sender.send(bytes_of("hello")));
  }};
  EXPECT_EQ(text_of(receiver.peek().value()), "hello");
  other.wait_success();
}

}  // namespace
}  // namespace sluice::test
