#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <sluice/os/unique_fd.hpp>
#include <type_traits>
#include <utility>

namespace sluice {
namespace {

static_assert(!std::is_copy_constructible_v<unique_fd> && !std::is_copy_assignable_v<unique_fd>);
static_assert(std::is_nothrow_move_constructible_v<unique_fd>);
static_assert(!std::is_convertible_v<int, unique_fd>);  // taking over is said, not guessed
static_assert(!std::is_convertible_v<unique_fd, bool>);

int some_fd() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(UniqueFd, closes_what_it_owns) {
  const int fd = some_fd();
  {
    const unique_fd owner{fd};
    EXPECT_TRUE(owner);
    EXPECT_EQ(owner.get(), fd);
  }
  EXPECT_FALSE(is_open(fd));
}

TEST(UniqueFd, by_default_owns_nothing) {
  const unique_fd nothing;
  EXPECT_FALSE(nothing);
  EXPECT_EQ(nothing.get(), -1);
}

TEST(UniqueFd, hands_its_descriptor_over_when_moved) {
  unique_fd first{some_fd()};
  const int fd = first.get();
  unique_fd second{std::move(first)};
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): that it is empty is the promise
  EXPECT_EQ(second.get(), fd);
  EXPECT_TRUE(is_open(fd));
}

TEST(UniqueFd, closes_the_old_descriptor_when_assigned_to) {
  unique_fd first{some_fd()};
  unique_fd second{some_fd()};
  const int old = second.get();
  const int kept = first.get();
  second = std::move(first);
  EXPECT_FALSE(is_open(old));
  EXPECT_EQ(second.get(), kept);
  EXPECT_TRUE(is_open(kept));
}

TEST(UniqueFd, survives_assignment_to_itself) {
  unique_fd owner{some_fd()};
  unique_fd& alias = owner;
  owner = std::move(alias);
  EXPECT_TRUE(is_open(owner.get()));
}

TEST(UniqueFd, release_gives_ownership_up) {
  unique_fd owner{some_fd()};
  const int fd = owner.release();
  EXPECT_FALSE(owner);
  EXPECT_TRUE(is_open(fd));
  ::close(fd);
}

TEST(UniqueFd, reset_closes_once) {
  unique_fd owner{some_fd()};
  const int fd = owner.get();
  owner.reset();
  EXPECT_FALSE(is_open(fd));
  const unique_fd reused{some_fd()};  // the same number again, most likely
  owner.reset();
  EXPECT_TRUE(is_open(reused.get()));
}

TEST(UniqueFd, duplicate_shares_the_description_and_closes_on_exec) {
  const unique_fd first{some_fd()};
  auto second = first.duplicate();
  ASSERT_TRUE(second);
  EXPECT_NE(second->get(), first.get());
  EXPECT_EQ(::fcntl(second->get(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  ASSERT_EQ(::fcntl(first.get(), F_SETFL, O_NONBLOCK), 0);
  EXPECT_NE(::fcntl(second->get(), F_GETFL) & O_NONBLOCK, 0);
}

TEST(UniqueFd, duplicate_of_nothing_is_an_error) {
  auto copy = unique_fd{}.duplicate();
  ASSERT_FALSE(copy);
  EXPECT_TRUE(copy.error() == std::errc::bad_file_descriptor);
}

}  // namespace
}  // namespace sluice
