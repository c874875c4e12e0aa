// F40, F41: the limits themselves, in a child that lowers them, instead of faults made by us.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <sluice/sluice.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "support/child.hpp"
#include "support/isolation.hpp"
#include "support/leftovers.hpp"
#include "support/runtime_directory.hpp"

namespace sluice::test {
namespace {

constexpr uid_t nobody = 65534;

bool contains(const char* text, std::string_view part) {
  return std::string_view{text}.find(part) != std::string_view::npos;
}

void set_limit(decltype(RLIMIT_NOFILE) which, rlim_t value) {
  rlimit limit{};
  ASSERT_EQ(::getrlimit(which, &limit), 0);
  limit.rlim_cur = value;
  limit.rlim_max = std::max(limit.rlim_max, value);
  ASSERT_EQ(::setrlimit(which, &limit), 0);
}

void become_nobody() {
  ASSERT_EQ(::setgid(nobody), 0);
  ASSERT_EQ(::setuid(nobody), 0);
}

// The sanitizer of clang++ opens a pipe when it sees an object of a type for the first time, and
// takes it for a wrong one when there is no descriptor left for that.
void show_error_categories_to_sanitizer() {
  for (const error& one :
       {error::from_errno(EIO, ""), error{std::errc::io_error, ""}, error{errc::closed, ""}})
    EXPECT_FALSE(one == std::errc::broken_pipe || one.message().empty());
}

// Takes all descriptors but `left`.
std::vector<unique_fd> take_descriptors(int left) {
  show_error_categories_to_sanitizer();
  set_limit(RLIMIT_NOFILE, 64);
  std::vector<unique_fd> taken;
  for (;;) {
    unique_fd one{::eventfd(0, EFD_CLOEXEC)};
    if (!one) break;
    taken.push_back(std::move(one));
  }
  taken.resize(taken.size() - static_cast<std::size_t>(left));
  return taken;
}

TEST(DescriptorLimit, is_named_by_every_factory_that_meets_it) {
  child limited{[] {
    const std::vector<std::function<std::optional<error>()>> factories{
        [] {
          auto r = pipe::create();
          return r ? std::nullopt : std::optional{r.error()};
        },
        [] {
          auto r = duplex_pipe::create();
          return r ? std::nullopt : std::optional{r.error()};
        },
        [] {
          auto r = event::create();
          return r ? std::nullopt : std::optional{r.error()};
        },
        [] {
          auto r = selector::create();
          return r ? std::nullopt : std::optional{r.error()};
        },
        [] {
          auto r = fifo::create("x");
          return r ? std::nullopt : std::optional{r.error()};
        },
        [] {
          auto r = fifo_reader::open("log");
          return r ? std::nullopt : std::optional{r.error()};
        },
        [] {
          auto r = memory_map::create_anonymous(4096);
          return r ? std::nullopt : std::optional{r.error()};
        },
        [] {
          auto r = process::open(::getpid());
          return r ? std::nullopt : std::optional{r.error()};
        },
        [] {
          auto r = process::fork([] { return 0; });
          return r ? std::nullopt : std::optional{r.error()};
        },
    };
    auto log = fifo::create("log");
    ASSERT_TRUE(log);
    const std::vector<unique_fd> taken = take_descriptors(0);
    for (const auto& factory : factories) {
      const std::optional<error> reason = factory();
      ASSERT_TRUE(reason) << "no descriptor was left";
      EXPECT_TRUE(*reason == std::errc::too_many_files_open) << reason->message();
      EXPECT_TRUE(contains(reason->hint(), "RLIMIT_NOFILE")) << reason->message();
    }
  }};
  limited.wait_success();
}

TEST(DescriptorLimit, leaves_nothing_behind_however_many_are_left) {
  child limited{[] {
    auto log = fifo::create("log");
    ASSERT_TRUE(log);
    for (int left = 0; left < 8; ++left) {
      SCOPED_TRACE(left);
      std::vector<unique_fd> taken = take_descriptors(left);
      const auto count_free = [] {
        std::vector<unique_fd> all;
        while (unique_fd one{::eventfd(0, EFD_CLOEXEC)}) all.push_back(std::move(one));
        return static_cast<int>(all.size());
      };
      static_cast<void>(duplex_pipe::create());
      EXPECT_EQ(count_free(), left);
      static_cast<void>(fifo_reader::open("log", {.stay_open = true}));
      EXPECT_EQ(count_free(), left);
      static_cast<void>(fifo::create("other"));
      EXPECT_EQ(count_free(), left);
      EXPECT_NE(::access((private_runtime_directory::current() + "/other.fifo").c_str(), F_OK), 0);
      static_cast<void>(memory_map::create_anonymous(4096));
      EXPECT_EQ(count_free(), left);
    }
  }};
  limited.wait_success();
}

// A ring has a descriptor when it is first asked for: becoming a member needs some.
TEST(DescriptorLimit, is_named_when_a_ring_joins_a_selector_and_it_joins_later) {
  child limited{[] {
    auto ring = ring_channel::create_anonymous({.capacity_bytes = 4096}).value();
    auto sender = ring_sender::attach(ring).value();
    auto receiver = ring_receiver::attach(ring).value();
    selector all = selector::create().value();
    for (int left = 0;; ++left) {
      SCOPED_TRACE(left);
      ASSERT_LT(left, 10);
      const std::vector<unique_fd> taken = take_descriptors(left);
      auto added = all.add_readable(receiver);
      if (added) {
        EXPECT_GT(left, 0);
        break;
      }
      EXPECT_TRUE(added.error() == std::errc::too_many_files_open) << added.error().message();
      EXPECT_TRUE(contains(added.error().hint(), "RLIMIT_NOFILE")) << added.error().message();
      EXPECT_EQ(all.size(), 0U);
    }
    ASSERT_TRUE(sender.try_send(bytes_of("message")));
    EXPECT_TRUE(all.wait(deadline::now()));
  }};
  limited.wait_success();
}

// The duty to remove a name is kept with the last descriptor gone.
TEST(DescriptorLimit, does_not_keep_a_name_from_being_removed) {
  child limited{[] {
    auto made = fifo::create("log");
    ASSERT_TRUE(made);
    const std::string path = made->path();
    const std::vector<unique_fd> taken = take_descriptors(0);
    { const fifo gone = *std::move(made); }
    EXPECT_NE(::access(path.c_str(), F_OK), 0);
  }};
  limited.wait_success();
}

TEST(DescriptorLimit, met_by_spawn_is_reported) {
  child limited{[] {
    const std::vector<unique_fd> taken = take_descriptors(0);
    auto spawned =
        process::spawn({.arguments = {"true"}, .descriptors = {{.target = 5, .source = 0}}});
    ASSERT_FALSE(spawned);
    EXPECT_TRUE(spawned.error() == std::errc::too_many_files_open) << spawned.error().message();
  }};
  limited.wait_success();
}

TEST(ProcessLimit, is_named_by_fork_and_spawn) {
  if (::geteuid() != 0) GTEST_SKIP() << "becoming a user without privileges needs root";
  child limited{[] {
    become_nobody();
    set_limit(RLIMIT_NPROC, 0);
    auto forked = process::fork([] { return 0; });
    ASSERT_FALSE(forked);
    auto spawned = process::spawn({.arguments = {"true"}});
    ASSERT_FALSE(spawned);
    for (const error& reason : {forked.error(), spawned.error()}) {
      EXPECT_TRUE(reason == std::errc::resource_unavailable_try_again) << reason.message();
      EXPECT_TRUE(contains(reason.hint(), "RLIMIT_NPROC")) << reason.message();
    }
    EXPECT_STREQ(forked.error().operation(), "fork");
    EXPECT_STREQ(spawned.error().operation(), "posix_spawn");
  }};
  limited.wait_success();
}

// The umask takes nothing from what was asked for, and a user without privileges could not open
// what it has taken permissions from.
TEST(UmaskThatTakesEverything, changes_no_mode_for_an_ordinary_user_either) {
  if (::geteuid() != 0) GTEST_SKIP() << "becoming a user without privileges needs root";
  child ordinary{[] {
    become_nobody();
    const std::string directory = "/dev/shm/" + unique_name();
    ::setenv("SLUICE_RUNTIME_DIR", directory.c_str(), 1);
    ::umask(0777);
    {
      auto made = fifo::create("log");
      ASSERT_TRUE(made) << made.error().message();
      struct stat found {};
      ASSERT_EQ(::stat(made->path().c_str(), &found), 0);
      EXPECT_EQ(found.st_mode & 07777, 0600u);
      EXPECT_TRUE(fifo_reader::open("log"));
    }
    EXPECT_EQ(::rmdir(directory.c_str()), 0);
  }};
  ordinary.wait_success();
}

// F40: beyond fs.pipe-user-pages-soft a user's new pipes are small, and larger ones are refused.
TEST(PipeLimit, leaves_pipes_that_are_smaller_and_work) {
  if (::geteuid() != 0) GTEST_SKIP() << "becoming a user without privileges needs root";
  child limited{[] {
    set_limit(RLIMIT_NOFILE, 8192);
    become_nobody();
    std::vector<pipe> pipes;
    constexpr std::size_t more_than_the_limit = 3000;
    constexpr std::size_t ordinary_bytes = std::size_t{64} << 10;
    do {
      auto made = pipe::create({.capacity_bytes = ordinary_bytes});
      ASSERT_TRUE(made) << made.error().message();
      pipes.push_back(std::move(*made));
    } while (pipes.size() < more_than_the_limit &&
             pipes.back().writer.capacity_bytes().value() >= ordinary_bytes);
    ASSERT_LT(pipes.size(), more_than_the_limit) << "this user has no soft limit";
    pipe& small = pipes.back();
    std::array<std::byte, 3> buffer;
    ASSERT_TRUE(small.writer.write_all(bytes_of("abc")));
    ASSERT_TRUE(small.reader.read_exactly(buffer));
    auto set = small.writer.set_capacity_bytes(ordinary_bytes);
    ASSERT_FALSE(set);
    EXPECT_TRUE(set.error() == std::errc::operation_not_permitted);
    EXPECT_TRUE(contains(set.error().hint(), "fs.pipe-user-pages-soft"));
  }};
  limited.wait_success();
}

TEST(PipeLimit, of_one_pipe_is_named) {
  if (::geteuid() != 0) GTEST_SKIP() << "becoming a user without privileges needs root";
  child limited{[] {
    become_nobody();
    auto made = pipe::create({.capacity_bytes = std::size_t{1} << 30});
    ASSERT_TRUE(made) << "a wish, not a condition: " << made.error().message();
    auto set = made->writer.set_capacity_bytes(std::size_t{1} << 30);
    ASSERT_FALSE(set);
    EXPECT_TRUE(contains(set.error().hint(), "fs.pipe-max-size")) << set.error().message();
  }};
  limited.wait_success();
}

}  // namespace
}  // namespace sluice::test
