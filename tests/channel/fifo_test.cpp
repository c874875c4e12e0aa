// FIFOs: both sides in either order, the end of one writer and the coming of another, and other
// programs at their ends. Names and modes are in fifo_name_test.cpp.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <optional>
#include <sluice/channel/fifo.hpp>
#include <string>
#include <vector>

#include "support/asleep.hpp"
#include "support/child.hpp"
#include "support/program.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

std::string read_text(fifo_reader& reader, std::size_t size) {
  std::string text(size, '\0');
  auto got = reader.read_exactly(std::as_writable_bytes(std::span{text}), deadline{patience});
  EXPECT_TRUE(got) << got.error().message();
  return text;
}

TEST(FifoReader, opens_at_once_and_waits_for_the_first_writer) {
  // F39: without a writer there is neither anything to read nor an end.
  const fifo named = fifo::create("first").value();
  auto reader = fifo_reader::open("first").value();
  std::array<std::byte, 10> buffer;
  EXPECT_TRUE(would_block(reader.try_read(buffer).error()));
  EXPECT_EQ(reader.wait_readable(deadline::now()).error(), std::errc::timed_out);
  EXPECT_EQ(reader.read_some(buffer, 20ms).error(), std::errc::timed_out);
  child other{[reader_id = this_thread_id()] {
    wait_until_asleep(reader_id);
    auto writer = fifo_writer::open("first", deadline::now()).value();
    ASSERT_TRUE(writer.write_all(bytes_of("hello")));
  }};
  EXPECT_EQ(reader.read_some(buffer).value(), 5U);
  other.wait_success();
}

TEST(FifoWriter, waits_for_a_reader_until_its_deadline) {
  // F39
  const fifo named = fifo::create("alone").value();
  EXPECT_EQ(fifo_writer::open("alone", deadline::now()).error(), std::errc::timed_out);
  const auto before = deadline::clock::now();
  auto late = fifo_writer::open("alone", 30ms);
  EXPECT_GE(deadline::clock::now() - before, 30ms);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error(), std::errc::timed_out);
}

TEST(FifoWriter, opens_as_soon_as_a_reader_comes) {
  for (const deadline until : {deadline::never(), deadline{patience}}) {
    const fifo named = fifo::create("second").value();
    child writer{[until] {
      auto opened = fifo_writer::open("second", until);
      ASSERT_TRUE(opened) << opened.error().message();
      ASSERT_TRUE(opened->write_all(bytes_of("hello")));
    }};
    wait_until_asleep(writer.id());
    auto reader = fifo_reader::open("second").value();
    EXPECT_EQ(read_text(reader, 5), "hello");
    writer.wait_success();
  }
}

TEST(FifoWriter, that_waits_follows_its_name_to_a_new_fifo) {
  auto named = std::make_optional(fifo::create("replaced").value());
  child writer{[] {
    auto opened = fifo_writer::open("replaced");
    ASSERT_TRUE(opened) << opened.error().message();
    ASSERT_TRUE(opened->write_all(bytes_of("hello")));
  }};
  wait_until_asleep(writer.id());
  // While the name is away the writer would be told so; hence in one step.
  const fifo fresh = fifo::create("fresh").value();
  ASSERT_EQ(::rename(fresh.path().c_str(), named->path().c_str()), 0);
  auto reader = fifo_reader::open("replaced").value();
  EXPECT_EQ(read_text(reader, 5), "hello");
  writer.wait_success();
  ASSERT_TRUE(fifo::unlink("replaced"));
}

TEST(FifoWriter, is_told_when_the_name_is_gone) {
  EXPECT_EQ(fifo_writer::open("nowhere").error(), std::errc::no_such_file_or_directory);
  EXPECT_EQ(fifo_reader::open("nowhere").error(), std::errc::no_such_file_or_directory);
  auto named = std::make_optional(fifo::create("removed").value());
  child writer{[] {
    EXPECT_EQ(fifo_writer::open("removed").error(), std::errc::no_such_file_or_directory);
  }};
  wait_until_asleep(writer.id());
  named.reset();
  writer.wait_success();
}

TEST(FifoReader, sees_the_end_when_the_last_writer_leaves_and_goes_on_with_the_next) {
  // F39
  const fifo named = fifo::create("visits").value();
  auto reader = fifo_reader::open("visits").value();
  std::array<std::byte, 10> buffer;
  for (int visit = 0; visit < 3; ++visit) {
    auto first = std::make_optional(fifo_writer::open("visits", deadline::now()).value());
    auto second = std::make_optional(fifo_writer::open("visits", deadline::now()).value());
    ASSERT_TRUE(first->write_all(bytes_of("1")));
    first.reset();
    EXPECT_EQ(read_text(reader, 1), "1");
    EXPECT_TRUE(would_block(reader.try_read(buffer).error())) << "the second is still there";
    ASSERT_TRUE(second->write_all(bytes_of("2")));
    second.reset();
    EXPECT_EQ(read_text(reader, 1), "2");
    EXPECT_EQ(reader.try_read(buffer).error(), errc::closed);
    EXPECT_EQ(reader.read_some(buffer).error(), errc::closed);
  }
}

TEST(FifoReader, that_stays_open_never_sees_an_end) {
  // F39
  const fifo named = fifo::create("stays").value();
  auto reader = fifo_reader::open("stays", {.stay_open = true}).value();
  std::array<std::byte, 10> buffer;
  for (int visit = 0; visit < 3; ++visit) {
    child visitor{[] {
      auto writer = fifo_writer::open("stays", deadline::now()).value();
      ASSERT_TRUE(writer.write_all(bytes_of("x")));
    }};
    visitor.wait_success();
    EXPECT_EQ(read_text(reader, 1), "x");
    EXPECT_TRUE(would_block(reader.try_read(buffer).error()));
    EXPECT_EQ(reader.read_some(buffer, deadline::now()).error(), std::errc::timed_out);
  }
}

TEST(FifoReader, goes_on_without_the_name) {
  auto named = std::make_optional(fifo::create("gone").value());
  auto reader = fifo_reader::open("gone").value();
  auto writer = fifo_writer::open("gone", deadline::now()).value();
  named.reset();
  ASSERT_TRUE(writer.write_all(bytes_of("still here")));
  EXPECT_EQ(read_text(reader, 10), "still here");
}

TEST(FifoWriter, keeps_what_it_wrote_while_a_reader_is_there) {
  const fifo named = fifo::create("crash").value();
  auto reader = fifo_reader::open("crash").value();
  child writer{[] {
    auto opened = fifo_writer::open("crash", deadline::now()).value();
    ASSERT_TRUE(opened.write_all(bytes_of("last words")));
    ::raise(SIGKILL);
  }};
  EXPECT_EQ(writer.wait().signal, SIGKILL);
  EXPECT_EQ(read_text(reader, 10), "last words");
  std::array<std::byte, 1> buffer;
  EXPECT_EQ(reader.try_read(buffer).error(), errc::closed);
}

TEST(FifoWriter, shares_its_capacity_with_the_reader) {
  const fifo named = fifo::create("size").value();
  auto reader = fifo_reader::open("size").value();
  auto writer = fifo_writer::open("size", deadline::now()).value();
  EXPECT_EQ(writer.set_capacity_bytes(100'000).value(), 131'072U);
  EXPECT_EQ(reader.capacity_bytes().value(), 131'072U);
  EXPECT_EQ(reader.set_capacity_bytes(4096).value(), 4096U);
  EXPECT_EQ(writer.try_write(std::vector<std::byte>(10'000)).value(), 4096U);
}

TEST(FifoInterop, cat_reads_what_we_write) {
  const fifo named = fifo::create("to_cat").value();
  const std::string copy = named.path() + ".copy";
  program cat{shell("cat '" + named.path() + "' > '" + copy + "'")};
  {
    auto writer = fifo_writer::open("to_cat", deadline{patience}).value();
    // Ours may be non-blocking: it is a description of our own, and `cat` has another.
    for (int piece = 0; piece < 100; ++piece)
      ASSERT_TRUE(writer.write_all(bytes_of(std::string(3000, 'x')), deadline{patience}));
  }
  cat.wait_success();
  struct stat found {};
  ASSERT_EQ(::stat(copy.c_str(), &found), 0);
  EXPECT_EQ(found.st_size, 300'000);
  ::unlink(copy.c_str());
}

TEST(FifoInterop, we_read_what_a_shell_writes) {
  const fifo named = fifo::create("from_shell").value();
  program echo{shell("echo one > '" + named.path() + "'; echo two > '" + named.path() + "'")};
  auto reader = fifo_reader::open("from_shell").value();
  EXPECT_EQ(read_text(reader, 4), "one\n");
  // Between the two nobody may be writing, which is the end of one stream.
  std::string second(4, '\0');
  const auto bytes = std::as_writable_bytes(std::span{second});
  auto got = reader.read_exactly(bytes, deadline{patience});
  while (!got && got.error() == errc::closed) got = reader.read_exactly(bytes, deadline{patience});
  EXPECT_EQ(second, "two\n");
  echo.wait_success();
}

TEST(FifoInterop, a_fifo_that_mkfifo_made_is_one_of_ours_by_path) {
  const std::string path = "/dev/shm/" + std::to_string(::getpid()) + ".made_by_mkfifo";
  program mkfifo{{"mkfifo", "-m", "600", path}};
  mkfifo.wait_success();
  auto reader = fifo_reader::open(path).value();
  auto writer = fifo_writer::open(path, deadline::now()).value();
  ASSERT_TRUE(writer.write_all(bytes_of("hello")));
  EXPECT_EQ(read_text(reader, 5), "hello");
  ASSERT_TRUE(fifo::unlink(path));
}

}  // namespace
}  // namespace sluice::test
