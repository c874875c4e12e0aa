#pragma once
// What every stream of bytes promises (base/concepts.hpp), with both ends in one thread. Waiting is
// in byte_stream_waits.hpp; what needs a second thread or process, in byte_stream_peers.hpp.

#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <sluice/channel/blocking.hpp>
#include <vector>

#include "support/leftovers.hpp"

namespace sluice::test {

/// The byte at one place of the endless stream that the tests send.
[[nodiscard]] inline std::byte stream_byte(std::size_t at) noexcept {
  return static_cast<std::byte>((at * 2'654'435'761U) >> 13);
}
[[nodiscard]] inline std::vector<std::byte> stream_bytes(std::size_t begin, std::size_t size) {
  std::vector<std::byte> bytes(size);
  for (std::size_t at = 0; at < size; ++at) bytes[at] = stream_byte(begin + at);
  return bytes;
}
/// Where these bytes leave the stream that begins at `begin`; their size if nowhere.
[[nodiscard]] inline std::size_t mismatch(const_bytes bytes, std::size_t begin) noexcept {
  for (std::size_t at = 0; at < bytes.size(); ++at)
    if (bytes[at] != stream_byte(begin + at)) return at;
  return bytes.size();
}

/// Writes the stream in pieces of `piece` bytes until nothing more fits; returns how much did.
template <class Writer>
std::size_t fill(Writer& writer, std::size_t piece = 1000, std::size_t begin = 0) {
  constexpr std::size_t enough = std::size_t{64} << 20;
  std::size_t written = 0;
  while (written < enough) {
    const auto bytes = stream_bytes(begin + written, piece);
    auto taken = writer.try_write(bytes);
    if (!taken) {
      EXPECT_TRUE(would_block(taken.error())) << taken.error().message();
      return written;
    }
    EXPECT_GT(*taken, 0U);
    written += *taken;
  }
  ADD_FAILURE() << "the stream never gets full";
  return written;
}

/// Reads what is there, checks that it is the stream from `begin` on, and returns how much it was.
template <class Reader>
std::size_t drain(Reader& reader, std::size_t begin = 0) {
  std::vector<std::byte> buffer(10'000);
  for (std::size_t got = 0;;) {
    auto some = reader.try_read(buffer);
    if (!some) return got;
    EXPECT_EQ(mismatch(const_bytes{buffer}.first(*some), begin + got), *some);
    got += *some;
  }
}

/// Where reading makes room only when it has emptied what one write had put there.
template <class Link>
inline constexpr bool comes_in_lumps = requires { requires Link::room_comes_in_lumps; };

/// Where an end is told of what the other did soon, but not at once.
template <class Link>
inline constexpr bool is_told_late = requires { requires Link::is_told_late; };

template <class Link>
class ByteStream : public ::testing::Test {
 protected:
  Link link;
};
TYPED_TEST_SUITE_P(ByteStream);

TYPED_TEST_P(ByteStream, what_was_written_is_read_in_order) {
  std::size_t written = 0;
  for (const std::size_t size : {1U, 2U, 100U, 4095U, 4096U, 4097U, 9000U}) {
    auto taken = this->link.writer->try_write(stream_bytes(written, size));
    ASSERT_TRUE(taken) << taken.error().message();
    EXPECT_EQ(*taken, size);
    written += size;
  }
  EXPECT_EQ(drain(*this->link.reader), written);
}

TYPED_TEST_P(ByteStream, parts_of_one_write_arrive_as_one_stream) {
  const auto bytes = stream_bytes(0, 200);
  std::array<const_bytes, max_byte_parts> parts;
  for (std::size_t at = 0; at < parts.size(); ++at)
    parts[at] = const_bytes{bytes}.subspan(at * 25, 25);
  parts[3] = {};
  auto taken = this->link.writer->try_write(byte_parts{parts}.first(4));
  ASSERT_TRUE(taken);
  EXPECT_EQ(*taken, 75U);
  EXPECT_EQ(drain(*this->link.reader), 75U);
  taken = this->link.writer->try_write(byte_parts{parts});
  ASSERT_TRUE(taken);
  EXPECT_EQ(*taken, 175U);
  std::vector<std::byte> got(175);
  ASSERT_TRUE(sluice::read_exactly(*this->link.reader, got, deadline::now()));
  EXPECT_EQ(mismatch(const_bytes{got}.first(75), 0), 75U);
  EXPECT_EQ(mismatch(const_bytes{got}.subspan(75), 100), 100U);
}

TYPED_TEST_P(ByteStream, parts_of_any_size_arrive_as_one_stream) {
  // Short ones may go to the kernel as one piece, long ones as they are.
  std::size_t begin = 0;
  for (const std::size_t size : {17U, 1023U, 1024U, 1025U, 4159U, 4160U, 4161U, 9000U}) {
    const auto bytes = stream_bytes(begin, size);
    const const_bytes all{bytes};
    const std::array<const_bytes, 3> parts{all.first(8), all.subspan(8, size - 16), all.last(8)};
    EXPECT_EQ(this->link.writer->try_write(byte_parts{parts}).value(), size);
    EXPECT_EQ(drain(*this->link.reader, begin), size);
    begin += size;
  }
}

TYPED_TEST_P(ByteStream, an_empty_stream_would_block_before_and_after_use) {
  std::array<std::byte, 10> buffer;
  for (int round = 0; round < 3; ++round) {
    auto got = this->link.reader->try_read(buffer);
    ASSERT_FALSE(got);
    EXPECT_TRUE(would_block(got.error())) << got.error().message();
    ASSERT_TRUE(this->link.writer->try_write(stream_bytes(0, 5)));
    EXPECT_EQ(this->link.reader->try_read(buffer).value(), 5U);
  }
}

TYPED_TEST_P(ByteStream, empty_buffers_move_nothing_in_any_state) {
  std::array<std::byte, 1> one;
  const auto nothing_moves = [&] {
    auto got = this->link.reader->try_read({});
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(*got, 0U);
    got = sluice::read_some(*this->link.reader, {});
    ASSERT_TRUE(got) << got.error().message();
    EXPECT_EQ(*got, 0U);
  };
  nothing_moves();
  EXPECT_EQ(this->link.writer->try_write(const_bytes{}).value(), 0U);
  EXPECT_EQ(this->link.writer->try_write(byte_parts{}).value(), 0U);
  EXPECT_FALSE(this->link.reader->try_read(one));
  static_cast<void>(fill(*this->link.writer));
  EXPECT_EQ(this->link.writer->try_write(const_bytes{}).value(), 0U);
  nothing_moves();
  this->link.writer.reset();
  nothing_moves();
}

TYPED_TEST_P(ByteStream, a_full_stream_would_block_whatever_the_size) {
  const std::size_t written = fill(*this->link.writer);
  // Below PIPE_BUF all or nothing, so smaller pieces may still have fitted in.
  const std::size_t single = fill(*this->link.writer, 1, written);
  for (const std::size_t size : {1U, 4095U, 4096U, 4097U, 70'000U, 1U << 20}) {
    auto taken = this->link.writer->try_write(stream_bytes(0, size));
    ASSERT_FALSE(taken) << "took " << *taken << " of " << size;
    EXPECT_TRUE(would_block(taken.error())) << taken.error().message();
  }
  EXPECT_EQ(drain(*this->link.reader), written + single);
}

TYPED_TEST_P(ByteStream, a_write_beyond_the_room_takes_a_prefix) {
  // F36: whatever is free, what was taken arrives, and nothing else.
  std::size_t written = fill(*this->link.writer);
  std::size_t read = 0;
  std::vector<std::byte> some(9000);
  for (int round = 0; round < 20; ++round) {
    auto taken = result<std::size_t>{std::size_t{0}};
    do {
      ASSERT_TRUE(sluice::read_exactly(*this->link.reader, some, deadline::now()));
      EXPECT_EQ(mismatch(some, read), some.size());
      read += some.size();
      taken = this->link.writer->try_write(stream_bytes(written, std::size_t{1} << 20));
    } while (comes_in_lumps<TypeParam> && !taken && would_block(taken.error()));
    ASSERT_TRUE(taken) << taken.error().message();
    EXPECT_GT(*taken, 0U);
    EXPECT_LT(*taken, std::size_t{1} << 20);
    written += *taken;
  }
  EXPECT_EQ(drain(*this->link.reader, read), written - read);
}

TYPED_TEST_P(ByteStream, the_end_comes_after_everything_was_read_and_stays) {
  ASSERT_TRUE(this->link.writer->try_write(stream_bytes(0, 20)));
  this->link.writer.reset();
  std::array<std::byte, 15> buffer;
  EXPECT_EQ(this->link.reader->try_read(buffer).value(), 15U);
  EXPECT_EQ(this->link.reader->try_read(buffer).value(), 5U);
  for (int again = 0; again < 3; ++again) {
    EXPECT_TRUE(this->link.reader->wait_readable(deadline::now()));
    auto end = this->link.reader->try_read(buffer);
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error(), errc::closed);
    end = sluice::read_some(*this->link.reader, buffer);
    ASSERT_FALSE(end);
    EXPECT_EQ(end.error(), errc::closed);
  }
}

TYPED_TEST_P(ByteStream, a_broken_pipe_is_a_value_and_changes_no_signal_state) {
  // F34. SIGPIPE has its default here: raised once, it would kill this process.
  this->link.reader.reset();
  const process_state before = process_state::now();
  for (const std::size_t size : {1U, 10'000U, 1U << 20}) {
    const auto bytes = stream_bytes(0, size);
    auto broken = this->link.writer->try_write(bytes);
    ASSERT_FALSE(broken);
    EXPECT_EQ(broken.error(), std::errc::broken_pipe);
    for (const deadline until : {deadline::never(), deadline::now()}) {
      auto all = sluice::write_all(*this->link.writer, bytes, until);
      ASSERT_FALSE(all);
      EXPECT_EQ(all.error(), std::errc::broken_pipe);
    }
  }
  EXPECT_TRUE(this->link.writer->wait_writable(deadline::now()));
  EXPECT_TRUE(leftovers(before, process_state::now()).empty());
}

TYPED_TEST_P(ByteStream, a_broken_pipe_leaves_a_pending_sigpipe_pending) {
  // F34: somebody else's signal is not ours to consume.
  sigset_t pipe_only;
  ::sigemptyset(&pipe_only);
  ::sigaddset(&pipe_only, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe_only, nullptr);
  ::raise(SIGPIPE);
  this->link.reader.reset();
  const process_state before = process_state::now();
  EXPECT_FALSE(this->link.writer->try_write(stream_bytes(0, 1)));
  EXPECT_TRUE(leftovers(before, process_state::now()).empty());
  int taken = 0;
  ::sigwait(&pipe_only, &taken);
  EXPECT_EQ(taken, SIGPIPE);
  ::pthread_sigmask(SIG_UNBLOCK, &pipe_only, nullptr);
}

TYPED_TEST_P(ByteStream, read_exactly_tells_an_end_before_the_data_from_one_inside) {
  std::array<std::byte, 10> buffer;
  ASSERT_TRUE(this->link.writer->try_write(stream_bytes(0, 14)));
  this->link.writer.reset();
  ASSERT_TRUE(sluice::read_exactly(*this->link.reader, buffer));
  auto inside = sluice::read_exactly(*this->link.reader, buffer);
  ASSERT_FALSE(inside);
  EXPECT_EQ(inside.error(), errc::corrupt);
  auto before = sluice::read_exactly(*this->link.reader, buffer);
  ASSERT_FALSE(before);
  EXPECT_EQ(before.error(), errc::closed);
}

TYPED_TEST_P(ByteStream, a_moved_end_works_on) {
  ASSERT_TRUE(this->link.writer->try_write(stream_bytes(0, 10)));
  auto writer = std::move(*this->link.writer);
  auto reader = std::move(*this->link.reader);
  ASSERT_TRUE(writer.try_write(stream_bytes(10, 10)));
  EXPECT_EQ(drain(reader), 20U);
  *this->link.writer = std::move(writer);
  *this->link.reader = std::move(reader);
  ASSERT_TRUE(this->link.writer->try_write(stream_bytes(20, 10)));
  EXPECT_EQ(drain(*this->link.reader, 20), 10U);
}

REGISTER_TYPED_TEST_SUITE_P(
    ByteStream, what_was_written_is_read_in_order, parts_of_one_write_arrive_as_one_stream,
    parts_of_any_size_arrive_as_one_stream, an_empty_stream_would_block_before_and_after_use,
    empty_buffers_move_nothing_in_any_state, a_full_stream_would_block_whatever_the_size,
    a_write_beyond_the_room_takes_a_prefix, the_end_comes_after_everything_was_read_and_stays,
    a_broken_pipe_is_a_value_and_changes_no_signal_state,
    a_broken_pipe_leaves_a_pending_sigpipe_pending,
    read_exactly_tells_an_end_before_the_data_from_one_inside, a_moved_end_works_on);

}  // namespace sluice::test
