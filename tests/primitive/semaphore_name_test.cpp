// The names of POSIX semaphores: what is created and with which mode, what is refused and why, who
// takes a name over and who removes it.

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sluice/primitive/posix_semaphore.hpp>
#include <string>
#include <vector>

#include "support/another_user.hpp"
#include "support/child.hpp"
#include "support/isolation.hpp"
#include "support/runtime_directory.hpp"
#include "support/shared_array.hpp"
#include "support/traced_child.hpp"

namespace sluice {
namespace {

namespace fs = std::filesystem;
using test::child;
using test::unique_name;

std::string in_runtime_directory(const std::string& leaf) {
  return test::private_runtime_directory::current() + "/" + leaf;
}

mode_t mode_of(const std::string& path) {
  struct stat found {};
  EXPECT_EQ(::lstat(path.c_str(), &found), 0) << path;
  return found.st_mode & 07777;
}

template <class Result>
void expect_refused(const Result& outcome, auto code) {
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error(), code) << outcome.error().message();
  EXPECT_NE(*outcome.error().hint(), '\0') << "nothing explains it";
}

void expect_refused_by_all(const semaphore_name& name, std::errc code) {
  expect_refused(posix_semaphore::create(name), code);
  expect_refused(posix_semaphore::open(name), code);
  expect_refused(posix_semaphore::open_or_create(name), code);
  expect_refused(posix_semaphore::unlink(name), code);
}

// A directory that everybody may use, as /tmp.
class SemaphoreName : public ::testing::Test {
 protected:
  SemaphoreName() : shared_("/dev/shm/" + unique_name()) {
    EXPECT_EQ(::mkdir(shared_.c_str(), 0700), 0);
    EXPECT_EQ(::chmod(shared_.c_str(), 01777), 0);
  }
  ~SemaphoreName() override { fs::remove_all(shared_); }
  std::string shared_;
};

TEST_F(SemaphoreName, that_is_bad_is_refused_with_the_reason_also_for_nobody) {
  const auto all = [] {
    for (const char* text : {"", "/", "a/", ".", "..", ".hidden", "a\nb"})
      expect_refused_by_all(text, std::errc::invalid_argument);
    for (const char* text : {"", "/", "a/b", "//a", "a\x7f"})
      expect_refused_by_all(semaphore_name::posix(text), std::errc::invalid_argument);
    expect_refused_by_all(std::string(201, 'x'), std::errc::filename_too_long);
    expect_refused_by_all(semaphore_name::posix(std::string(252, 'x')),
                          std::errc::filename_too_long);
    for (const mode_t mode : {01600U, 04600U, 010600U, 0660U})
      expect_refused(posix_semaphore::create("odd", {.mode = mode}), std::errc::invalid_argument);
  };
  all();
  if (!test::may_change_user()) return;
  test::as_nobody([&] {
    ::unsetenv("SLUICE_RUNTIME_DIR");  // of root
    all();
    fs::remove_all("/dev/shm/sluice-65534");
  });
}

TEST_F(SemaphoreName, that_is_taken_or_missing_is_told) {
  for (const semaphore_name& name :
       {semaphore_name{unique_name()}, semaphore_name{shared_ + "/x"},
        semaphore_name::posix("/" + unique_name()), semaphore_name::posix(unique_name())}) {
    EXPECT_EQ(posix_semaphore::open(name).error(), std::errc::no_such_file_or_directory);
    EXPECT_EQ(posix_semaphore::unlink(name).error(), std::errc::no_such_file_or_directory);
    auto made = posix_semaphore::create(name, {.initial = 2});
    ASSERT_TRUE(made) << made.error().message();
    expect_refused(posix_semaphore::create(name), std::errc::file_exists);
    auto opened = posix_semaphore::open(name);
    ASSERT_TRUE(opened) << opened.error().message();
    EXPECT_TRUE(opened->try_wait());
    EXPECT_EQ(made->value(), 1U);
    EXPECT_TRUE(made->unlink());
    EXPECT_EQ(made->unlink().error(), errc::removed);
    EXPECT_EQ(posix_semaphore::open(name).error(), std::errc::no_such_file_or_directory);
    EXPECT_TRUE(opened->notify()) << "who has it open goes on";
    EXPECT_TRUE(made->try_wait());
  }
}

TEST_F(SemaphoreName, has_exactly_the_mode_that_was_asked_for_whatever_the_umask) {
  for (const mode_t mask : {0U, 022U, 0777U}) {
    const mode_t before = ::umask(mask);
    for (const mode_t mode : {0600U, 0660U, 0666U, 0000U}) {
      auto by_path = posix_semaphore::create(shared_ + "/exact", {.mode = mode});
      ASSERT_TRUE(by_path) << by_path.error().message();
      EXPECT_EQ(mode_of(shared_ + "/exact"), mode);
      auto posix = posix_semaphore::create(semaphore_name::posix("exact"), {.mode = mode});
      ASSERT_TRUE(posix) << posix.error().message();
      EXPECT_EQ(mode_of("/dev/shm/sem.exact"), mode);
    }
    auto own = posix_semaphore::create("own");
    EXPECT_EQ(mode_of(in_runtime_directory("own.sem")), 0600U);
    ::umask(before);
  }
}

// H12
TEST_F(SemaphoreName, that_leads_to_anything_else_is_refused) {
  const std::string path = shared_ + "/thing";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  expect_refused(posix_semaphore::open(path), std::errc::invalid_argument);
  expect_refused(posix_semaphore::open_or_create(path), std::errc::invalid_argument);
  expect_refused(posix_semaphore::unlink(path), std::errc::invalid_argument);
  fs::remove(path);
  ASSERT_EQ(::mkdir(path.c_str(), 0700), 0);
  expect_refused(posix_semaphore::open(path), std::errc::invalid_argument);
  fs::remove(path);
  const auto real = posix_semaphore::create(shared_ + "/real").value();
  fs::create_symlink(shared_ + "/real", path);
  expect_refused(posix_semaphore::open(path), std::errc::too_many_symbolic_link_levels);
  fs::remove(path);
  for (const int size : {0, 16, 31, 33, 4096}) {
    std::ofstream{path} << std::string(static_cast<std::size_t>(size), '\0');
    expect_refused(posix_semaphore::open(path), errc::incompatible);
    fs::remove(path);
  }
  std::ofstream{path} << std::string(32, '\0');
  expect_refused(posix_semaphore::open(path), errc::corrupt);
}

TEST_F(SemaphoreName, of_somebody_else_or_open_to_everybody_is_refused_unless_accepted) {
  if (!test::may_change_user()) GTEST_SKIP() << "becoming another user needs root";
  const std::string path = shared_ + "/theirs";
  test::as_nobody([&] { posix_semaphore::create(path, {.mode = 0666}).value().persist(); });
  expect_refused(posix_semaphore::open(path), std::errc::permission_denied);
  expect_refused(posix_semaphore::open_or_create(path), std::errc::permission_denied);
  expect_refused(posix_semaphore::unlink(path), std::errc::permission_denied);
  expect_refused(posix_semaphore::open(path, {.owner = test::nobody}),
                 std::errc::permission_denied);
  EXPECT_TRUE(posix_semaphore::open(path, {.owner = test::nobody, .world_writable = true}));
  const auto ours = posix_semaphore::create(shared_ + "/ours").value();
  test::as_nobody([&] {
    expect_refused(posix_semaphore::open(shared_ + "/ours", {.owner = 0}),
                   std::errc::permission_denied);
    expect_refused(posix_semaphore::open(shared_ + "/ours"), std::errc::permission_denied);
  });
}

TEST_F(SemaphoreName, goes_with_its_creator_and_with_nobody_else) {
  const std::string file = in_runtime_directory("mine.sem");
  {
    auto made = posix_semaphore::create("mine").value();
    { const auto opened = posix_semaphore::open("mine").value(); }
    { const auto again = posix_semaphore::open_or_create("mine").value(); }
    child other{[&] { const auto moved = std::move(made); }};
    other.wait_success();
    EXPECT_TRUE(fs::exists(file));
    auto moved = std::move(made);
  }
  EXPECT_FALSE(fs::exists(file));
  posix_semaphore::create("mine").value().persist();
  EXPECT_TRUE(fs::exists(file));
  EXPECT_TRUE(posix_semaphore::unlink("mine"));
}

TEST_F(SemaphoreName, left_behind_is_taken_over_with_its_value_and_the_duty_to_remove_it) {
  child dead{[] {
    auto made = posix_semaphore::create("left", {.initial = 5}).value();
    ::_exit(made.try_wait() ? 0 : 1);
  }};
  dead.wait_success();
  {
    auto taken = posix_semaphore::open_or_create("left", {.initial = 9, .mode = 0400}).value();
    EXPECT_EQ(taken.value(), 4U);
    EXPECT_EQ(mode_of(in_runtime_directory("left.sem")), 0400U);
  }
  EXPECT_FALSE(fs::exists(in_runtime_directory("left.sem")));
}

TEST_F(SemaphoreName, created_by_many_at_once_is_one_semaphore) {
  for (int round = 0; round < 20; ++round) {
    const semaphore_name name{unique_name()};
    const test::shared_array arrived{2};
    std::vector<child> all;
    for (int i = 0; i < 4; ++i)
      all.emplace_back([&] {
        ++arrived[0];
        while (arrived[0] < 4) ::usleep(100);
        auto made = posix_semaphore::open_or_create(name, {.initial = 10});
        ASSERT_TRUE(made) << made.error().message();
        EXPECT_TRUE(made->notify());
        // All have it before the first of them lets it go.
        ++arrived[1];
        while (arrived[1] < 4) ::usleep(100);
        EXPECT_EQ(made->value(), 14U);
      });
    for (child& one : all) one.wait_success();
  }
}

// F9, step by step
TEST_F(SemaphoreName, whose_creator_is_killed_at_any_system_call_leads_to_a_whole_one_or_nowhere) {
  if (const char* reason = test::reason_not_to_trace(); *reason != '\0') GTEST_SKIP() << reason;
  for (const semaphore_name& name : {semaphore_name{"made"}, semaphore_name::posix("made")}) {
    int whole = 0;
    const long killed = test::kill_at_each_step({
        .size = test::step_size::system_call,
        .operation =
            [&] {
              auto made = posix_semaphore::create(name, {.initial = 7});
              if (!made) ::abort();
              made->persist();
            },
        .judge =
            [&] {
              auto found = posix_semaphore::open(name);
              if (!found) {
                EXPECT_EQ(found.error(), std::errc::no_such_file_or_directory);
                return;
              }
              ++whole;
              EXPECT_EQ(found->value(), 7U);
              EXPECT_TRUE(posix_semaphore::unlink(name));
            },
    });
    EXPECT_GT(whole, 0);
    EXPECT_GT(killed, whole);
  }
}

}  // namespace
}  // namespace sluice
