#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <climits>
#include <functional>
#include <sluice/os/pipe_end.hpp>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "support/runtime_directory.hpp"

namespace sluice {
namespace {

using namespace std::chrono_literals;

struct raw_pipe {
  unique_fd reader;
  unique_fd writer;
};

raw_pipe make_pipe() {
  std::array<int, 2> fds{-1, -1};
  EXPECT_EQ(::pipe2(fds.data(), O_CLOEXEC), 0);
  return {unique_fd{fds[0]}, unique_fd{fds[1]}};
}

bool is_nonblocking(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }

result<std::size_t> try_write(pipe_end& end, const_bytes bytes) {
  return end.try_write(byte_parts{&bytes, 1});
}

std::size_t fill(pipe_end& end) {
  const std::vector<std::byte> block(PIPE_BUF);
  std::size_t written = 0;
  for (;;) {
    auto taken = try_write(end, block);
    if (!taken) {
      EXPECT_TRUE(would_block(taken.error())) << taken.error().message();
      return written;
    }
    written += *taken;
  }
}

void expect_refused(unique_fd fd, bool for_writing) {
  auto end = pipe_end::from_native(std::move(fd), for_writing);
  ASSERT_FALSE(end);
  EXPECT_TRUE(end.error() == std::errc::invalid_argument) << end.error().message();
  EXPECT_STRNE(end.error().hint(), "");
}

TEST(PipeEnd, takes_over_either_end_as_what_it_is) {
  raw_pipe raw = make_pipe();
  auto reader = pipe_end::from_native(std::move(raw.reader), false);
  auto writer = pipe_end::from_native(std::move(raw.writer), true);
  ASSERT_TRUE(reader && writer);
  std::array<std::byte, 8> buffer;
  EXPECT_EQ(try_write(*writer, bytes_of("abc")).value(), 3u);
  EXPECT_EQ(reader->try_read(buffer).value(), 3u);
}

TEST(PipeEnd, refuses_the_wrong_end) {
  raw_pipe raw = make_pipe();
  expect_refused(std::move(raw.reader), true);
  expect_refused(std::move(raw.writer), false);
}

TEST(PipeEnd, refuses_what_is_no_pipe) {
  for (const bool for_writing : {false, true}) {
    expect_refused(unique_fd{::open("/dev/null", O_RDWR | O_CLOEXEC)}, for_writing);
    expect_refused(unique_fd{::eventfd(0, EFD_CLOEXEC)}, for_writing);
    expect_refused(unique_fd{::open("/", O_RDONLY | O_CLOEXEC)}, for_writing);
  }
  auto closed = pipe_end::from_native(unique_fd{}, false);
  ASSERT_FALSE(closed);
  EXPECT_TRUE(closed.error() == std::errc::bad_file_descriptor);
}

TEST(PipeEnd, refuses_a_descriptor_that_only_names_a_fifo) {
  const std::string path = test::private_runtime_directory::current() + "/fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  expect_refused(unique_fd{::open(path.c_str(), O_PATH | O_CLOEXEC)}, false);
  ::unlink(path.c_str());
}

TEST(PipeEnd, takes_over_a_fifo_that_is_open_for_both) {
  const std::string path = test::private_runtime_directory::current() + "/fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  for (const bool for_writing : {false, true})
    EXPECT_TRUE(
        pipe_end::from_native(unique_fd{::open(path.c_str(), O_RDWR | O_CLOEXEC)}, for_writing));
  ::unlink(path.c_str());
}

TEST(PipeEnd, that_is_shared_never_blocks_and_never_becomes_non_blocking) {
  raw_pipe raw = make_pipe();
  pipe_end reader{std::move(raw.reader), description_use::shared};
  pipe_end writer{std::move(raw.writer), description_use::shared};
  std::array<std::byte, 64> buffer;
  EXPECT_TRUE(would_block(reader.try_read(buffer).error()));
  EXPECT_GE(fill(writer), std::size_t{PIPE_BUF});
  EXPECT_TRUE(would_block(try_write(writer, bytes_of("x")).error()));
  EXPECT_FALSE(is_nonblocking(reader.native_handle()));
  EXPECT_FALSE(is_nonblocking(writer.native_handle()));
}

TEST(PipeEnd, that_is_exclusive_becomes_non_blocking_until_it_is_released) {
  raw_pipe raw = make_pipe();
  pipe_end reader{std::move(raw.reader), description_use::exclusive};
  pipe_end writer{std::move(raw.writer), description_use::exclusive};
  EXPECT_FALSE(is_nonblocking(reader.native_handle())) << "before the first try";
  std::array<std::byte, 64> buffer;
  EXPECT_TRUE(would_block(reader.try_read(buffer).error()));
  fill(writer);
  EXPECT_TRUE(is_nonblocking(reader.native_handle()));
  EXPECT_TRUE(is_nonblocking(writer.native_handle()));
  const unique_fd released_reader = std::move(reader).release_handle();
  const unique_fd released_writer = std::move(writer).release_handle();
  EXPECT_FALSE(is_nonblocking(released_reader.get()));
  EXPECT_FALSE(is_nonblocking(released_writer.get()));
}

TEST(PipeEnd, remembers_when_moved_that_it_is_non_blocking) {
  raw_pipe raw = make_pipe();
  pipe_end first{std::move(raw.reader), description_use::exclusive};
  std::array<std::byte, 64> buffer;
  EXPECT_TRUE(would_block(first.try_read(buffer).error()));
  pipe_end second{std::move(first)};
  raw_pipe other = make_pipe();
  pipe_end third{std::move(other.reader), description_use::shared};
  third = std::move(second);
  EXPECT_TRUE(would_block(third.try_read(buffer).error()));
  EXPECT_FALSE(is_nonblocking(std::move(third).release_handle().get()));
}

TEST(PipeEnd, without_bytes_to_move_moves_none) {
  raw_pipe raw = make_pipe();
  pipe_end reader{std::move(raw.reader), description_use::shared};
  pipe_end writer{std::move(raw.writer), description_use::shared};
  EXPECT_EQ(reader.try_read({}).value(), 0u);
  EXPECT_EQ(reader.read_waiting({}).value(), 0u);
  EXPECT_EQ(writer.try_write({}).value(), 0u);
  EXPECT_EQ(try_write(writer, {}).value(), 0u);
  std::array<std::byte, 1> buffer;
  EXPECT_TRUE(would_block(reader.try_read(buffer).error()));
}

TEST(PipeEnd, writes_the_pieces_in_their_order) {
  raw_pipe raw = make_pipe();
  pipe_end reader{std::move(raw.reader), description_use::shared};
  pipe_end writer{std::move(raw.writer), description_use::shared};
  std::array<const_bytes, max_byte_parts> parts{bytes_of("a"), bytes_of(""),  bytes_of("bc"),
                                                bytes_of("d"), bytes_of("e"), bytes_of("fgh"),
                                                bytes_of(""),  bytes_of("i")};
  EXPECT_EQ(writer.try_write(parts).value(), 9u);
  std::array<std::byte, 16> buffer;
  EXPECT_EQ(text_of(const_bytes{buffer}.first(reader.try_read(buffer).value())), "abcdefghi");
}

TEST(PipeEnd, takes_up_to_pipe_buf_bytes_whole_or_not_at_all) {
  raw_pipe raw = make_pipe();
  pipe_end writer{std::move(raw.writer), description_use::shared};
  const std::size_t room = writer.capacity_bytes().value();
  const std::vector<std::byte> most(room - 100);
  EXPECT_EQ(try_write(writer, most).value(), most.size());
  const std::vector<std::byte> block(PIPE_BUF);
  EXPECT_TRUE(would_block(try_write(writer, block).error()));
}

TEST(PipeEnd, reports_the_end_only_after_all_was_read) {
  raw_pipe raw = make_pipe();
  pipe_end reader{std::move(raw.reader), description_use::shared};
  {
    pipe_end writer{std::move(raw.writer), description_use::shared};
    EXPECT_TRUE(try_write(writer, bytes_of("abc")));
  }
  std::array<std::byte, 2> buffer;
  EXPECT_EQ(reader.try_read(buffer).value(), 2u);
  EXPECT_EQ(reader.try_read(buffer).value(), 1u);
  EXPECT_TRUE(reader.try_read(buffer).error() == errc::closed);
  EXPECT_TRUE(reader.read_waiting(buffer).error() == errc::closed);
  EXPECT_TRUE(reader.wait_readable(deadline::now())) << "the end is worth a call";
}

// F39: before the first writer of a FIFO there is no end to report.
TEST(PipeEnd, of_a_fifo_without_a_writer_yet_would_block) {
  const std::string path = test::private_runtime_directory::current() + "/fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  pipe_end reader{unique_fd{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)},
                  description_use::exclusive};
  std::array<std::byte, 2> buffer;
  EXPECT_TRUE(would_block(reader.try_read(buffer).error()));
  EXPECT_TRUE(reader.wait_readable(1ms).error() == std::errc::timed_out);
  for (int round = 0; round < 2; ++round) {
    const unique_fd writer{::open(path.c_str(), O_WRONLY | O_CLOEXEC)};
    ASSERT_EQ(::write(writer.get(), "x", 1), 1);
    EXPECT_EQ(reader.try_read(buffer).value(), 1u) << "also of the second writer";
  }
  EXPECT_TRUE(reader.try_read(buffer).error() == errc::closed);
  ::unlink(path.c_str());
}

TEST(PipeEnd, waits_out_its_deadline) {
  raw_pipe raw = make_pipe();
  pipe_end reader{std::move(raw.reader), description_use::shared};
  pipe_end writer{std::move(raw.writer), description_use::shared};
  const deadline until{3ms};
  EXPECT_TRUE(reader.wait_readable(until).error() == std::errc::timed_out);
  EXPECT_TRUE(until.has_passed());
  EXPECT_TRUE(writer.wait_writable(deadline::now()));
  fill(writer);
  EXPECT_TRUE(writer.wait_writable(1ms).error() == std::errc::timed_out);
}

// F17: a descriptor that others closed is noticed where we wait, instead of waiting for ever.
TEST(PipeEnd, whose_descriptor_was_closed_by_others_says_so) {
  raw_pipe raw = make_pipe();
  pipe_end reader{std::move(raw.reader), description_use::shared};
  ::close(reader.native_handle());
  auto waited = reader.wait_readable(deadline::never());
  ASSERT_FALSE(waited);
  EXPECT_TRUE(waited.error() == std::errc::bad_file_descriptor);
  EXPECT_STRNE(waited.error().hint(), "");
  static_cast<void>(std::move(reader).release_handle().release());
}

TEST(PipeEnd, tells_and_sets_its_capacity) {
  raw_pipe raw = make_pipe();
  pipe_end writer{std::move(raw.writer), description_use::shared};
  EXPECT_EQ(writer.set_capacity_bytes(5000).value(), 8192u);
  EXPECT_EQ(writer.capacity_bytes().value(), 8192u);
  for (const std::size_t wanted : {std::size_t{0}, (std::size_t{1} << 31) + 1, ~std::size_t{0}}) {
    auto set = writer.set_capacity_bytes(wanted);
    EXPECT_EQ(writer.capacity_bytes().value() >= 4096, true);
    if (wanted == 0) continue;  // the kernel rounds it up to a page
    ASSERT_FALSE(set) << wanted;
    EXPECT_TRUE(set.error() == std::errc::invalid_argument);
  }
}

TEST(PipeEnd, does_not_shrink_below_what_is_in_it) {
  raw_pipe raw = make_pipe();
  pipe_end writer{std::move(raw.writer), description_use::shared};
  fill(writer);
  auto set = writer.set_capacity_bytes(4096);
  ASSERT_FALSE(set);
  EXPECT_TRUE(set.error() == std::errc::device_or_resource_busy);
  EXPECT_STRNE(set.error().hint(), "");
}

// All verbs from any thread at once: each byte reaches one of the readers.
void exchange_in_threads(description_use use) {
  constexpr std::size_t per_writer = 20'000;
  raw_pipe raw = make_pipe();
  pipe_end reader{std::move(raw.reader), use};
  pipe_end writer{std::move(raw.writer), use};
  std::atomic<std::size_t> received{0};
  const auto read_all = [&] {
    std::array<std::byte, 100> buffer;
    while (received < 2 * per_writer) {
      auto got = reader.try_read(buffer);
      if (got) {
        received += *got;
      } else {
        EXPECT_TRUE(would_block(got.error())) << got.error().message();
        static_cast<void>(reader.wait_readable(1ms));
      }
    }
  };
  const auto write_all = [&] {
    for (std::size_t sent = 0; sent < per_writer;) {
      auto taken = try_write(writer, bytes_of("0123456789"));
      if (taken)
        sent += *taken;
      else
        EXPECT_TRUE(writer.wait_writable(deadline::never()));
    }
  };
  std::vector<std::thread> threads;
  for (const auto& work : {std::function<void()>{read_all}, std::function<void()>{write_all}})
    for (int i = 0; i < 2; ++i) threads.emplace_back(work);
  for (std::thread& one : threads) one.join();
  EXPECT_EQ(received, 2 * per_writer);
}

TEST(PipeEnd, that_is_shared_serves_many_threads_at_once) {
  exchange_in_threads(description_use::shared);
}

TEST(PipeEnd, that_is_exclusive_serves_many_threads_at_once) {
  exchange_in_threads(description_use::exclusive);
}

}  // namespace
}  // namespace sluice
