// What pipes promise beyond the conformance suites: both ends from one call, capacity, duplex, and
// other programs at their ends.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <sluice/channel/pipe.hpp>
#include <sluice/os/process.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "support/child.hpp"
#include "support/program.hpp"

namespace sluice::test {
namespace {

template <class Reader>
std::string read_to_end(Reader& reader) {
  std::string all;
  std::array<char, 4096> piece{};
  for (;;) {
    auto got = reader.read_some(std::as_writable_bytes(std::span{piece}), deadline{patience});
    if (!got) {
      EXPECT_EQ(got.error(), errc::closed) << got.error().message();
      return all;
    }
    all.append(piece.data(), *got);
  }
}

// What a program prints, with these descriptors besides its standard output.
std::string output_of(std::vector<std::string> arguments,
                      std::vector<passed_descriptor> descriptors = {}) {
  auto output = std::make_optional(pipe::create().value());
  descriptors.push_back({.target = 1, .source = output->writer.native_handle()});
  program started{std::move(arguments), std::move(descriptors)};
  pipe_reader reader = std::move(output->reader);
  output.reset();  // the program has the only writing end
  std::string text = read_to_end(reader);
  started.wait_success();
  return text;
}

bool is_nonblocking(int fd) { return (::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }

TEST(Pipe, is_close_on_exec_and_blocking_at_both_ends) {
  const pipe made = pipe::create().value();
  for (const int fd : {made.reader.native_handle(), made.writer.native_handle()}) {
    EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    EXPECT_FALSE(is_nonblocking(fd));
  }
}

TEST(Pipe, has_the_capacity_that_was_asked_for) {
  const pipe made = pipe::create({.capacity_bytes = 200'000}).value();
  EXPECT_GE(made.reader.capacity_bytes().value(), 200'000U);
  EXPECT_EQ(made.reader.capacity_bytes().value(), made.writer.capacity_bytes().value());
}

TEST(Pipe, holds_as_much_as_its_capacity_says) {
  pipe made = pipe::create().value();
  for (const std::size_t wanted : {4096U, 16384U, 131072U}) {
    const std::size_t capacity = made.writer.set_capacity_bytes(wanted).value();
    EXPECT_EQ(made.writer.capacity_bytes().value(), capacity);
    std::vector<std::byte> bytes(capacity + 1);
    EXPECT_EQ(made.writer.try_write(bytes).value(), capacity);
    ASSERT_TRUE(made.reader.read_exactly(mutable_bytes{bytes}.first(capacity)));
  }
}

TEST(Pipe, refuses_a_capacity_below_what_is_in_it) {
  pipe made = pipe::create().value();
  ASSERT_TRUE(made.writer.write_all(std::vector<std::byte>(40'000)));
  auto set = made.writer.set_capacity_bytes(4096);
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error(), std::errc::device_or_resource_busy);
  EXPECT_STRNE(set.error().hint(), "");
}

TEST(Pipe, refuses_a_capacity_that_no_pipe_can_have) {
  pipe made = pipe::create().value();
  EXPECT_EQ(made.writer.set_capacity_bytes(~std::size_t{0}).error(), std::errc::invalid_argument);
  EXPECT_EQ(pipe::create({.capacity_bytes = ~std::size_t{0}}).error(), std::errc::invalid_argument);
}

TEST(Pipe, takes_over_only_the_ends_of_pipes) {
  // A refused descriptor is closed: it was handed over. The comparison after the test sees to that.
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  EXPECT_EQ(pipe_writer::from_native(unique_fd{ends[0]}).error(), std::errc::invalid_argument);
  EXPECT_EQ(pipe_reader::from_native(unique_fd{ends[1]}).error(), std::errc::invalid_argument);

  EXPECT_EQ(pipe_reader::from_native(unique_fd{::open("/dev/null", O_RDWR | O_CLOEXEC)}).error(),
            std::errc::invalid_argument);
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  EXPECT_EQ(pipe_reader::from_native(unique_fd{ends[0]}).error(), std::errc::invalid_argument);
  EXPECT_EQ(pipe_writer::from_native(unique_fd{ends[1]}).error(), std::errc::invalid_argument);
  EXPECT_EQ(pipe_reader::from_native(unique_fd{}).error(), std::errc::bad_file_descriptor);
}

TEST(Pipe, gives_its_descriptors_away_and_takes_them_back) {
  pipe made = pipe::create().value();
  ASSERT_TRUE(made.writer.try_write(bytes_of("kept")));
  auto reader = pipe_reader::from_native(std::move(made.reader).release_handle()).value();
  auto writer = pipe_writer::from_native(std::move(made.writer).release_handle()).value();
  ASSERT_TRUE(writer.try_write(bytes_of(" and more")));
  std::array<char, 13> text{};
  ASSERT_TRUE(reader.read_exactly(std::as_writable_bytes(std::span{text})));
  EXPECT_EQ(std::string_view(text.data(), text.size()), "kept and more");
}

TEST(DuplexPipe, is_a_conversation_between_parent_and_child) {
  auto both = duplex_pipe::create().value();
  auto first = std::make_optional(std::move(both.first));
  auto second = std::make_optional(std::move(both.second));
  child other{[&] {
    first.reset();
    std::array<char, 1> letter{};
    const auto bytes = std::as_writable_bytes(std::span{letter});
    while (second->reader.read_some(bytes)) {
      ++letter[0];
      ASSERT_TRUE(second->writer.write_all(bytes));
    }
  }};
  second.reset();
  for (const char question : {'a', 'x', '0'}) {
    char answer = question;
    ASSERT_TRUE(first->writer.write_all(bytes_of(answer)));
    ASSERT_TRUE(first->reader.read_exactly(writable_bytes_of(answer), deadline{patience}));
    EXPECT_EQ(answer, question + 1);
  }
  first.reset();
  other.wait_success();
}

TEST(PipeAcrossExec, cat_sends_back_what_it_is_sent) {
  auto to = std::make_optional(pipe::create().value());
  auto from = std::make_optional(pipe::create().value());
  program cat{{"cat"},
              {{.target = 0, .source = to->reader.native_handle()},
               {.target = 1, .source = from->writer.native_handle()}}};
  pipe_writer writer = std::move(to->writer);
  pipe_reader reader = std::move(from->reader);
  to.reset();
  from.reset();
  // More than all pipes hold, in turns, so that both sides have to wait.
  std::string sent;
  std::string back;
  std::array<char, 5000> piece{};
  for (int round = 0; round < 60; ++round) {
    const std::string text(4000, static_cast<char>('a' + round % 26));
    ASSERT_TRUE(writer.write_all(bytes_of(text), deadline{patience}));
    sent += text;
    while (auto got = reader.try_read(std::as_writable_bytes(std::span{piece})))
      back.append(piece.data(), *got);
  }
  { const pipe_writer ends_here = std::move(writer); }
  back += read_to_end(reader);
  EXPECT_EQ(back, sent);
  cat.wait_success();
}

TEST(PipeAcrossExec, our_try_verbs_do_not_disturb_the_program) {
  // O_NONBLOCK belongs to the description, which the program shares: set by us it would make `cat`
  // fail with EAGAIN.
  pipe to = pipe::create().value();
  pipe from = pipe::create().value();
  std::array<std::byte, 10> buffer;
  EXPECT_TRUE(would_block(to.reader.try_read(buffer).error()));
  ASSERT_TRUE(from.writer.try_write(bytes_of("first ")));
  program cat{{"cat"},
              {{.target = 0, .source = to.reader.native_handle()},
               {.target = 1, .source = from.writer.native_handle()}}};
  EXPECT_TRUE(would_block(to.reader.try_read(buffer).error()));
  ASSERT_TRUE(to.writer.write_all(bytes_of("then")));
  std::array<char, 10> text{};
  ASSERT_TRUE(from.reader.read_exactly(std::as_writable_bytes(std::span{text})));
  EXPECT_EQ(std::string_view(text.data(), text.size()), "first then");
  { const pipe_writer ends_here = std::move(to.writer); }
  cat.wait_success();
}

TEST(PipeAcrossExec, the_program_finds_blocking_ends) {
  pipe extra = pipe::create().value();
  std::array<std::byte, 1> buffer;
  EXPECT_FALSE(extra.reader.try_read(buffer));
  ASSERT_TRUE(extra.writer.try_write(bytes_of("x")));
  const std::string info = output_of({"cat", "/proc/self/fdinfo/7", "/proc/self/fdinfo/9"},
                                     {{.target = 7, .source = extra.reader.native_handle()},
                                      {.target = 9, .source = extra.writer.native_handle()}});
  std::istringstream lines(info);
  int seen = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("flags:")) continue;
    ++seen;
    EXPECT_EQ(std::stol(line.substr(6), nullptr, 8) & O_NONBLOCK, 0) << line;
  }
  EXPECT_EQ(seen, 2);
}

TEST(PipeAcrossExec, the_program_has_exactly_its_descriptors) {
  // Besides these we have pipes, and without close-on-exec a leak of somebody else's.
  const pipe ours = pipe::create().value();
  const pipe passed = pipe::create().value();
  const int leak = ::open("/dev/null", O_RDONLY);
  const std::string listed = output_of({"ls", "-l", "/proc/self/fd"},
                                       {{.target = 5, .source = passed.reader.native_handle()}});
  ::close(leak);
  // "... 21:00 5 -> pipe:[123]", and one that `ls` itself has open to look: ".../fd".
  std::vector<std::string> found;
  std::istringstream lines(listed);
  for (std::string line; std::getline(lines, line);) {
    const auto arrow = line.find(" -> ");
    if (arrow == std::string::npos || line.ends_with("/fd")) continue;
    found.push_back(line.substr(line.rfind(' ', arrow - 1) + 1, 1));
  }
  EXPECT_EQ(found, (std::vector<std::string>{"0", "1", "2", "5"})) << listed;
}

TEST(PipeAcrossExec, the_program_starts_with_a_clean_mask_and_default_dispositions) {
  // F35: although we ignore and block.
  struct sigaction ignore {};
  struct sigaction before_pipe {};
  struct sigaction before_user {};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &ignore, &before_pipe);
  ::sigaction(SIGUSR1, &ignore, &before_user);
  sigset_t blocked;
  sigset_t before;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGTERM);
  ::sigaddset(&blocked, SIGUSR2);
  ::pthread_sigmask(SIG_BLOCK, &blocked, &before);
  const std::string status = output_of({"cat", "/proc/self/status"});
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  ::sigaction(SIGPIPE, &before_pipe, nullptr);
  ::sigaction(SIGUSR1, &before_user, nullptr);

  EXPECT_NE(status.find("SigBlk:\t0000000000000000"), std::string::npos) << status;
  EXPECT_NE(status.find("SigIgn:\t0000000000000000"), std::string::npos) << status;
}

TEST(PipeAcrossExec, a_program_that_reads_no_more_is_a_broken_pipe) {
  // F34
  auto to = std::make_optional(pipe::create().value());
  program head{shell("head -c 1 >/dev/null"),
               {{.target = 0, .source = to->reader.native_handle()}}};
  pipe_writer writer = std::move(to->writer);
  to.reset();
  auto written = writer.write_all(std::vector<std::byte>(std::size_t{1} << 20));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error(), std::errc::broken_pipe);
  head.wait_success();
}

}  // namespace
}  // namespace sluice::test
