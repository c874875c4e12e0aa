#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <sluice/sluice.hpp>
#include <string>

#include "fault/scenario.hpp"
#include "support/runtime_directory.hpp"

namespace sluice::test {

namespace {

using namespace std::chrono_literals;

// What is given back where an outcome holds nothing to look at.
result<void> only_success(auto&& outcome) {
  if (!outcome) return failure{outcome.error()};
  return {};
}

std::string path_in_runtime_directory(const char* leaf) {
  return private_runtime_directory::current() + "/" + leaf;
}

void expect_carries(pipe_writer& writer, pipe_reader& reader) {
  std::array<std::byte, 3> buffer;
  ASSERT_TRUE(writer.write_all(bytes_of("abc")));
  ASSERT_TRUE(reader.read_exactly(buffer));
  EXPECT_EQ(text_of(buffer), "abc");
}

// --- Pipes -------------------------------------------------------------------------------------

void create_pipe(struck_step& step) {
  auto ends = step([] { return pipe::create({.capacity_bytes = 8192}); });
  if (ends) expect_carries(ends->writer, ends->reader);
}

void create_duplex_pipe(struck_step& step) {
  auto sides = step([] { return duplex_pipe::create(); });
  if (!sides) return;
  expect_carries(sides->first.writer, sides->second.reader);
  expect_carries(sides->second.writer, sides->first.reader);
}

void take_over_pipe(struck_step& step) {
  auto ends = pipe::create();
  ASSERT_TRUE(ends);
  unique_fd fd = std::move(ends->reader).release_handle();
  auto reader = step([&] { return pipe_reader::from_native(std::move(fd)); });
  if (reader) expect_carries(ends->writer, *reader);
}

void set_and_tell_capacity(struck_step& step) {
  auto ends = pipe::create();
  ASSERT_TRUE(ends);
  auto capacity = step([&] {
    return ends->writer.set_capacity_bytes(8192).and_then(
        [&](std::size_t) { return ends->reader.capacity_bytes(); });
  });
  if (capacity) {
    EXPECT_EQ(*capacity, 8192u);
  }
}

void try_on_shared_pipe(struck_step& step) {
  auto ends = pipe::create();
  ASSERT_TRUE(ends);
  std::array<std::byte, 8> buffer;
  auto got = step([&] {
    return ends->writer.try_write(bytes_of("abc")).and_then([&](std::size_t) {
      return ends->reader.try_read(buffer);
    });
  });
  if (got) {
    EXPECT_EQ(text_of(const_bytes{buffer}.first(*got)), "abc");
  }
}

void wait_on_pipe(struck_step& step) {
  auto ends = pipe::create();
  ASSERT_TRUE(ends);
  std::array<std::byte, 3> buffer;
  auto got = step([&] {
    return ends->writer.write_all(bytes_of("abc"), 10s).and_then([&] {
      return ends->reader.read_exactly(buffer, 10s);
    });
  });
  if (got) {
    EXPECT_EQ(text_of(buffer), "abc");
  }
}

// The end of the stream is asked for with a call of its own.
void read_at_end_of_pipe(struck_step& step) {
  auto ends = pipe::create();
  ASSERT_TRUE(ends);
  std::move(ends->writer).release_handle().reset();
  std::array<std::byte, 3> buffer;
  const auto got = step([&]() -> result<void> {
    auto end = ends->reader.read_some(buffer);
    if (!end && end.error() == errc::closed) return {};
    return only_success(end);
  });
  static_cast<void>(got);
}

// --- FIFOs -------------------------------------------------------------------------------------

void create_fifo(struck_step& step) {
  auto made = step([] { return fifo::create("log"); });
  if (made) {
    EXPECT_EQ(::access(made->path().c_str(), F_OK), 0);
  }
}

// By a path, and with permissions that the umask takes away first.
void create_fifo_by_path(struck_step& step) {
  const mode_t before = ::umask(0777);
  const std::string path = path_in_runtime_directory("by_path");
  auto made = step([&] { return fifo::create(path, {.mode = 0640}); });
  ::umask(before);
  if (!made) return;
  struct stat found {};
  ASSERT_EQ(::stat(path.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0640u);
}

void take_over_fifo(struck_step& step) {
  std::string path;
  {
    auto dead = fifo::create("log");
    ASSERT_TRUE(dead);
    path = dead->path();
    dead->persist();
  }
  {
    auto taken = step([] { return fifo::open_or_create("log", {.mode = 0400}); });
    if (!taken) ::unlink(path.c_str());
  }
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

void unlink_fifo(struck_step& step) {
  auto made = fifo::create("log");
  ASSERT_TRUE(made);
  auto gone = step([&] { return made->unlink(); });
  if (gone) {
    EXPECT_NE(::access(made->path().c_str(), F_OK), 0);
  }
}

void unlink_fifo_by_name(struck_step& step) {
  auto made = fifo::create("log");
  ASSERT_TRUE(made);
  auto gone = step([] { return fifo::unlink("log"); });
  if (gone) {
    EXPECT_NE(::access(made->path().c_str(), F_OK), 0);
  }
}

void open_fifo_reader(struck_step& step) {
  auto made = fifo::create("log");
  ASSERT_TRUE(made);
  auto reader = step([] { return fifo_reader::open("log", {.stay_open = true}); });
  std::array<std::byte, 1> buffer;
  if (reader) {
    EXPECT_TRUE(would_block(reader->try_read(buffer).error()));
  }
}

void open_fifo_writer(struck_step& step) {
  auto made = fifo::create("log");
  ASSERT_TRUE(made);
  auto reader = fifo_reader::open("log");
  ASSERT_TRUE(reader);
  auto writer = step([] { return fifo_writer::open("log", 10s); });
  if (!writer) return;
  std::array<std::byte, 3> buffer;
  ASSERT_TRUE(writer->write_all(bytes_of("abc")));
  EXPECT_TRUE(reader->read_exactly(buffer));
}

void give_up_fifo_writer(struck_step& step) {
  auto made = fifo::create("log");
  ASSERT_TRUE(made);
  auto writer = step([&]() -> result<void> {
    auto opened = fifo_writer::open("log", 1ms);
    if (!opened && opened.error() == std::errc::timed_out) return {};
    return only_success(opened);
  });
  static_cast<void>(writer);
}

void send_over_fifo(struck_step& step) {
  auto made = fifo::create("log");
  ASSERT_TRUE(made);
  auto receiver = fifo_receiver::open("log");
  ASSERT_TRUE(receiver);
  const std::string message(10'000, 'm');
  std::string received(message.size(), ' ');
  auto sent = step([&]() -> result<void> {
    auto sender = fifo_sender::open("log", 10s);
    if (!sender) return failure{sender.error()};
    if (auto done = sender->send(bytes_of(message), 10s); !done) return done;
    return only_success(
        receiver->receive(std::as_writable_bytes(std::span{received}), deadline{10s}));
  });
  if (sent) {
    EXPECT_EQ(received, message);
  }
}

// --- Messages over pipes -----------------------------------------------------------------------

void send_frames(struck_step& step) {
  auto ends = pipe::create();
  ASSERT_TRUE(ends);
  auto sender = framed_sender<pipe_writer>::create(std::move(ends->writer));
  auto receiver = framed_receiver<pipe_reader>::create(std::move(ends->reader));
  std::array<std::byte, 16> buffer;
  auto got = step([&] {
    return sender->send(bytes_of("abc"), 10s).and_then([&] {
      return receiver->receive(buffer, 10s);
    });
  });
  if (got) {
    EXPECT_EQ(text_of(const_bytes{buffer}.first(*got)), "abc");
  }
}

void send_values(struck_step& step) {
  auto ends = pipe::create();
  ASSERT_TRUE(ends);
  using sender_type = framed_sender<pipe_writer>;
  using receiver_type = framed_receiver<pipe_reader>;
  typed_sender<int, sender_type> sender{*sender_type::create(std::move(ends->writer))};
  typed_receiver<int, receiver_type> receiver{*receiver_type::create(std::move(ends->reader))};
  auto got = step([&] { return sender.send(7).and_then([&] { return receiver.receive(10s); }); });
  if (got) {
    EXPECT_EQ(*got, 7);
  }
}

}  // namespace

const std::vector<scenario>& channel_scenarios() {
  static const std::vector<scenario> table{
      {"create_pipe", create_pipe},
      {"create_duplex_pipe", create_duplex_pipe},
      {"take_over_pipe", take_over_pipe},
      {"set_and_tell_capacity", set_and_tell_capacity},
      {"try_on_shared_pipe", try_on_shared_pipe},
      {"wait_on_pipe", wait_on_pipe},
      {"read_at_end_of_pipe", read_at_end_of_pipe},
      {"create_fifo", create_fifo},
      {"create_fifo_by_path", create_fifo_by_path},
      {"take_over_fifo", take_over_fifo},
      {"unlink_fifo", unlink_fifo},
      {"unlink_fifo_by_name", unlink_fifo_by_name},
      {"open_fifo_reader", open_fifo_reader},
      {"open_fifo_writer", open_fifo_writer},
      {"give_up_fifo_writer", give_up_fifo_writer},
      {"send_over_fifo", send_over_fifo},
      {"send_frames", send_frames},
      {"send_values", send_values},
  };
  return table;
}

}  // namespace sluice::test
