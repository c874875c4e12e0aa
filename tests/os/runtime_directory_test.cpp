#include "support/runtime_directory.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <functional>
#include <optional>
#include <sluice/base/name.hpp>
#include <sluice/os/runtime_directory.hpp>
#include <string>

#include "support/child.hpp"
#include "support/isolation.hpp"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::child;
using test::private_runtime_directory;
using test::rendezvous;

constexpr uid_t nobody = 65534;

// A directory with these permissions that goes with this object; $SLUICE_RUNTIME_DIR names
// `named_as` (or the directory itself) meanwhile.
class directory_of_a_test {
 public:
  explicit directory_of_a_test(mode_t mode) : path_("/dev/shm/" + test::unique_name()) {
    EXPECT_EQ(::mkdir(path_.c_str(), 0700), 0);
    EXPECT_EQ(::chmod(path_.c_str(), mode), 0);
    name(path_);
  }
  directory_of_a_test(const directory_of_a_test&) = delete;
  directory_of_a_test& operator=(const directory_of_a_test&) = delete;
  ~directory_of_a_test() {
    name(before_);
    ::rmdir(path_.c_str());
  }
  static void name(const std::string& path) { ::setenv("SLUICE_RUNTIME_DIR", path.c_str(), 1); }
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string before_ = private_runtime_directory::current();
  std::string path_;
};

// Runs the body in a child that is another user; skips where we may not become one.
void as_nobody(const std::function<void()>& body) {
  if (::geteuid() != 0) GTEST_SKIP() << "becoming another user needs root";
  child other{[&] {
    ASSERT_EQ(::setgid(nobody), 0);
    ASSERT_EQ(::setuid(nobody), 0);
    body();
  }};
  other.wait_success();
}

mode_t mode_of(const std::string& path) {
  struct stat found {};
  EXPECT_EQ(::lstat(path.c_str(), &found), 0) << path;
  return found.st_mode & 07777;
}

void expect_refused(const runtime_directory_options& options, std::errc code) {
  auto path = runtime_directory_path(options);
  ASSERT_FALSE(path) << *path;
  EXPECT_TRUE(path.error() == code) << path.error().message();
  EXPECT_STREQ(path.error().operation(), "runtime_directory");
  EXPECT_STRNE(path.error().hint(), "") << "it does not say what to do";
}

name_place place_of(const char* name, const runtime_directory_options& options = {}) {
  return name_place::resolve(*channel_name::parse(name), ".test", options).value();
}

TEST(RuntimeDirectory, is_the_one_that_the_environment_names) {
  const directory_of_a_test directory{0700};
  EXPECT_EQ(runtime_directory_path().value(), directory.path());
}

TEST(RuntimeDirectory, is_one_per_user_without_the_variable) {
  const std::string before = private_runtime_directory::current();
  for (const char* value : {static_cast<const char*>(nullptr), ""}) {
    if (value == nullptr)
      ::unsetenv("SLUICE_RUNTIME_DIR");
    else
      directory_of_a_test::name(value);
    auto path = runtime_directory_path();
    directory_of_a_test::name(before);
    ASSERT_TRUE(path) << path.error().message();
    EXPECT_EQ(*path, "/dev/shm/sluice-" + std::to_string(::geteuid()));
    EXPECT_EQ(mode_of(*path), 0700u);
    if (test::has_own_ipc()) ::rmdir(path->c_str());
  }
}

TEST(RuntimeDirectory, is_made_when_missing_whatever_the_umask) {
  const directory_of_a_test parent{0700};
  const std::string path = parent.path() + "/made";
  for (const mode_t mask : {0000u, 0022u, 0077u, 0777u}) {
    directory_of_a_test::name(path);
    const mode_t before = ::umask(mask);
    auto made = runtime_directory_path();
    ::umask(before);
    ASSERT_TRUE(made) << made.error().message();
    EXPECT_EQ(mode_of(path), 0700u);
    EXPECT_EQ(::rmdir(path.c_str()), 0);
  }
}

TEST(RuntimeDirectory, is_made_for_an_ordinary_user_too) {
  as_nobody([] {
    const directory_of_a_test parent{0700};
    const std::string path = parent.path() + "/made";
    directory_of_a_test::name(path);
    const mode_t before = ::umask(0777);
    auto made = runtime_directory_path();
    ::umask(before);
    EXPECT_TRUE(made) << made.error().message();
    EXPECT_EQ(mode_of(path), 0700u);
    ::rmdir(path.c_str());
  });
}

TEST(RuntimeDirectory, is_not_made_below_a_directory_that_is_missing) {
  const directory_of_a_test parent{0700};
  directory_of_a_test::name(parent.path() + "/missing/made");
  auto made = runtime_directory_path();
  ASSERT_FALSE(made);
  EXPECT_TRUE(made.error() == std::errc::no_such_file_or_directory);
}

// H12: what others may enter or change is not trusted with our names.
TEST(RuntimeDirectory, that_is_open_to_others_is_refused) {
  for (const mode_t mode : {0701u, 0710u, 0750u, 0755u, 0777u, 01777u}) {
    SCOPED_TRACE(mode);
    const directory_of_a_test directory{mode};
    expect_refused({}, std::errc::permission_denied);
  }
}

TEST(RuntimeDirectory, of_another_user_is_refused) {
  as_nobody([] {
    directory_of_a_test::name("/dev/shm");  // root's, and open: opening it is no obstacle
    expect_refused({}, std::errc::permission_denied);
  });
}

TEST(RuntimeDirectory, that_is_a_symbolic_link_is_refused) {
  const directory_of_a_test directory{0700};
  const std::string link = directory.path() + "-link";
  ASSERT_EQ(::symlink(directory.path().c_str(), link.c_str()), 0);
  for (const char* slashes : {"", "/", "//"}) {
    directory_of_a_test::name(link + slashes);
    expect_refused({}, std::errc::not_a_directory);
    expect_refused({.path = link + slashes}, std::errc::not_a_directory);
  }
  ::unlink(link.c_str());
}

TEST(RuntimeDirectory, that_is_a_file_is_refused) {
  const directory_of_a_test directory{0700};
  const std::string file = directory.path() + "/file";
  ASSERT_EQ(::mknod(file.c_str(), S_IFREG | 0600, 0), 0);
  directory_of_a_test::name(file);
  expect_refused({}, std::errc::not_a_directory);
  ::unlink(file.c_str());
}

TEST(RuntimeDirectory, named_by_an_option_may_be_shared_with_others) {
  for (const mode_t mode : {0700u, 0770u, 0755u, 01777u}) {
    SCOPED_TRACE(mode);
    const directory_of_a_test directory{mode};
    EXPECT_EQ(runtime_directory_path({.path = directory.path()}).value(), directory.path());
    EXPECT_EQ(runtime_directory_path({.path = directory.path() + "/"}).value(), directory.path());
    EXPECT_EQ(mode_of(directory.path()), mode) << "its permissions are not ours to change";
  }
}

TEST(RuntimeDirectory, named_by_an_option_must_be_sticky_if_everybody_may_write) {
  for (const mode_t mode : {0777u, 0773u, 0702u}) {
    SCOPED_TRACE(mode);
    const directory_of_a_test directory{mode};
    expect_refused({.path = directory.path()}, std::errc::permission_denied);
  }
}

TEST(RuntimeDirectory, named_by_an_option_is_not_made) {
  const directory_of_a_test parent{0700};
  auto path = runtime_directory_path({.path = parent.path() + "/missing"});
  ASSERT_FALSE(path);
  EXPECT_TRUE(path.error() == std::errc::no_such_file_or_directory);
}

TEST(NamePlace, of_a_plain_name_is_in_the_runtime_directory_with_the_suffix) {
  const name_place place = place_of("ticks");
  EXPECT_EQ(place.leaf(), "ticks.test");
  EXPECT_EQ(place.path(), private_runtime_directory::current() + "/ticks.test");
  EXPECT_TRUE(place.in_runtime_directory());
}

TEST(NamePlace, of_a_path_is_that_path) {
  const std::string path = private_runtime_directory::current() + "/ticks";
  const name_place place = place_of(path.c_str());
  EXPECT_EQ(place.leaf(), "ticks");
  EXPECT_EQ(place.path(), path);
  EXPECT_FALSE(place.in_runtime_directory());
  EXPECT_TRUE(place.lock());
}

TEST(NamePlace, of_a_path_without_its_directory_is_an_error) {
  auto place = name_place::resolve(*channel_name::parse("/no/such/directory/x"), "");
  ASSERT_FALSE(place);
  EXPECT_TRUE(place.error() == std::errc::no_such_file_or_directory);
}

TEST(NamePlace, lock_keeps_everybody_else_out_until_it_goes) {
  const name_place place = place_of("ticks");
  const rendezvous locked;
  const rendezvous release;
  child holder{[&] {
    auto lock = place_of("other").lock();
    ASSERT_TRUE(lock);
    locked.arrive();
    release.wait();
  }};
  locked.wait();
  child second{[&] {
    auto lock = place_of("ticks").lock();
    EXPECT_TRUE(lock);
  }};
  EXPECT_TRUE(second.handle().wait_for_exit(20ms).error() == std::errc::timed_out);
  release.arrive();
  holder.wait_success();
  second.wait_success();
  EXPECT_TRUE(place.lock());
}

TEST(NamePlace, lock_is_not_shared_by_two_users_in_one_process) {
  const name_place place = place_of("ticks");
  std::optional<directory_lock> lock = place.lock().value();
  child other{[&] {
    // The child inherits our lock's description, and giving its copy up must not unlock ours.
    lock.reset();
  }};
  other.wait_success();
  lock.reset();
  EXPECT_TRUE(place.lock());
}

// F9: whoever is killed holding it keeps nobody waiting.
TEST(NamePlace, lock_of_a_killed_process_is_free) {
  const rendezvous locked;
  child holder{[&] {
    auto lock = place_of("ticks").lock();
    locked.arrive();
    for (;;) ::pause();
  }};
  locked.wait();
  holder.kill();
  EXPECT_TRUE(place_of("ticks").lock());
}

// F12: a stopped holder is alive: it is reported, never robbed.
TEST(NamePlace, lock_of_a_stopped_process_is_reported_as_stalled) {
  const rendezvous locked;
  child holder{[&] {
    auto lock = place_of("ticks").lock();
    locked.arrive();
    for (;;) ::pause();
  }};
  locked.wait();
  holder.send_signal(SIGSTOP);
  holder.wait_stopped();
  auto lock = place_of("ticks").lock();
  ASSERT_FALSE(lock);
  EXPECT_TRUE(lock.error() == errc::stalled) << lock.error().message();
  EXPECT_STRNE(lock.error().hint(), "");
  holder.kill();
  EXPECT_TRUE(place_of("ticks").lock());
}

}  // namespace
}  // namespace sluice
