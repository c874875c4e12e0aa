#pragma once
// The byte streams that there are, each as a pair of connected ends. A new one is a struct like
// these and a line in byte_stream_test.cpp.
//
//   std::optional<...> reader, writer;        both ends, connected; each can be given away
//   static constexpr bool shares_description  others may have the same open description, so that
//                                             O_NONBLOCK must never be set on it

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <sluice/channel/fifo.hpp>
#include <sluice/channel/pipe.hpp>
#include <string>

#include "support/isolation.hpp"
#include "support/runtime_directory.hpp"

namespace sluice::test {

struct pipe_link {
  static constexpr const char* name = "pipe";
  static constexpr bool shares_description = true;

  pipe_link() {
    auto made = pipe::create().value();
    reader.emplace(std::move(made.reader));
    writer.emplace(std::move(made.writer));
  }
  std::optional<pipe_reader> reader;
  std::optional<pipe_writer> writer;
};

struct fifo_link {
  static constexpr const char* name = "fifo";
  static constexpr bool shares_description = false;

  fifo_link() {
    const std::string text = unique_name();
    const fifo named = fifo::create(text).value();  // the name goes when both have it open
    reader.emplace(fifo_reader::open(text).value());
    writer.emplace(fifo_writer::open(text).value());
  }
  std::optional<fifo_reader> reader;
  std::optional<fifo_writer> writer;
};

/// A pipe that somebody else made.
struct foreign_pipe_link {
  static constexpr const char* name = "foreign_pipe";
  static constexpr bool shares_description = true;

  foreign_pipe_link() {
    std::array<int, 2> ends{-1, -1};
    EXPECT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
    reader.emplace(pipe_reader::from_native(unique_fd{ends[0]}).value());
    writer.emplace(pipe_writer::from_native(unique_fd{ends[1]}).value());
  }
  std::optional<pipe_reader> reader;
  std::optional<pipe_writer> writer;
};

/// A FIFO that somebody else opened: shared, and without the kernel's no-wait flag, which FIFOs do
/// not have.
struct foreign_fifo_link {
  static constexpr const char* name = "foreign_fifo";
  static constexpr bool shares_description = true;

  foreign_fifo_link() {
    const std::string path = private_runtime_directory::current() + "/" + unique_name();
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    const int both = ::open(path.c_str(), O_RDWR | O_CLOEXEC);  // so that no open below waits
    reader.emplace(
        pipe_reader::from_native(unique_fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)}).value());
    writer.emplace(
        pipe_writer::from_native(unique_fd{::open(path.c_str(), O_WRONLY | O_CLOEXEC)}).value());
    ::close(both);
    ::unlink(path.c_str());
  }
  std::optional<pipe_reader> reader;
  std::optional<pipe_writer> writer;
};

}  // namespace sluice::test
