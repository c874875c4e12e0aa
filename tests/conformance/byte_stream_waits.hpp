#pragma once
// What every stream of bytes promises about waiting: deadlines, interruptions, and descriptions
// that others share.

#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <sluice/channel/blocking.hpp>
#include <vector>

#include "conformance/byte_stream_conformance.hpp"
#include "support/signal_storm.hpp"

namespace sluice::test {

template <class Link>
class ByteStreamWaits : public ::testing::Test {
 protected:
  Link link;
  std::array<std::byte, 100> buffer{};
};
TYPED_TEST_SUITE_P(ByteStreamWaits);

TYPED_TEST_P(ByteStreamWaits, a_deadline_that_has_passed_means_one_look) {
  auto& reader = *this->link.reader;
  auto& writer = *this->link.writer;
  EXPECT_EQ(reader.wait_readable(deadline::now()).error(), std::errc::timed_out);
  EXPECT_EQ(sluice::read_some(reader, this->buffer, deadline::now()).error(), std::errc::timed_out);
  EXPECT_TRUE(writer.wait_writable(deadline::now()));
  ASSERT_TRUE(sluice::write_all(writer, stream_bytes(0, 50), deadline::now()));
  EXPECT_TRUE(reader.wait_readable(deadline::now()));
  EXPECT_EQ(sluice::read_some(reader, this->buffer, deadline::now()).value(), 50U);

  static_cast<void>(fill(writer));
  static_cast<void>(fill(writer, 1));
  EXPECT_EQ(writer.wait_writable(deadline::now()).error(), std::errc::timed_out);
  EXPECT_EQ(sluice::write_all(writer, stream_bytes(0, 1), deadline::now()).error(),
            std::errc::timed_out);
}

TYPED_TEST_P(ByteStreamWaits, a_wait_ends_at_its_deadline_and_not_before) {
  using namespace std::chrono_literals;
  const auto ends_in_time = [](auto&& wait) {
    const auto before = deadline::clock::now();
    auto outcome = wait(deadline{20ms});
    EXPECT_GE(deadline::clock::now() - before, 20ms);
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error(), std::errc::timed_out);
  };
  auto& reader = *this->link.reader;
  auto& writer = *this->link.writer;
  ends_in_time([&](deadline until) { return reader.wait_readable(until); });
  ends_in_time([&](deadline until) { return sluice::read_some(reader, this->buffer, until); });
  static_cast<void>(fill(writer));
  static_cast<void>(fill(writer, 1));
  ends_in_time([&](deadline until) { return writer.wait_writable(until); });
  ends_in_time(
      [&](deadline until) { return sluice::write_all(writer, stream_bytes(0, 1), until); });
}

TYPED_TEST_P(ByteStreamWaits, interruptions_neither_end_nor_prolong_a_wait) {
  // F24
  using namespace std::chrono_literals;
  auto& reader = *this->link.reader;
  auto& writer = *this->link.writer;
  const std::size_t full = fill(writer);
  static_cast<void>(fill(writer, 1, full));
  const signal_storm storm;
  auto before = deadline::clock::now();
  EXPECT_EQ(sluice::write_all(writer, stream_bytes(0, 1), deadline{50ms}).error(),
            std::errc::timed_out);
  EXPECT_GE(deadline::clock::now() - before, 50ms);
  static_cast<void>(drain(reader));
  before = deadline::clock::now();
  EXPECT_EQ(sluice::read_some(reader, this->buffer, deadline{50ms}).error(), std::errc::timed_out);
  EXPECT_GE(deadline::clock::now() - before, 50ms);
  EXPECT_GT(signal_storm::strikes(), 0);
}

TYPED_TEST_P(ByteStreamWaits, blocking_and_timed_forms_do_the_same) {
  using namespace std::chrono_literals;
  std::size_t at = 0;
  for (const deadline until : {deadline::never(), deadline::now(), deadline{10s}}) {
    for (const std::size_t size : {1U, 100U, 5000U, 30'000U}) {
      ASSERT_TRUE(sluice::write_all(*this->link.writer, stream_bytes(at, size), until));
      std::vector<std::byte> got(size);
      ASSERT_TRUE(sluice::read_exactly(*this->link.reader, got, until));
      EXPECT_EQ(mismatch(got, at), size);
      at += size;
    }
    // Fewer bytes than fit: all that are there, at once.
    ASSERT_TRUE(this->link.writer->try_write(stream_bytes(at, 30)));
    EXPECT_EQ(sluice::read_some(*this->link.reader, this->buffer, until).value(), 30U);
    at += 30;
  }
}

TYPED_TEST_P(ByteStreamWaits, a_shared_description_stays_blocking_for_others) {
  const auto is_nonblocking = [](int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; };
  static_cast<void>(this->link.reader->try_read(this->buffer));
  static_cast<void>(fill(*this->link.writer));
  static_cast<void>(this->link.writer->wait_writable(deadline::now()));
  if (TypeParam::shares_description) {
    EXPECT_FALSE(is_nonblocking(this->link.reader->native_handle()));
    EXPECT_FALSE(is_nonblocking(this->link.writer->native_handle()));
  }
  // Whoever is given the descriptor finds it blocking in any case.
  const unique_fd reader = std::move(*this->link.reader).release_handle();
  const unique_fd writer = std::move(*this->link.writer).release_handle();
  EXPECT_FALSE(is_nonblocking(reader.get()));
  EXPECT_FALSE(is_nonblocking(writer.get()));
}

REGISTER_TYPED_TEST_SUITE_P(ByteStreamWaits, a_deadline_that_has_passed_means_one_look,
                            a_wait_ends_at_its_deadline_and_not_before,
                            interruptions_neither_end_nor_prolong_a_wait,
                            blocking_and_timed_forms_do_the_same,
                            a_shared_description_stays_blocking_for_others);

}  // namespace sluice::test
