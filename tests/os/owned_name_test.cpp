#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <sluice/base/name.hpp>
#include <sluice/os/owned_name.hpp>
#include <string>
#include <type_traits>
#include <utility>

#include "support/child.hpp"
#include "support/runtime_directory.hpp"

namespace sluice {
namespace {

using test::child;

static_assert(!std::is_copy_constructible_v<owned_name>);

class OwnedName : public testing::Test {
 protected:
  static name_place place() {
    return name_place::resolve(*channel_name::parse("thing"), ".thing").value();
  }
  static std::string path() { return test::private_runtime_directory::current() + "/thing.thing"; }

  // A file under the name; the identity of what is there now.
  static file_identity make_file() {
    const unique_fd file{::open(path().c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600)};
    EXPECT_TRUE(file);
    struct stat found {};
    EXPECT_EQ(::fstat(file.get(), &found), 0);
    return {.device = found.st_dev, .inode = found.st_ino};
  }
  static bool exists() { return ::access(path().c_str(), F_OK) == 0; }
  // The old file is kept elsewhere meanwhile, so that the new one cannot get its inode.
  static void replace_file() {
    ASSERT_EQ(::rename(path().c_str(), (path() + ".old").c_str()), 0);
    make_file();
    ASSERT_EQ(::unlink((path() + ".old").c_str()), 0);
  }
};

TEST_F(OwnedName, is_unlinked_with_its_owner) {
  {
    const owned_name name{place(), make_file()};
    EXPECT_EQ(name.path(), path());
    EXPECT_TRUE(exists());
  }
  EXPECT_FALSE(exists());
}

TEST_F(OwnedName, is_unlinked_on_request_and_then_owned_no_more) {
  owned_name name{place(), make_file()};
  EXPECT_TRUE(name.unlink());
  EXPECT_FALSE(exists());
  make_file();
  auto again = name.unlink();
  ASSERT_FALSE(again);
  EXPECT_TRUE(again.error() == errc::removed);
  EXPECT_TRUE(exists());
  ::unlink(path().c_str());
}

TEST_F(OwnedName, that_persists_stays) {
  {
    owned_name name{place(), make_file()};
    name.persist();
    EXPECT_FALSE(name.is_intact().value());
    EXPECT_TRUE(name.unlink().error() == errc::removed);
  }
  EXPECT_TRUE(exists());
  ::unlink(path().c_str());
}

TEST_F(OwnedName, that_leads_to_another_object_by_now_is_left_alone) {
  owned_name name{place(), make_file()};
  EXPECT_TRUE(name.is_intact().value());
  replace_file();
  EXPECT_FALSE(name.is_intact().value());
  EXPECT_TRUE(name.unlink().error() == errc::removed);
  EXPECT_TRUE(exists());
  ::unlink(path().c_str());
}

TEST_F(OwnedName, of_a_replaced_object_is_left_alone_by_the_destructor) {
  {
    const owned_name name{place(), make_file()};
    replace_file();
  }
  EXPECT_TRUE(exists());
  ::unlink(path().c_str());
}

// F26: somebody deleted it under us.
TEST_F(OwnedName, that_is_gone_is_told) {
  owned_name name{place(), make_file()};
  ::unlink(path().c_str());
  EXPECT_FALSE(name.is_intact().value());
  auto unlinked = name.unlink();
  ASSERT_FALSE(unlinked);
  EXPECT_TRUE(unlinked.error() == errc::removed);
  EXPECT_STRNE(unlinked.error().hint(), "");
}

// F16: the name is the parent's.
TEST_F(OwnedName, is_not_unlinked_by_a_forked_child) {
  std::optional<owned_name> name{std::in_place, place(), make_file()};
  child copy{[&] { name.reset(); }};
  copy.wait_success();
  EXPECT_TRUE(exists());
}

TEST_F(OwnedName, moves_with_its_duty) {
  owned_name first{place(), make_file()};
  {
    const owned_name second{std::move(first)};
    EXPECT_EQ(second.path(), path());
  }
  EXPECT_FALSE(exists());
  make_file();                                           // no longer anybody's
  EXPECT_TRUE(first.unlink().error() == errc::removed);  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(exists());
  ::unlink(path().c_str());
}

TEST_F(OwnedName, follows_its_directory_when_that_is_renamed) {
  const std::string moved = test::private_runtime_directory::current() + "-moved";
  {
    const owned_name name{place(), make_file()};
    ASSERT_EQ(::rename(test::private_runtime_directory::current().c_str(), moved.c_str()), 0);
  }
  EXPECT_NE(::access((moved + "/thing.thing").c_str(), F_OK), 0);
  ASSERT_EQ(::rename(moved.c_str(), test::private_runtime_directory::current().c_str()), 0);
}

}  // namespace
}  // namespace sluice
