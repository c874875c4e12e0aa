// Who can be waited for together with others, by which descriptor, and who cannot.

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <sluice/base/readiness.hpp>
#include <sluice/sluice.hpp>
#include <utility>

#include "support/child.hpp"

namespace sluice::test {

// What users may write: something of their own with a descriptor, which says that it is polled ...
struct doorbell {
  [[nodiscard]] int native_handle() const noexcept { return wakes.native_handle(); }
  event wakes = event::create().value();
};
// ... one that does not ...
struct bare_descriptor {
  [[nodiscard]] int native_handle() const noexcept { return 0; }
};
// ... and receivers, of which one only looks at its descriptor, and one says that it cannot.
template <bool Pollable>
struct users_receiver {
  static constexpr channel_capabilities capabilities{.mechanism = "mine", .pollable = Pollable};
  [[nodiscard]] result<std::size_t> try_receive(mutable_bytes) { return std::size_t{0}; }
  [[nodiscard]] result<std::size_t> next_size() { return std::size_t{0}; }
  [[nodiscard]] result<void> wait_readable(deadline) { return {}; }
  [[nodiscard]] int native_handle() const noexcept { return 17; }
};

}  // namespace sluice::test

template <>
inline constexpr bool sluice::polled_by_native_handle<sluice::test::doorbell> = true;

namespace sluice::test {
namespace {

template <class... T>
constexpr bool all_to_receive = (pollable_to_receive<T> && ...);
template <class... T>
constexpr bool none_to_receive = !(pollable_to_receive<T> || ...);
template <class... T>
constexpr bool all_to_send = (pollable_to_send<T> && ...);
template <class... T>
constexpr bool none_to_send = !(pollable_to_send<T> || ...);

using frames_in = framed_receiver<pipe_reader>;
using frames_out = framed_sender<pipe_writer>;

// Both ways.
static_assert(all_to_receive<unix_stream, tcp_stream, unix_seqpacket, udp_socket>);
static_assert(all_to_send<unix_stream, tcp_stream, unix_seqpacket, udp_socket>);
// Ends.
static_assert(all_to_receive<pipe_reader, fifo_reader, frames_in, fifo_receiver,
                             signal_channel_receiver, posix_queue_receiver, ring_receiver,
                             ring_queue_receiver, ring_subscriber, unix_datagram_receiver>);
static_assert(none_to_send<pipe_reader, fifo_reader, frames_in, fifo_receiver,
                           signal_channel_receiver, posix_queue_receiver, ring_receiver,
                           ring_queue_receiver, ring_subscriber, unix_datagram_receiver>);
static_assert(all_to_send<pipe_writer, fifo_writer, frames_out, fifo_sender, posix_queue_sender,
                          ring_sender, ring_queue_sender, ring_publisher, unix_datagram_sender>);
static_assert(
    none_to_receive<pipe_writer, fifo_writer, frames_out, fifo_sender, posix_queue_sender,
                    ring_sender, ring_queue_sender, ring_publisher, unix_datagram_sender>);
// What happens, and carries nothing.
static_assert(all_to_receive<event, signal_receiver, stop_signal, process>);
static_assert(none_to_send<event, signal_receiver, stop_signal, process>);
// Without a descriptor that tells: a wait for them would be a wait for nothing.
static_assert(none_to_receive<local_receiver, system_v_queue_receiver, mailbox_receiver,
                              hardened_receiver, shared_event, posix_semaphore, mutex>);
static_assert(none_to_send<local_sender, system_v_queue_sender, mailbox_sender, hardened_sender,
                           signal_channel_sender, shared_event, posix_semaphore>);
// Not a channel, or the channel and not its end.
static_assert(none_to_receive<int, unique_fd, ring_channel, posix_queue, bare_descriptor>);
static_assert(none_to_send<int, unique_fd, ring_channel, posix_queue, bare_descriptor>);
// Classes of users.
static_assert(all_to_receive<doorbell, users_receiver<true>>);
static_assert(none_to_receive<users_receiver<false>>);
static_assert(none_to_send<doorbell, users_receiver<true>>);

TEST(Readiness, is_that_of_the_descriptor_in_the_direction_of_the_verb) {
  auto bytes = pipe::create().value();
  const readiness reading = readiness_to_receive(bytes.reader).value();
  EXPECT_EQ(reading.descriptor, bytes.reader.native_handle());
  EXPECT_EQ(reading.when, direction::readable);
  EXPECT_EQ(reading.ahead, nullptr);
  const readiness writing = readiness_to_send(bytes.writer).value();
  EXPECT_EQ(writing.descriptor, bytes.writer.native_handle());
  EXPECT_EQ(writing.when, direction::writable);

  auto both = unix_seqpacket::create_pair().value();
  EXPECT_EQ(readiness_to_receive(both.first).value().descriptor, both.first.native_handle());
  EXPECT_EQ(readiness_to_receive(both.first).value().when, direction::readable);
  EXPECT_EQ(readiness_to_send(both.first).value().descriptor, both.first.native_handle());
  EXPECT_EQ(readiness_to_send(both.first).value().when, direction::writable);

  auto other = event::create().value();
  EXPECT_EQ(readiness_to_receive(other).value().descriptor, other.native_handle());
  doorbell mine;
  EXPECT_EQ(readiness_to_receive(mine).value().descriptor, mine.native_handle());
  users_receiver<true> theirs;
  EXPECT_EQ(readiness_to_receive(theirs).value().descriptor, 17);
}

// Its descriptor is a bell: it rings for room as for messages, and is read for either.
TEST(Readiness, of_a_ring_is_a_bell_that_is_read_also_by_who_sends) {
  const auto ring = ring_channel::create_anonymous({.capacity_bytes = 4096}).value();
  auto sender = ring_sender::attach(ring).value();
  auto receiver = ring_receiver::attach(ring).value();
  const readiness sending = readiness_to_send(sender).value();
  EXPECT_EQ(sending.when, direction::readable);
  EXPECT_EQ(sending.descriptor, sender.poll_handle().value()) << "one, however often it is asked";
  const readiness receiving = readiness_to_receive(receiver).value();
  EXPECT_EQ(receiving.when, direction::readable);
  EXPECT_EQ(receiving.descriptor, receiver.poll_handle().value());
  EXPECT_NE(receiving.descriptor, sending.descriptor);
}

TEST(Readiness, that_cannot_be_had_is_refused_as_the_channel_refuses_it) {
  const auto ring = ring_channel::create_anonymous({.capacity_bytes = 4096}).value();
  auto receiver = ring_receiver::attach(ring).value();
  child forked{[&] {
    EXPECT_EQ(readiness_to_receive(receiver).error(), std::errc::operation_not_permitted);
  }};
  forked.wait_success();
}

// What lies in the receiver's memory, no descriptor shows.
TEST(Readiness, of_who_reads_ahead_holds_until_a_look_would_block) {
  auto ends = pipe::create().value();
  auto sender = frames_out::create(std::move(ends.writer)).value();
  auto receiver = frames_in::create(std::move(ends.reader)).value();
  ASSERT_TRUE(sender.try_send(bytes_of(1)) && sender.try_send(bytes_of(2)));
  int got = 0;
  ASSERT_TRUE(receiver.try_receive(writable_bytes_of(got)));
  const readiness ahead = readiness_to_receive(receiver).value();
  ASSERT_NE(ahead.ahead, nullptr);
  EXPECT_TRUE(ahead.ahead->holds()) << "the second was read with the first";
  ASSERT_TRUE(receiver.try_receive(writable_bytes_of(got)));
  EXPECT_TRUE(would_block(receiver.try_receive(writable_bytes_of(got)).error()));
  EXPECT_FALSE(ahead.ahead->holds());
  EXPECT_EQ(readiness_to_receive(receiver).value().ahead, ahead.ahead) << "the same mark";
}

// Who waits asks those alone that began to hold something.
TEST(Readiness, of_who_reads_ahead_is_news_once_each_time_it_begins) {
  read_ahead mark;
  const auto news = std::make_shared<read_ahead_news>();
  news->reserve(2);
  const auto told = [&] {
    read_ahead_news all = *news;
    mark.heard(*news);
    news->clear();
    return all;
  };
  mark.tell(news, 7);
  EXPECT_EQ(told(), read_ahead_news{});
  for (const bool holds : {true, true, false, true}) mark.set(holds);
  EXPECT_EQ(told(), read_ahead_news{7}) << "once until it was heard";
  mark.set(true);
  EXPECT_EQ(told(), read_ahead_news{}) << "it went on holding";
  mark.set(false);
  mark.assume();
  EXPECT_EQ(told(), read_ahead_news{}) << "who waits knows that itself";
  // The next one who waits is told at once, and the one before no more.
  const auto others = std::make_shared<read_ahead_news>();
  others->reserve(1);
  mark.tell(others, 8);
  EXPECT_EQ(*others, read_ahead_news{8});
  mark.heard(*news);
  mark.tell_no_more(*news);
  for (const bool holds : {false, true}) mark.set(holds);
  EXPECT_EQ(*others, read_ahead_news{8});
  EXPECT_EQ(told(), read_ahead_news{});
  others->clear();
  mark.tell_no_more(*others);
  for (const bool holds : {false, true}) mark.set(holds);
  EXPECT_EQ(*others, read_ahead_news{});
}

TEST(Readiness, of_who_reads_ahead_moves_with_the_receiver) {
  auto ends = pipe::create().value();
  auto sender = frames_out::create(std::move(ends.writer)).value();
  auto receiver = frames_in::create(std::move(ends.reader)).value();
  const readiness ahead = readiness_to_receive(receiver).value();
  auto elsewhere = std::move(receiver);
  ASSERT_TRUE(sender.try_send(bytes_of(1)) && sender.try_send(bytes_of(2)));
  int got = 0;
  ASSERT_TRUE(elsewhere.try_receive(writable_bytes_of(got)));
  EXPECT_TRUE(ahead.ahead->holds());
}

}  // namespace
}  // namespace sluice::test
