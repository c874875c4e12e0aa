// F36: the kernel may take and give fewer bytes than were asked for, at every size; frames and
// values arrive whole.

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <numeric>
#include <sluice/channel/fifo_channel.hpp>
#include <sluice/channel/pipe.hpp>
#include <sluice/compose/framed.hpp>
#include <sluice/compose/typed.hpp>
#include <string>
#include <thread>
#include <vector>

#include "fault/failing_syscall.hpp"
#include "support/child.hpp"

namespace sluice::test {
namespace {

using sender_type = framed_sender<pipe_writer>;
using receiver_type = framed_receiver<pipe_reader>;

const std::vector<long> transfers{SYS_read, SYS_preadv2, SYS_write, SYS_writev, SYS_pwritev2};

// Sizes around the header's eight bytes and around what a pipe takes at once.
std::vector<std::string> messages() {
  std::vector<std::string> all;
  for (const std::size_t size : {0u, 1u, 2u, 7u, 8u, 9u, 15u, 16u, 17u, 100u}) {
    std::string text(size, ' ');
    std::iota(text.begin(), text.end(), static_cast<char>(size));
    all.push_back(text);
  }
  return all;
}

struct framed_pipe {
  sender_type sender;
  receiver_type receiver;
};

framed_pipe make_framed_pipe() {
  auto ends = pipe::create();
  EXPECT_TRUE(ends);
  return {sender_type::create(std::move(ends->writer)).value(),
          receiver_type::create(std::move(ends->reader)).value()};
}

void expect_all_arrive(framed_pipe& framed, deadline until) {
  std::array<std::byte, 200> buffer;
  for (const std::string& message : messages()) {
    ASSERT_TRUE(framed.sender.send(bytes_of(message), until));
    auto size = framed.receiver.receive(buffer, until);
    ASSERT_TRUE(size) << size.error().message();
    EXPECT_EQ(text_of(const_bytes{buffer}.first(*size)), message);
  }
}

// Up to two headers and their messages, byte by byte.
constexpr std::size_t largest_cut = 40;

TEST(ShortTransfer, of_any_size_keeps_frames_whole) {
  for (std::size_t most = 1; most <= largest_cut; ++most) {
    SCOPED_TRACE(most);
    framed_pipe framed = make_framed_pipe();
    const fault_plan plan{{.calls = transfers, .at_most_bytes = most}};
    expect_all_arrive(framed, deadline::never());
    expect_all_arrive(framed, deadline{patience});
    EXPECT_GT(plan.struck(), 0u);
  }
}

TEST(ShortTransfer, between_interruptions_keeps_frames_whole) {
  for (std::size_t most = 1; most <= largest_cut; ++most) {
    SCOPED_TRACE(most);
    framed_pipe framed = make_framed_pipe();
    const fault_plan plan{
        {{.every = 2, .error_number = EINTR}, {.calls = transfers, .at_most_bytes = most}}};
    expect_all_arrive(framed, deadline{patience});
  }
}

// The other flavour of a short write: a part, and then no room for a while.
TEST(ShortTransfer, followed_by_no_room_keeps_the_rest_for_later) {
  for (std::size_t most = 1; most <= largest_cut; ++most) {
    SCOPED_TRACE(most);
    framed_pipe framed = make_framed_pipe();
    const std::string message(50, 'm');
    {
      const fault_plan plan{{{.calls = {SYS_pwritev2}, .times = 1, .at_most_bytes = most},
                             {.calls = {SYS_pwritev2}, .error_number = EAGAIN}}};
      EXPECT_TRUE(framed.sender.try_send(bytes_of(message))) << "it has begun, so it is accepted";
      EXPECT_TRUE(would_block(framed.sender.try_send(bytes_of("next")).error()));
    }
    std::array<std::byte, 64> buffer;
    EXPECT_TRUE(would_block(framed.receiver.try_receive(buffer).error())) << "half a frame";
    ASSERT_TRUE(framed.sender.try_send(bytes_of("next")));
    EXPECT_EQ(text_of(const_bytes{buffer}.first(framed.receiver.try_receive(buffer).value())),
              message);
    EXPECT_EQ(text_of(const_bytes{buffer}.first(framed.receiver.try_receive(buffer).value())),
              "next");
  }
}

TEST(ShortTransfer, of_any_size_keeps_values_whole) {
  for (std::size_t most = 1; most <= largest_cut; ++most) {
    SCOPED_TRACE(most);
    framed_pipe framed = make_framed_pipe();
    typed_sender<std::string, sender_type> sender{std::move(framed.sender)};
    typed_receiver<std::string, receiver_type> receiver{std::move(framed.receiver)};
    const fault_plan plan{{.calls = transfers, .at_most_bytes = most}};
    for (const std::string& message : messages()) {
      ASSERT_TRUE(sender.send(message));
      EXPECT_EQ(receiver.receive(deadline{patience}).value(), message);
    }
  }
}

TEST(ShortTransfer, is_made_good_by_read_exactly_and_write_all) {
  auto ends = pipe::create();
  ASSERT_TRUE(ends);
  const std::string text = "the quick brown fox jumps over the lazy dog";
  for (std::size_t most = 1; most <= text.size(); ++most) {
    const fault_plan plan{{.calls = transfers, .at_most_bytes = most}};
    std::string received(text.size(), ' ');
    ASSERT_TRUE(ends->writer.write_all(bytes_of(text)));
    ASSERT_TRUE(ends->reader.read_exactly(std::as_writable_bytes(std::span{received})));
    EXPECT_EQ(received, text);
  }
}

// A frame larger than the pipe, with the other side reading at its own short pace.
TEST(ShortTransfer, of_a_frame_larger_than_the_pipe_needs_both_sides) {
  framed_pipe framed = make_framed_pipe();
  const std::string message(300'000, 'l');
  const fault_plan plan{{.calls = transfers, .every = 2, .at_most_bytes = 1000}};
  std::thread other{[&] { EXPECT_TRUE(framed.sender.send(bytes_of(message))); }};
  std::vector<std::byte> buffer(message.size());
  auto size = framed.receiver.receive(buffer, deadline{patience});
  other.join();
  ASSERT_TRUE(size);
  EXPECT_EQ(text_of(const_bytes{buffer}.first(*size)), message);
}

// Reads alone: what one write(2) puts into a FIFO the kernel keeps together, and fragments rely on
// that.
TEST(ShortTransfer, of_reads_keeps_the_messages_of_a_fifo_whole) {
  auto made = fifo::create("log");
  ASSERT_TRUE(made);
  for (std::size_t most = 1; most <= 2 * largest_cut; ++most) {
    SCOPED_TRACE(most);
    auto receiver = fifo_receiver::open("log");
    ASSERT_TRUE(receiver);
    auto sender = fifo_sender::open("log", deadline{patience});
    ASSERT_TRUE(sender);
    const fault_plan plan{{.calls = {SYS_read, SYS_preadv2}, .at_most_bytes = most}};
    std::array<std::byte, 200> buffer;
    for (const std::string& message : messages()) {
      ASSERT_TRUE(sender->send(bytes_of(message)));
      auto size = receiver->receive(buffer, deadline{patience});
      ASSERT_TRUE(size) << size.error().message();
      EXPECT_EQ(text_of(const_bytes{buffer}.first(*size)), message);
    }
    EXPECT_EQ(receiver->spoilt(), 0u);
  }
}

}  // namespace
}  // namespace sluice::test
