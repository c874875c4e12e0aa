// The names of FIFOs: what is created and with which mode, what is refused and why, who removes the
// name and who does not.

#include <fcntl.h>
#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sluice/channel/fifo.hpp>
#include <sluice/channel/fifo_channel.hpp>
#include <string>
#include <vector>

#include "support/another_user.hpp"
#include "support/child.hpp"
#include "support/isolation.hpp"
#include "support/runtime_directory.hpp"

namespace sluice::test {
namespace {

/// A directory that everybody may enter, for FIFOs that others shall reach by path.
class open_directory {
 public:
  explicit open_directory(mode_t mode = 0755) : path_("/dev/shm/" + unique_name()) {
    EXPECT_EQ(::mkdir(path_.c_str(), 0700), 0);
    EXPECT_EQ(::chmod(path_.c_str(), mode), 0);
  }
  open_directory(const open_directory&) = delete;
  open_directory& operator=(const open_directory&) = delete;
  ~open_directory() { std::filesystem::remove_all(path_); }
  [[nodiscard]] std::string operator/(const std::string& leaf) const { return path_ + "/" + leaf; }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

mode_t mode_of(const std::string& path) {
  struct stat found {};
  EXPECT_EQ(::lstat(path.c_str(), &found), 0) << path;
  EXPECT_TRUE(S_ISFIFO(found.st_mode)) << path;
  return found.st_mode & 07777;
}

bool exists(const std::string& path) {
  struct stat found {};
  return ::lstat(path.c_str(), &found) == 0;
}

std::string in_runtime_directory(const std::string& leaf) {
  return private_runtime_directory::current() + "/" + leaf;
}

template <class Result>
void expect_refused(const Result& outcome, std::errc code) {
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error(), code) << outcome.error().message();
}

// Everything that opens or makes a FIFO refuses the name with this code.
void expect_refused_by_all(const std::string& name, std::errc code) {
  expect_refused(fifo_reader::open(name), code);
  expect_refused(fifo_writer::open(name, deadline::now()), code);
  expect_refused(fifo_sender::open(name, deadline::now()), code);
  expect_refused(fifo_receiver::open(name), code);
  expect_refused(fifo::unlink(name), code);
}

TEST(Fifo, has_exactly_the_mode_that_was_asked_for_whatever_the_umask) {
  const open_directory shared;
  for (const mode_t mask : {0U, 022U, 077U, 0777U}) {
    const mode_t before = ::umask(mask);
    for (const mode_t mode : {0600U, 0400U, 0640U, 0666U, 0777U}) {
      const std::string path = shared / "exact";
      const auto by_path = fifo::create(path, {.mode = mode});
      EXPECT_TRUE(by_path);
      EXPECT_EQ(mode_of(path), mode) << std::oct << mode << " below the umask " << mask;
      const auto in_shared =
          fifo::create("named", {.mode = mode, .directory = {.path = shared.path()}});
      EXPECT_TRUE(in_shared);
      EXPECT_EQ(mode_of(shared / "named.fifo"), mode);
    }
    const auto private_one = fifo::create("private");
    EXPECT_EQ(mode_of(in_runtime_directory("private.fifo")), 0600U);
    ::umask(before);
  }
}

TEST(Fifo, is_taken_over_by_an_ordinary_user_who_had_no_permissions_left) {
  if (!may_change_user()) GTEST_SKIP() << "becoming another user needs root";
  const open_directory place{01777};
  as_nobody([&] {
    for (const mode_t mode : {0000U, 0200U, 0400U}) {
      ::umask(0777);
      fifo left = fifo::create(place / "bare", {.mode = mode}).value();
      EXPECT_EQ(mode_of(place / "bare"), mode);
      left.persist();
      const fifo taken_over = fifo::open_or_create(place / "bare").value();
      EXPECT_EQ(mode_of(place / "bare"), 0600U);
      EXPECT_TRUE(fifo_reader::open(place / "bare"));
    }
  });
}

TEST(Fifo, refuses_a_mode_that_makes_no_sense) {
  // In the private directory nobody else could use it; other bits are not permissions.
  for (const mode_t mode : {0660U, 0604U, 01600U, 04600U, 010600U})
    expect_refused(fifo::create("odd", {.mode = mode}), std::errc::invalid_argument);
  EXPECT_FALSE(exists(in_runtime_directory("odd.fifo")));
}

TEST(Fifo, refuses_bad_names_with_a_reason) {
  const std::string longest(200, 'n');
  for (const std::string& name :
       {std::string{}, std::string{"."}, std::string{".."}, std::string{"/"}, std::string{"dir/"},
        std::string{"dir/."}, std::string{"dir/.."}, std::string{".hidden"}, std::string{"a\nb"},
        std::string{"nul\0byte", 8}, std::string{"\x7f"}, std::string{"/dev/shm/\x01"}}) {
    for (const auto& outcome :
         {fifo::create(name).has_value(), fifo::open_or_create(name).has_value()})
      EXPECT_FALSE(outcome) << name;
    expect_refused_by_all(name, std::errc::invalid_argument);
    EXPECT_STRNE(fifo::create(name).error().hint(), "") << name;
  }
  expect_refused_by_all(longest + "n", std::errc::filename_too_long);
  expect_refused_by_all("/dev/shm/" + std::string(300, 'n'), std::errc::filename_too_long);
  expect_refused_by_all("/" + std::string(5000, 'n'), std::errc::filename_too_long);
  expect_refused_by_all("no_such_directory/name", std::errc::no_such_file_or_directory);
  expect_refused_by_all("/dev/null/name", std::errc::not_a_directory);
  EXPECT_TRUE(fifo::create(longest));
}

TEST(Fifo, create_leaves_alone_what_has_the_name) {
  const fifo first = fifo::create("taken").value();
  auto second = fifo::create("taken");
  expect_refused(second, std::errc::file_exists);
  EXPECT_STRNE(second.error().hint(), "");
  EXPECT_TRUE(exists(first.path()));
  std::ofstream{in_runtime_directory("file.fifo")} << "content";
  expect_refused(fifo::create("file"), std::errc::file_exists);
  EXPECT_TRUE(std::filesystem::is_regular_file(in_runtime_directory("file.fifo")));
  ::unlink(in_runtime_directory("file.fifo").c_str());
}

TEST(Fifo, nothing_but_a_fifo_is_opened_taken_over_or_removed) {
  // H12
  const open_directory place;
  std::ofstream{place / "file"} << "content";
  const fifo real = fifo::create(place / "real").value();
  ASSERT_EQ(::symlink((place / "real").c_str(), (place / "link").c_str()), 0);
  ASSERT_EQ(::symlink((place / "missing").c_str(), (place / "dangling").c_str()), 0);
  ASSERT_EQ(::mkdir((place / "directory").c_str(), 0700), 0);
  const unique_fd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  (place / "socket").copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);

  for (const char* leaf : {"file", "directory", "socket"}) {
    expect_refused_by_all(place / leaf, std::errc::invalid_argument);
    expect_refused(fifo::open_or_create(place / leaf), std::errc::invalid_argument);
  }
  for (const char* leaf : {"link", "dangling"}) {
    expect_refused_by_all(place / leaf, std::errc::too_many_symbolic_link_levels);
    expect_refused(fifo::open_or_create(place / leaf), std::errc::too_many_symbolic_link_levels);
  }
  expect_refused_by_all("/dev/null", std::errc::invalid_argument);
  EXPECT_FALSE(exists(place / "missing"));
  for (const char* leaf : {"file", "link", "dangling", "directory", "socket", "real"})
    EXPECT_TRUE(exists(place / leaf)) << leaf;
}

TEST(Fifo, of_somebody_else_is_refused_unless_the_owner_is_named) {
  // H12
  if (!may_change_user()) GTEST_SKIP() << "becoming another user needs root";
  const open_directory place{01777};
  const std::string theirs = place / "theirs";
  as_nobody([&] { fifo::create(theirs).value().persist(); });
  expect_refused_by_all(theirs, std::errc::permission_denied);
  expect_refused(fifo::open_or_create(theirs), std::errc::permission_denied);
  EXPECT_EQ(mode_of(theirs), 0600U);
  auto reader = fifo_reader::open(theirs, {.owner = nobody});
  EXPECT_TRUE(reader);
  EXPECT_TRUE(fifo_writer::open(theirs, deadline::now(), {.owner = nobody}));

  // The other way round: what root made and opened to all is still not theirs.
  const std::string ours = place / "ours";
  const fifo made = fifo::create(ours, {.mode = 0644}).value();
  as_nobody([&] {
    expect_refused(fifo_reader::open(ours), std::errc::permission_denied);
    EXPECT_TRUE(fifo_reader::open(ours, {.owner = 0}));
    expect_refused(fifo_writer::open(ours, deadline::now(), {.owner = 0}),
                   std::errc::permission_denied);
    expect_refused(fifo::open_or_create(ours), std::errc::permission_denied);
    expect_refused(fifo::unlink(ours), std::errc::permission_denied);
  });
  ASSERT_TRUE(fifo::unlink(theirs, {.owner = nobody}));
}

TEST(Fifo, that_everybody_may_write_is_refused_unless_accepted) {
  // H12
  const open_directory place;
  const fifo open_to_all = fifo::create(place / "open", {.mode = 0622}).value();
  expect_refused_by_all(place / "open", std::errc::permission_denied);
  auto reader = fifo_reader::open(place / "open", {.world_writable = true});
  EXPECT_TRUE(reader);
  EXPECT_TRUE(fifo_writer::open(place / "open", deadline::now(), {.world_writable = true}));
}

TEST(Fifo, that_was_left_behind_is_taken_over_with_the_mode_and_the_duty) {
  const open_directory place;
  const std::string path = place / "stale";
  child maker{[&] {
    const fifo made = fifo::create(path, {.mode = 0640}).value();
    ::raise(SIGKILL);
  }};
  EXPECT_EQ(maker.wait().signal, SIGKILL);
  EXPECT_EQ(mode_of(path), 0640U);
  expect_refused(fifo::create(path), std::errc::file_exists);
  {
    const fifo taken_over = fifo::open_or_create(path, {.mode = 0600}).value();
    EXPECT_EQ(mode_of(path), 0600U);
    auto reader = fifo_reader::open(path);
    EXPECT_TRUE(reader);
    EXPECT_TRUE(fifo_writer::open(path, deadline::now()));
  }
  EXPECT_FALSE(exists(path));
}

TEST(Fifo, taking_over_wakes_nobody_who_waits_for_a_reader) {
  // Whoever waits must not take a change of the mode for the coming of a reader.
  const open_directory place;
  const std::string path = place / "waited_for";
  const fifo made = fifo::create(path).value();
  child writer{[&] {
    EXPECT_EQ(fifo_writer::open(path, std::chrono::milliseconds{50}).error(), std::errc::timed_out);
  }};
  for (mode_t mode = 0600; !writer.handle().wait_for_exit(deadline::now()); mode ^= 0040) {
    fifo taken_over = fifo::open_or_create(path, {.mode = mode}).value();
    taken_over.persist();
  }
  writer.wait_success();
}

TEST(Fifo, is_removed_by_its_owner_only_once_and_only_while_it_is_the_same) {
  auto made = std::make_optional(fifo::create("mine").value());
  const std::string path = made->path();
  child forked{[&] { made.reset(); }};
  forked.wait_success();
  EXPECT_TRUE(exists(path)) << "the name is the parent's";

  ASSERT_EQ(::unlink(path.c_str()), 0);
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);  // somebody else's by now
  auto removed = made->unlink();
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error(), errc::removed);
  made.reset();
  EXPECT_TRUE(exists(path));
  ASSERT_TRUE(fifo::unlink("mine"));
  EXPECT_FALSE(exists(path));
  expect_refused(fifo::unlink("mine"), std::errc::no_such_file_or_directory);
}

TEST(Fifo, that_persists_stays_and_one_that_is_moved_is_removed_once) {
  {
    fifo made = fifo::create("kept").value();
    made.persist();
  }
  EXPECT_TRUE(exists(in_runtime_directory("kept.fifo")));
  {
    fifo again = fifo::open_or_create("kept").value();
    const fifo moved = std::move(again);
    EXPECT_TRUE(exists(moved.path()));
  }
  EXPECT_FALSE(exists(in_runtime_directory("kept.fifo")));
}

TEST(Fifo, whose_creator_is_killed_at_any_moment_is_complete_or_not_there) {
  // F9: whoever looks at any time finds the final mode, and the next creator is not in the way.
  const mode_t before = ::umask(0777);
  for (int round = 0; round < 100; ++round) {
    child creator{[] {
      for (;;) {
        auto made = fifo::open_or_create("at_any_moment");
        ASSERT_TRUE(made) << made.error().message();
      }
    }};
    const std::string path = in_runtime_directory("at_any_moment.fifo");
    struct stat found {};
    for (int look = 0; look <= round * 20; ++look)
      if (::lstat(path.c_str(), &found) == 0) {
        EXPECT_EQ(found.st_mode, S_IFIFO | 0600U);
      }
    creator.kill();
    const auto next = fifo::open_or_create("at_any_moment");
    ASSERT_TRUE(next) << next.error().message();
    EXPECT_EQ(mode_of(path), 0600U);
  }
  ::umask(before);
  // What the last one may have left under its temporary name goes with the next creation.
  EXPECT_TRUE(fifo::create("at_any_moment"));
  EXPECT_FALSE(exists(in_runtime_directory(".at_any_moment.fifo")));
}

TEST(Fifo, of_many_that_create_at_once_one_succeeds) {
  const rendezvous start;
  const rendezvous tried;
  const rendezvous success;
  const rendezvous finish;
  std::vector<child> racers;
  racers.reserve(6);
  for (int id = 0; id < 6; ++id)
    racers.emplace_back([&] {
      start.wait();
      auto made = fifo::create("raced");
      if (made) success.arrive();
      if (!made) {
        EXPECT_EQ(made.error(), std::errc::file_exists) << made.error().message();
      }
      tried.arrive();
      finish.wait();
    });
  start.arrive(6);
  for (int id = 0; id < 6; ++id) tried.wait();
  success.wait();
  finish.arrive(6);
  for (child& one : racers) one.wait_success();
  EXPECT_NONFATAL_FAILURE(success.wait(deadline::now()), "did not arrive");
}

}  // namespace
}  // namespace sluice::test
