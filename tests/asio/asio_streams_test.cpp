// Bytes in the event loop of Asio, until all of them are moved: in pieces, up to the end, and given
// up in the middle.

#include <algorithm>
#include <array>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <chrono>
#include <optional>
#include <sluice/channel/pipe.hpp>
#include <sluice/channel/tcp_listener.hpp>
#include <sluice/channel/tcp_stream.hpp>
#include <sluice/channel/unix_seqpacket.hpp>
#include <sluice/channel/unix_stream.hpp>
#include <string>
#include <utility>
#include <vector>

#include "asio/asio_support.hpp"
#include "conformance/byte_stream_links.hpp"
#include "conformance/socket_links.hpp"
#include "conformance/type_names.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using size_result = result<std::size_t>;

std::vector<std::byte> counted_bytes(std::size_t count) {
  std::vector<std::byte> bytes(count);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<std::byte>(i * 7 + i / 251);
  return bytes;
}

// The reader is in the loop, and the writer in the test's hand.
template <class Link>
class AsioBytes : public testing::Test {
 protected:
  asio::io_context context;
  Link link;
  asio_end<typename decltype(Link::reader)::value_type> reader =
      in_loop(context, std::move(*link.reader));
  std::array<std::byte, 10> buffer{};
  std::optional<size_result> outcome;

  void put(std::string_view text) {
    ASSERT_TRUE(link.writer->write_all(bytes_of(text), deadline{patience}));
  }
  // As much as has come, if only through lo.
  void take_turns(std::size_t times = 20) {
    for (std::size_t i = 0; i < times; ++i) {
      context.restart();
      context.run_for(1ms);
    }
  }
};
using links = testing::Types<pipe_link, unix_stream_link, tcp_stream_link>;
TYPED_TEST_SUITE(AsioBytes, links, link_names);

TYPED_TEST(AsioBytes, a_buffer_is_filled_however_small_the_pieces_are) {
  this->reader.async_read_exactly(this->buffer, into(this->outcome));
  for (int i = 0; i < 9; ++i) {
    this->put(std::to_string(i));
    this->take_turns(2);
    EXPECT_FALSE(this->outcome);
  }
  this->put("9 and more");
  run(this->context);
  EXPECT_EQ(this->outcome.value().value(), 10U);
  EXPECT_EQ(text_of(this->buffer), "0123456789");
  // What follows is still there.
  this->outcome.reset();
  this->reader.async_read_exactly(mutable_bytes{this->buffer}.first(9), into(this->outcome));
  run(this->context);
  EXPECT_EQ(this->outcome.value().value(), 9U);
  EXPECT_EQ(text_of(const_bytes{this->buffer}.first(9)), " and more");
}

TYPED_TEST(AsioBytes, an_end_inside_is_told_by_how_much_came_and_then_as_the_end) {
  this->put("four");
  this->link.writer.reset();
  this->reader.async_read_exactly(this->buffer, into(this->outcome));
  run(this->context);
  EXPECT_EQ(this->outcome.value().value(), 4U);
  EXPECT_EQ(text_of(const_bytes{this->buffer}.first(4)), "four");
  this->outcome.reset();
  this->reader.async_read_exactly(this->buffer, into(this->outcome));
  run(this->context);
  EXPECT_EQ(this->outcome.value().error(), errc::closed);
}

TYPED_TEST(AsioBytes, given_up_in_the_middle_tells_what_came) {
  asio::cancellation_signal stop;
  this->reader.async_read_exactly(this->buffer,
                                  asio::bind_cancellation_slot(stop.slot(), into(this->outcome)));
  this->put("part");
  this->take_turns();
  EXPECT_FALSE(this->outcome);
  stop.emit(asio::cancellation_type::terminal);
  run(this->context);
  EXPECT_EQ(this->outcome.value().value(), 4U);
  // Before the first byte nothing was taken: the reason.
  this->outcome.reset();
  this->reader.async_read_exactly(this->buffer, into(this->outcome));
  poll(this->context);
  this->reader.cancel();
  run(this->context);
  EXPECT_EQ(this->outcome.value().error(), std::errc::operation_canceled);
  // And the stream goes on behind what was told.
  this->put("0123456789");
  this->outcome.reset();
  this->reader.async_read_exactly(this->buffer, into(this->outcome));
  run(this->context);
  EXPECT_EQ(this->outcome.value().value(), 10U);
  EXPECT_EQ(text_of(this->buffer), "0123456789");
}

TYPED_TEST(AsioBytes, nothing_is_moved_at_once) {
  this->reader.async_read_exactly({}, into(this->outcome));
  run(this->context);
  EXPECT_EQ(this->outcome.value().value(), 0U);
}

// Both ends in one loop, and more than the stream holds.
template <class Link>
class AsioBytesBothWays : public AsioBytes<Link> {
 protected:
  asio_end<typename decltype(Link::writer)::value_type> writer =
      in_loop(this->context, std::move(*this->link.writer));
};
TYPED_TEST_SUITE(AsioBytesBothWays, links, link_names);

TYPED_TEST(AsioBytesBothWays, all_is_written_while_the_other_side_reads) {
  const std::vector<std::byte> sent = counted_bytes(3'000'000);
  std::vector<std::byte> received(sent.size());
  std::optional<size_result> written;
  this->writer.async_write_all(sent, into(written));
  this->reader.async_read_exactly(received, into(this->outcome));
  run(this->context);
  EXPECT_EQ(written.value().value(), sent.size());
  EXPECT_EQ(this->outcome.value().value(), sent.size());
  EXPECT_EQ(received, sent);
}

TYPED_TEST(AsioBytesBothWays, writing_given_up_in_the_middle_tells_what_was_written) {
  const std::vector<std::byte> sent = counted_bytes(20'000'000);
  std::optional<size_result> written;
  this->writer.async_write_all(sent, into(written));
  this->take_turns();
  EXPECT_FALSE(written) << "the stream holds all of it";
  this->writer.cancel();
  run(this->context);
  const std::size_t moved = written.value().value();
  EXPECT_GT(moved, 0U);
  EXPECT_LT(moved, sent.size());
  // Exactly so much is there.
  std::vector<std::byte> received(moved);
  this->reader.async_read_exactly(received, into(this->outcome));
  run(this->context);
  EXPECT_EQ(this->outcome.value().value(), moved);
  EXPECT_TRUE(std::equal(received.begin(), received.end(), sent.begin()));
  this->outcome.reset();
  this->reader.async_read_exactly(this->buffer, into(this->outcome));
  this->take_turns(3);
  EXPECT_FALSE(this->outcome);
  this->reader.cancel();
  run(this->context);
}

// A duplex that may be written to at any time does not keep the loop busy while nothing comes; and
// what waits for room is not woken by what comes.
TEST(AsioConnection, waits_for_each_direction_by_itself) {
  asio::io_context context;
  auto both = unix_stream::create_pair().value();
  auto mine = in_loop(context, std::move(both.first));
  std::array<std::byte, 4> buffer{};
  std::optional<size_result> read;
  std::optional<size_result> written;
  mine.async_read_exactly(buffer, into(read));
  context.restart();
  const std::size_t turns = context.run_for(20ms);
  EXPECT_LT(turns, 10U) << "it spins";
  const std::vector<std::byte> large = counted_bytes(5'000'000);
  mine.async_write_all(large, into(written));
  context.restart();
  context.run_for(20ms);
  EXPECT_FALSE(read || written);
  ASSERT_TRUE(both.second.write_all(bytes_of("ping")));
  context.restart();
  while (!read) context.run_one();
  EXPECT_EQ(text_of(buffer), "ping");
  EXPECT_FALSE(written);
  mine.cancel();
  run(context);
  EXPECT_GT(written.value().value(), 0U);
}

TEST(AsioConnection, of_messages_sends_and_receives_at_once) {
  asio::io_context context;
  auto both = unix_seqpacket::create_pair().value();
  auto mine = in_loop(context, std::move(both.first));
  auto theirs = in_loop(context, std::move(both.second));
  std::array<std::byte, 100> here{};
  std::array<std::byte, 100> there{};
  std::optional<size_result> answer;
  std::optional<result<void>> asked;
  std::optional<result<void>> answered;
  mine.async_receive(here, into(answer));
  theirs.async_receive(there, [&](size_result size) {
    theirs.async_send(const_bytes{there}.first(size.value()), into(answered));
  });
  mine.async_send(bytes_of("question"), into(asked));
  run(context);
  EXPECT_TRUE(asked.value() && answered.value());
  EXPECT_EQ(text_of(const_bytes{here}.first(answer.value().value())), "question");
}

}  // namespace
}  // namespace sluice::test
