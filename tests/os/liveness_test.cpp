#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sluice/os/liveness.hpp>
#include <string>
#include <utility>
#include <vector>

#include "os/slot_file.hpp"
#include "support/another_user.hpp"
#include "support/child.hpp"

namespace sluice {
namespace {

using test::attach;
using test::child;
using test::failed_with;
using test::rendezvous;
using test::slot_file;

void expect_refused(const result<liveness>& made, std::errc code) {
  ASSERT_FALSE(made);
  EXPECT_TRUE(failed_with(made, code)) << made.error().message();
  EXPECT_STRNE(made.error().hint(), "") << made.error().message();
}

void expect_lost(liveness& handle) {
  for (int again = 0; again < 2; ++again) {
    EXPECT_TRUE(failed_with(handle.check(), std::errc::bad_file_descriptor));
    EXPECT_TRUE(failed_with(handle.try_hold(1), std::errc::bad_file_descriptor));
    EXPECT_TRUE(failed_with(handle.let_go(1), std::errc::bad_file_descriptor));
    EXPECT_TRUE(failed_with(handle.is_held_by_others(1), std::errc::bad_file_descriptor));
  }
  const auto lost = handle.check();
  ASSERT_FALSE(lost);
  EXPECT_STRNE(lost.error().hint(), "");
  EXPECT_EQ(handle.native_handle(), -1);
}

TEST(Liveness, two_handles_of_one_process_exclude_each_other) {
  const unique_fd file = slot_file();
  liveness first = attach(file);
  liveness second = attach(file);
  EXPECT_TRUE(first.try_hold(1).value());
  EXPECT_TRUE(first.try_hold(1).value()) << "it has it already";
  EXPECT_FALSE(second.try_hold(1).value());
  EXPECT_TRUE(second.try_hold(2).value()) << "another slot is another matter";
  EXPECT_TRUE(second.is_held_by_others(1).value());
  EXPECT_FALSE(first.is_held_by_others(1).value()) << "one's own slot is not another's";
}

TEST(Liveness, slot_is_free_when_it_is_let_go_and_when_its_handle_goes) {
  const unique_fd file = slot_file();
  liveness watcher = attach(file);
  {
    liveness first = attach(file);
    ASSERT_TRUE(first.try_hold(1).value());
    ASSERT_TRUE(first.try_hold(0xffff'ffff).value());
    ASSERT_TRUE(first.let_go(1));
    EXPECT_TRUE(first.let_go(1)) << "nothing happens";
    EXPECT_FALSE(watcher.is_held_by_others(1).value());
    EXPECT_TRUE(watcher.is_held_by_others(0xffff'ffff).value());
    EXPECT_TRUE(watcher.let_go(0xffff'ffff)) << "what is another's stays another's";
    EXPECT_FALSE(watcher.try_hold(0xffff'ffff).value());
  }
  EXPECT_TRUE(watcher.try_hold(0xffff'ffff).value());
}

TEST(Liveness, handle_that_is_moved_keeps_its_slots) {
  const unique_fd file = slot_file();
  liveness watcher = attach(file);
  liveness first = attach(file);
  ASSERT_TRUE(first.try_hold(1).value());
  liveness second{std::move(first)};
  EXPECT_TRUE(watcher.is_held_by_others(1).value());
  liveness third = attach(file);
  ASSERT_TRUE(third.try_hold(2).value());
  third = std::move(second);
  EXPECT_TRUE(watcher.is_held_by_others(1).value());
  EXPECT_FALSE(watcher.is_held_by_others(2).value());
  EXPECT_TRUE(third.check());
}

TEST(Liveness, locks_of_data_and_slots_do_not_meet) {
  const unique_fd file = slot_file();
  struct flock data {};
  data.l_type = F_WRLCK;
  data.l_len = off_t{1} << 61;
  ASSERT_EQ(::fcntl(file.get(), F_OFD_SETLK, &data), 0);
  liveness mine = attach(file);
  EXPECT_TRUE(mine.try_hold(0).value());
}

TEST(Liveness, description_that_was_handed_over_keeps_the_slots_that_it_holds) {
  const unique_fd file = slot_file();
  liveness watcher = attach(file);
  liveness giver = attach(file);
  ASSERT_TRUE(giver.try_hold(1).value());
  unique_fd description = std::move(giver).release_handle();
  ASSERT_EQ(::fcntl(description.get(), F_SETFD, 0), 0);
  auto taker = liveness::from_native(std::move(description));
  ASSERT_TRUE(taker);
  EXPECT_EQ(::fcntl(taker->native_handle(), F_GETFD), FD_CLOEXEC);
  EXPECT_TRUE(taker->check());
  EXPECT_TRUE(watcher.is_held_by_others(1).value());
  EXPECT_TRUE(taker->let_go(1));
  EXPECT_FALSE(watcher.is_held_by_others(1).value());
}

TEST(Liveness, refuses_descriptors_that_are_not_open) {
  for (const int number : {-1, 100'000}) {
    EXPECT_TRUE(failed_with(liveness::open(number), std::errc::bad_file_descriptor));
    EXPECT_TRUE(
        failed_with(liveness::from_native(unique_fd{number}), std::errc::bad_file_descriptor));
  }
}

TEST(Liveness, refuses_descriptors_that_are_not_for_reading_and_writing_a_file) {
  const unique_fd file = slot_file();
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  for (const int mode : {O_RDONLY, O_WRONLY, O_PATH}) {
    const unique_fd other{::open(path.c_str(), mode | O_CLOEXEC)};
    expect_refused(liveness::open(other.get()), std::errc::invalid_argument);
    expect_refused(liveness::from_native(unique_fd{::dup(other.get())}),
                   std::errc::invalid_argument);
  }
  for (const auto& [where, mode] : {std::pair{"/dev/null", O_RDWR}, std::pair{"/", O_RDONLY}}) {
    unique_fd other{::open(where, mode | O_CLOEXEC)};
    expect_refused(liveness::open(other.get()), std::errc::invalid_argument);
    expect_refused(liveness::from_native(std::move(other)), std::errc::invalid_argument);
  }
}

TEST(Liveness, of_a_file_that_may_not_be_opened_is_handed_over_instead) {
  if (!test::may_change_user()) GTEST_SKIP() << "only root can become another user";
  const unique_fd file = slot_file();
  ASSERT_EQ(::fchmod(file.get(), 0600), 0);
  liveness watcher = attach(file);
  unique_fd description{
      ::open(("/proc/self/fd/" + std::to_string(file.get())).c_str(), O_RDWR | O_CLOEXEC)};
  const rendezvous holds;
  const rendezvous seen;
  child other{[&] {
    test::as_nobody([&] {
      expect_refused(liveness::open(file.get()), std::errc::permission_denied);
      auto mine = liveness::from_native(std::move(description));
      ASSERT_TRUE(mine) << mine.error().message();
      ASSERT_TRUE(mine->try_hold(1).value());
      holds.arrive();
      seen.wait();
    });
  }};
  holds.wait();
  EXPECT_TRUE(watcher.is_held_by_others(1).value());
  seen.arrive();
  other.wait_success();
}

// F14: a zombie is dead, and the lock says so before anybody reaps it.
// F12, F13: who is stopped lives, however long.
// F15: process numbers mean nothing across PID namespaces, and locks do.
// F16: the child keeps every descriptor and mapping, and not the proof that its parent lives.
// F16: what the child inherits refuses, and the child attaches anew.
// A copy that a child has not closed yet, or never closes, delays the news of a death, and not that
// of an orderly end.
TEST(Liveness, slot_of_a_handle_that_goes_is_free_whoever_keeps_a_copy_of_its_descriptor) {
  const unique_fd file = slot_file();
  liveness watcher = attach(file);
  auto mine = liveness::open(file.get());
  ASSERT_TRUE(mine);
  ASSERT_TRUE(mine->try_hold(1).value());
  const unique_fd copy{::fcntl(mine->native_handle(), F_DUPFD_CLOEXEC, 0)};
  mine = failure{std::errc::invalid_argument, "test"};
  EXPECT_TRUE(watcher.try_hold(1).value());
}

// A child that came about without at-fork handlers shares the description: it may neither use the
// slots nor, when it drops its copy of the handle, take them away from its parent.
// F17: locks of the old kind are gone when any descriptor of the file is closed, by whomever.
TEST(Liveness, slot_outlives_other_descriptors_of_the_file) {
  unique_fd file = slot_file();
  liveness watcher = attach(file);
  liveness mine = attach(file);
  ASSERT_TRUE(mine.try_hold(1).value());
  ::close(::open(("/proc/self/fd/" + std::to_string(file.get())).c_str(), O_RDWR | O_CLOEXEC));
  file.reset();
  EXPECT_TRUE(watcher.is_held_by_others(1).value());
  EXPECT_TRUE(mine.check());
}

// F17: unrelated code closed our descriptor.
TEST(Liveness, handle_whose_descriptor_was_closed_by_others_says_so_for_ever) {
  const unique_fd file = slot_file();
  liveness mine = attach(file);
  ASSERT_TRUE(mine.try_hold(1).value());
  ::close(mine.native_handle());
  EXPECT_TRUE(failed_with(mine.is_held_by_others(1), std::errc::bad_file_descriptor));
  expect_lost(mine);
}

// F17: and the number was given to another file, to the same file, or to another handle.
TEST(Liveness, handle_touches_nothing_that_got_the_number_of_its_lost_descriptor) {
  const unique_fd file = slot_file();
  const std::string path = "/proc/self/fd/" + std::to_string(file.get());
  for (const std::string& where : {std::string{"/dev/null"}, path}) {
    unique_fd foreign;
    {
      liveness asked = attach(file);
      liveness dropped = attach(file);
      liveness forked = attach(file);
      std::vector<unique_fd> others;
      for (const liveness* one : {&asked, &dropped, &forked}) {
        ::close(one->native_handle());
        others.emplace_back(::open(where.c_str(), O_RDWR | O_CLOEXEC));
        ASSERT_EQ(others.back().get(), one->native_handle()) << "the number is the lowest one";
      }
      expect_lost(asked);
      child one{[&] { EXPECT_NE(::fcntl(others[2].get(), F_GETFD), -1); }};
      one.wait_success();
      foreign = std::move(others[1]);
    }
    EXPECT_NE(::fcntl(foreign.get(), F_GETFD), -1) << "it was closed by a handle";
  }
}

// F17: the description was handed over, so its file alone tells.
TEST(Liveness, adopted_handle_recognises_that_its_number_leads_to_another_file) {
  unique_fd description = slot_file();
  const int number = description.get();
  auto mine = liveness::from_native(std::move(description));
  ASSERT_TRUE(mine);
  ASSERT_TRUE(mine->check());
  ::close(number);
  const unique_fd other = slot_file();
  ASSERT_EQ(other.get(), number) << "the number is the lowest one";
  expect_lost(*mine);
}

TEST(Liveness, handle_that_got_the_number_of_a_lost_one_keeps_its_slots) {
  const unique_fd file = slot_file();
  liveness watcher = attach(file);
  auto first = liveness::open(file.get());
  ASSERT_TRUE(first);
  ::close(first->native_handle());
  liveness second = attach(file);
  ASSERT_EQ(second.native_handle(), first->native_handle()) << "the number is the lowest one";
  ASSERT_TRUE(second.try_hold(1).value());
  expect_lost(*first);
  first = failure{std::errc::invalid_argument, "test"};
  EXPECT_TRUE(second.check());
  EXPECT_TRUE(watcher.is_held_by_others(1).value());
}

// F18: slots belong to the handle, and not to the thread that took them.
// F19: exec ends what the process was, and takes no descriptor along.
// A fork in one thread, at any moment of making and dropping handles in others: no child has a
// description that it did not close, and nobody waits for ever.
}  // namespace
}  // namespace sluice
