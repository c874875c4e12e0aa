#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <array>
#include <sluice/channel/pipe.hpp>
#include <sluice/os/poll_watch.hpp>
#include <sluice/primitive/event.hpp>
#include <vector>

namespace sluice {
namespace {

bool is_readable(const poll_watch& watch) {
  pollfd one{.fd = watch.native_handle(), .events = POLLIN, .revents = 0};
  return ::poll(&one, 1, 0) == 1 && one.revents == POLLIN;
}

TEST(PollWatch, is_readable_while_the_other_can_be_read) {
  auto other = event::create().value();
  const auto watch = poll_watch::create(other.native_handle(), direction::readable).value();
  EXPECT_FALSE(is_readable(watch));
  ASSERT_TRUE(other.notify());
  EXPECT_TRUE(is_readable(watch));
  EXPECT_TRUE(is_readable(watch)) << "nothing was taken";
  ASSERT_TRUE(other.try_wait());
  EXPECT_FALSE(is_readable(watch));
}

TEST(PollWatch, is_readable_while_the_other_can_be_written) {
  auto both = pipe::create().value();
  const auto watch = poll_watch::create(both.writer.native_handle(), direction::writable).value();
  EXPECT_TRUE(is_readable(watch));
  const std::vector<std::byte> much(1 << 20);
  while (both.writer.try_write(much)) continue;
  EXPECT_FALSE(is_readable(watch));
  std::vector<std::byte> room(1 << 20);
  while (both.reader.try_read(room)) continue;
  EXPECT_TRUE(is_readable(watch));
}

TEST(PollWatch, is_readable_when_the_other_has_an_end_to_tell_of) {
  auto both = pipe::create().value();
  const auto reads = poll_watch::create(both.reader.native_handle(), direction::readable).value();
  { auto gone = std::move(both.writer); }
  EXPECT_TRUE(is_readable(reads));

  auto full = pipe::create().value();
  const std::vector<std::byte> much(1 << 20);
  while (full.writer.try_write(much)) continue;
  const auto writes = poll_watch::create(full.writer.native_handle(), direction::writable).value();
  EXPECT_FALSE(is_readable(writes));
  { auto gone = std::move(full.reader); }
  EXPECT_TRUE(is_readable(writes));
}

TEST(PollWatch, goes_on_with_another_one_in_the_place_of_the_first) {
  auto first = event::create().value();
  auto second = event::create().value();
  auto watch = poll_watch::create(first.native_handle(), direction::readable).value();
  ASSERT_TRUE(watch.add(second.native_handle(), direction::readable));
  EXPECT_FALSE(is_readable(watch));
  ASSERT_TRUE(first.notify());
  EXPECT_TRUE(is_readable(watch)) << "both are watched";
  watch.remove(first.native_handle());
  EXPECT_FALSE(is_readable(watch)) << "the first no more";
  ASSERT_TRUE(second.notify());
  EXPECT_TRUE(is_readable(watch));
}

// Whoever else has the description open is not to notice what an event loop does to its own.
TEST(PollWatch, has_an_open_description_of_its_own) {
  auto both = pipe::create().value();
  const int before = ::fcntl(both.reader.native_handle(), F_GETFL);
  const auto watch = poll_watch::create(both.reader.native_handle(), direction::readable).value();
  ASSERT_EQ(::fcntl(watch.native_handle(), F_SETFL, O_NONBLOCK), 0);
  EXPECT_EQ(::fcntl(both.reader.native_handle(), F_GETFL), before);
  EXPECT_EQ(::fcntl(watch.native_handle(), F_GETFD), FD_CLOEXEC);
}

TEST(PollWatch, of_what_cannot_be_polled_is_refused) {
  const unique_fd file{::open("/proc/self/maps", O_RDONLY | O_CLOEXEC)};
  EXPECT_EQ(poll_watch::create(file.get(), direction::readable).error(),
            std::errc::operation_not_permitted);
}

}  // namespace
}  // namespace sluice
