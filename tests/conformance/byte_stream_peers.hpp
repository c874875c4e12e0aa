#pragma once
// What every stream of bytes promises when its other end is in another thread or process.

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <sluice/channel/blocking.hpp>
#include <vector>

#include "conformance/byte_stream_conformance.hpp"
#include "support/asleep.hpp"
#include "support/between.hpp"
#include "support/signal_storm.hpp"

namespace sluice::test {

template <class Between>
class ByteStreamPeers : public ::testing::Test {
 protected:
  typename Between::link link;
};
TYPED_TEST_SUITE_P(ByteStreamPeers);

template <class Writer>
void write_stream(Writer& writer, std::size_t total, std::size_t piece, manner how) {
  for (std::size_t at = 0; at < total;) {
    const auto bytes = stream_bytes(at, std::min(piece, total - at));
    if (how == manner::trying) {
      auto taken = writer.try_write(bytes);
      if (taken) at += *taken;
      if (taken) continue;
      ASSERT_TRUE(would_block(taken.error())) << taken.error().message();
      ASSERT_TRUE(writer.wait_writable(deadline{patience}));
    } else {
      const deadline until = how == manner::timed ? deadline{patience} : deadline::never();
      auto written = sluice::write_all(writer, bytes, until);
      ASSERT_TRUE(written) << written.error().message();
      at += bytes.size();
    }
  }
}

/// Reads until the end, checks every byte, and returns how many there were.
template <class Reader>
std::size_t read_stream(Reader& reader, std::size_t piece, manner how) {
  std::vector<std::byte> buffer(piece);
  for (std::size_t at = 0;;) {
    const deadline until = how == manner::timed ? deadline{patience} : deadline::never();
    auto got =
        how == manner::trying ? reader.try_read(buffer) : sluice::read_some(reader, buffer, until);
    if (!got && how == manner::trying && would_block(got.error())) {
      EXPECT_TRUE(reader.wait_readable(deadline{patience}));
      continue;
    }
    if (!got) {
      EXPECT_EQ(got.error(), errc::closed) << got.error().message();
      return at;
    }
    if (const auto wrong = mismatch(const_bytes{buffer}.first(*got), at); wrong != *got) {
      ADD_FAILURE() << "another byte than was written at " << at + wrong;
      return at;
    }
    at += *got;
  }
}

TYPED_TEST_P(ByteStreamPeers, a_reader_wakes_when_bytes_come) {
  const rendezvous again;
  typename TypeParam::peer peer{this->link.writer,
                                [&again, reader = this_thread_id()](auto& writer) {
                                  for (int round = 0; round < 3; ++round) {
                                    again.wait();
                                    wait_until_asleep(reader);
                                    EXPECT_TRUE(writer.try_write(stream_bytes(0, 10)));
                                  }
                                  again.wait();
                                },
                                this->link.reader};
  std::array<std::byte, 10> buffer;
  again.arrive();
  EXPECT_EQ(sluice::read_some(*this->link.reader, buffer).value(), 10U);
  again.arrive();
  EXPECT_EQ(sluice::read_some(*this->link.reader, buffer, deadline{patience}).value(), 10U);
  again.arrive();
  EXPECT_TRUE(this->link.reader->wait_readable(deadline{patience}));
  EXPECT_EQ(this->link.reader->try_read(buffer).value(), 10U);
  again.arrive();
  peer.wait_success();
}

TYPED_TEST_P(ByteStreamPeers, a_reader_wakes_when_the_writer_leaves) {
  typename TypeParam::peer peer{this->link.writer,
                                [reader = this_thread_id()](auto&) { wait_until_asleep(reader); },
                                this->link.reader};
  std::array<std::byte, 10> buffer;
  EXPECT_EQ(sluice::read_some(*this->link.reader, buffer).error(), errc::closed);
  peer.wait_success();
}

TYPED_TEST_P(ByteStreamPeers, a_waiting_reader_with_a_deadline_wakes_when_the_writer_leaves) {
  typename TypeParam::peer peer{this->link.writer,
                                [reader = this_thread_id()](auto&) { wait_until_asleep(reader); },
                                this->link.reader};
  EXPECT_TRUE(this->link.reader->wait_readable(deadline{patience}));
  std::array<std::byte, 10> buffer;
  EXPECT_EQ(this->link.reader->try_read(buffer).error(), errc::closed);
  peer.wait_success();
}

TYPED_TEST_P(ByteStreamPeers, a_writer_wakes_when_room_appears) {
  const std::size_t full = fill(*this->link.writer);
  const rendezvous again;
  typename TypeParam::peer peer{this->link.reader,
                                [&again, full, writer = this_thread_id()](auto& reader) {
                                  again.wait();
                                  wait_until_asleep(writer);
                                  std::vector<std::byte> some(full);
                                  EXPECT_TRUE(sluice::read_exactly(reader, some));
                                  again.wait();
                                  wait_until_asleep(writer);
                                  EXPECT_EQ(read_stream(reader, 5000, manner::waiting), 2 * full);
                                },
                                this->link.writer};
  again.arrive();
  EXPECT_TRUE(sluice::write_all(*this->link.writer, stream_bytes(0, full)));
  again.arrive();
  EXPECT_TRUE(sluice::write_all(*this->link.writer, stream_bytes(full, full), deadline{patience}));
  this->link.writer.reset();
  peer.wait_success();
}

TYPED_TEST_P(ByteStreamPeers, a_writer_wakes_when_the_reader_leaves) {
  static_cast<void>(fill(*this->link.writer));
  typename TypeParam::peer peer{this->link.reader,
                                [writer = this_thread_id()](auto&) { wait_until_asleep(writer); },
                                this->link.writer};
  const auto bytes = stream_bytes(0, std::size_t{1} << 20);
  EXPECT_EQ(sluice::write_all(*this->link.writer, bytes).error(), std::errc::broken_pipe);
  peer.wait_success();
}

TYPED_TEST_P(ByteStreamPeers, long_streams_arrive_whole_at_any_pair_of_speeds) {
  struct pace {
    std::size_t total, written, read;
    manner writer, reader;
  };
  for (const pace& one : {pace{4U << 20, 1U << 16, 1U << 16, manner::waiting, manner::waiting},
                          pace{1U << 20, 1U << 19, 300, manner::waiting, manner::timed},
                          pace{1U << 18, 90, 1U << 16, manner::timed, manner::waiting},
                          pace{1U << 20, 5000, 3000, manner::trying, manner::trying},
                          pace{1U << 20, 1U << 20, 5000, manner::trying, manner::waiting}}) {
    typename TypeParam::link fresh;
    typename TypeParam::peer peer{
        fresh.writer,
        [&](auto& writer) { write_stream(writer, one.total, one.written, one.writer); },
        fresh.reader};
    EXPECT_EQ(read_stream(*fresh.reader, one.read, one.reader), one.total);
    peer.wait_success();
  }
}

TYPED_TEST_P(ByteStreamPeers, interruptions_change_nothing_of_a_long_stream) {
  // F24: at every call of both sides, in all manners.
  for (const manner how : {manner::waiting, manner::timed, manner::trying}) {
    typename TypeParam::link fresh;
    typename TypeParam::peer peer{fresh.writer,
                                  [&](auto& writer) {
                                    const signal_storm storm;  // a child inherits no timer
                                    write_stream(writer, 1U << 20, 100'000, how);
                                  },
                                  fresh.reader};
    EXPECT_EQ(read_stream(*fresh.reader, 700, how), 1U << 20);
    peer.wait_success();
  }
}

REGISTER_TYPED_TEST_SUITE_P(ByteStreamPeers, a_reader_wakes_when_bytes_come,
                            a_reader_wakes_when_the_writer_leaves,
                            a_waiting_reader_with_a_deadline_wakes_when_the_writer_leaves,
                            a_writer_wakes_when_room_appears, a_writer_wakes_when_the_reader_leaves,
                            long_streams_arrive_whole_at_any_pair_of_speeds,
                            interruptions_change_nothing_of_a_long_stream);

/// What only processes can do to each other.
template <class Link>
class ByteStreamProcesses : public ::testing::Test {
 protected:
  Link link;
};
TYPED_TEST_SUITE_P(ByteStreamProcesses);

TYPED_TEST_P(ByteStreamProcesses, stopping_and_continuing_neither_ends_nor_prolongs_a_wait) {
  // F24
  process_peer peer{this->link.reader, [](auto& reader) {
                      std::array<std::byte, 10> buffer;
                      const auto before = deadline::clock::now();
                      auto got = sluice::read_some(reader, buffer, std::chrono::seconds{1});
                      EXPECT_GE(deadline::clock::now() - before, std::chrono::seconds{1});
                      ASSERT_FALSE(got);
                      EXPECT_EQ(got.error(), std::errc::timed_out) << got.error().message();
                    }};
  // Long before the wait can end: who has ended cannot be stopped any more, nor falls asleep.
  const deadline later{std::chrono::milliseconds{90}};
  while (!later.has_passed()) {
    peer.process().send_signal(SIGSTOP);
    peer.process().wait_stopped();
    peer.process().send_signal(SIGCONT);
    wait_until_asleep(peer.process().id());
  }
  peer.wait_success();
}

TYPED_TEST_P(ByteStreamProcesses, a_reader_that_was_stopped_gets_what_came_meanwhile) {
  process_peer peer{
      this->link.reader,
      [](auto& reader) { EXPECT_EQ(read_stream(reader, 1000, manner::waiting), 50'000U); },
      this->link.writer};
  wait_until_asleep(peer.process().id());
  peer.process().send_signal(SIGSTOP);
  peer.process().wait_stopped();
  ASSERT_TRUE(sluice::write_all(*this->link.writer, stream_bytes(0, 50'000)));
  this->link.writer.reset();
  peer.process().send_signal(SIGCONT);
  peer.wait_success();
}

TYPED_TEST_P(ByteStreamProcesses, what_a_killed_writer_had_written_is_read_before_the_end) {
  process_peer peer{
      this->link.writer,
      [](auto& writer) { write_stream(writer, std::size_t{1} << 30, 3000, manner::waiting); },
      this->link.reader};
  std::vector<std::byte> begin(200'000);
  ASSERT_TRUE(sluice::read_exactly(*this->link.reader, begin));
  EXPECT_EQ(mismatch(begin, 0), begin.size());
  peer.process().kill();
  const std::size_t rest = drain(*this->link.reader, begin.size());
  EXPECT_LT(rest, std::size_t{1} << 30);
  std::array<std::byte, 1> one;
  EXPECT_EQ(this->link.reader->try_read(one).error(), errc::closed);
}

TYPED_TEST_P(ByteStreamProcesses, a_killed_reader_is_a_broken_pipe) {
  const rendezvous begun;
  process_peer peer{this->link.reader,
                    [&](auto& reader) {
                      std::vector<std::byte> some(100'000);
                      EXPECT_TRUE(sluice::read_exactly(reader, some));
                      begun.arrive();
                      for (;;) ::pause();
                    },
                    this->link.writer};
  ASSERT_TRUE(sluice::write_all(*this->link.writer, stream_bytes(0, 100'000)));
  begun.wait();
  peer.process().kill();
  auto written = this->link.writer->try_write(stream_bytes(0, 1));
  // Where it is told late, what was taken before is lost.
  while (is_told_late<TypeParam> && written)
    written = this->link.writer->try_write(stream_bytes(0, 1));
  EXPECT_EQ(written.error(), std::errc::broken_pipe);
}

REGISTER_TYPED_TEST_SUITE_P(ByteStreamProcesses,
                            stopping_and_continuing_neither_ends_nor_prolongs_a_wait,
                            a_reader_that_was_stopped_gets_what_came_meanwhile,
                            what_a_killed_writer_had_written_is_read_before_the_end,
                            a_killed_reader_is_a_broken_pipe);

}  // namespace sluice::test
