#include "fault/scenario.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <sluice/sluice.hpp>
#include <string>

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

// --- Events, memory, descriptors ---------------------------------------------------------------

void create_event(struck_step& step) {
  auto made = step([] { return event::create({.initial = 1}); });
  if (made) {
    EXPECT_TRUE(made->try_wait());
  }
}

void take_over_event(struck_step& step) {
  unique_fd fd{::eventfd(0, EFD_CLOEXEC)};
  ASSERT_TRUE(fd);
  auto made = step([&] { return event::from_native(std::move(fd)); });
  if (made) {
    EXPECT_TRUE(would_block(made->try_wait().error()));
  }
}

void notify_and_wait(struck_step& step) {
  auto made = event::create();
  ASSERT_TRUE(made);
  auto woken = step([&] { return made->notify().and_then([&] { return made->wait(10s); }); });
  if (woken) {
    EXPECT_TRUE(would_block(made->try_wait().error()));
  }
}

void wait_in_vain(struck_step& step) {
  auto made = event::create();
  ASSERT_TRUE(made);
  auto waited = step([&]() -> result<void> {
    auto outcome = made->wait(1ms);
    if (!outcome && outcome.error() == std::errc::timed_out) return {};
    return outcome;
  });
  static_cast<void>(waited);
}

void map_anonymous_memory(struck_step& step) {
  auto memory = step([] { return memory_map::create_anonymous(100'000); });
  if (!memory) return;
  memory->writable_bytes().back() = std::byte{1};
  EXPECT_EQ(memory->size_bytes(), 100'000u);
}

void duplicate_descriptor(struck_step& step) {
  auto made = event::create();
  ASSERT_TRUE(made);
  const unique_fd fd = std::move(*made).release_handle();
  auto copy = step([&] { return fd.duplicate(); });
  if (copy) {
    EXPECT_NE(copy->get(), fd.get());
  }
}

// --- Processes ---------------------------------------------------------------------------------

void fork_child(struck_step& step) {
  auto child = step([] { return process::fork([] { return 3; }); });
  if (child) {
    EXPECT_EQ(child->wait().value_or(exit_status{}).code, 3);
  }
}

void spawn_program(struck_step& step) {
  auto ends = pipe::create();
  ASSERT_TRUE(ends);
  auto child = step([&] {
    return process::spawn({.arguments = {"true"},
                           .descriptors = {{.target = 5, .source = ends->reader.native_handle()}}});
  });
  if (child) {
    EXPECT_TRUE(child->wait().value_or(exit_status{1, 0}).success());
  }
}

void open_process(struck_step& step) {
  auto handle = step([] { return process::open(::getpid()); });
  if (handle) {
    EXPECT_EQ(handle->id(), ::getpid());
  }
}

void signal_and_wait(struck_step& step) {
  auto child = process::fork([] {
    for (;;) ::pause();
    return 0;
  });
  ASSERT_TRUE(child);
  auto status =
      step([&] { return child->send_signal(SIGTERM).and_then([&] { return child->wait(10s); }); });
  if (status) {
    EXPECT_EQ(status->signal, SIGTERM);
  } else {
    ASSERT_TRUE(child->send_signal(SIGKILL));
    ASSERT_TRUE(child->wait());
  }
}

// --- Names -------------------------------------------------------------------------------------

void make_runtime_directory(struck_step& step) {
  const std::string path = path_in_runtime_directory("made");
  const std::string before = private_runtime_directory::current();
  ::setenv("SLUICE_RUNTIME_DIR", path.c_str(), 1);
  auto made = step([] { return runtime_directory_path(); });
  ::setenv("SLUICE_RUNTIME_DIR", before.c_str(), 1);
  if (made) {
    EXPECT_EQ(*made, path);
  }
  ::rmdir(path.c_str());
}

void ask_whether_name_is_intact(struck_step& step) {
  auto place = name_place::resolve(*channel_name::parse("thing"), ".thing");
  ASSERT_TRUE(place);
  struct stat found {};
  ASSERT_EQ(::mknod(place->path().c_str(), S_IFREG | 0600, 0), 0);
  ASSERT_EQ(::stat(place->path().c_str(), &found), 0);
  const owned_name name{std::move(*place), {.device = found.st_dev, .inode = found.st_ino}};
  auto intact = step([&] { return name.is_intact(); });
  if (intact) {
    EXPECT_TRUE(*intact);
  }
}

}  // namespace

const std::vector<scenario>& all_scenarios() {
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
      {"create_event", create_event},
      {"take_over_event", take_over_event},
      {"notify_and_wait", notify_and_wait},
      {"wait_in_vain", wait_in_vain},
      {"map_anonymous_memory", map_anonymous_memory},
      {"duplicate_descriptor", duplicate_descriptor},
      {"fork_child", fork_child},
      {"spawn_program", spawn_program},
      {"open_process", open_process},
      {"signal_and_wait", signal_and_wait},
      {"make_runtime_directory", make_runtime_directory},
      {"ask_whether_name_is_intact", ask_whether_name_is_intact},
  };
  return table;
}

}  // namespace sluice::test
