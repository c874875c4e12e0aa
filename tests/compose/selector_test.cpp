// The selector itself: keys, timers, descriptors of others, fairness, and channels that go without
// being removed.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <map>
#include <set>
#include <sluice/sluice.hpp>
#include <thread>
#include <vector>

#include "support/child.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

std::set<std::uint64_t> tags_of(const result<selection>& found) {
  std::set<std::uint64_t> tags;
  if (!found) return tags;
  for (const ready& one : *found) tags.insert(one.tag);
  return tags;
}

class Selector : public ::testing::Test {
 protected:
  using tags = std::set<std::uint64_t>;
  tags now() { return tags_of(all.wait(deadline::now())); }
  selector all = selector::create().value();
};

TEST_F(Selector, without_members_waits_until_the_deadline_and_never_for_ever) {
  EXPECT_EQ(all.wait(1ms).error(), std::errc::timed_out);
  EXPECT_EQ(all.wait().error(), std::errc::resource_deadlock_would_occur);
  event one = event::create().value();
  const selector_key key = all.add_readable(one).value();
  ASSERT_TRUE(all.pause(key));
  EXPECT_EQ(all.wait().error(), std::errc::resource_deadlock_would_occur);
  EXPECT_EQ(all.size(), 1U);
  EXPECT_TRUE(all.remove(key));
  EXPECT_EQ(all.size(), 0U);
}

TEST_F(Selector, tells_by_key_and_tag_which_of_many_is_ready) {
  std::vector<event> events;
  std::map<std::uint64_t, selector_key> keys;
  for (std::uint64_t tag = 0; tag < 10; ++tag) {
    events.push_back(event::create().value());
    keys[tag] = all.add_readable(events.back(), tag).value();
  }
  ASSERT_TRUE(events[3].notify());
  ASSERT_TRUE(events[7].notify());
  EXPECT_EQ(now(), (tags{3, 7}));
  for (const ready& one : all.wait().value()) {
    EXPECT_EQ(one.key, keys[one.tag]);
    EXPECT_EQ(one.expirations, 0U);
  }
  ASSERT_TRUE(events[3].try_wait());
  EXPECT_EQ(now(), tags{7});
}

TEST_F(Selector, a_key_of_no_member_is_refused) {
  const selector_key nobody;
  EXPECT_FALSE(all.contains(nobody));
  EXPECT_FALSE(all.remove(nobody));
  EXPECT_FALSE(all.set_timer(nobody, 1ms));
  EXPECT_EQ(all.pause(nobody).error(), std::errc::invalid_argument);
  EXPECT_EQ(all.resume(nobody).error(), std::errc::invalid_argument);
}

TEST_F(Selector, whoever_is_removed_inside_the_loop_is_not_told_of_there) {
  std::vector<event> events;
  std::map<std::uint64_t, selector_key> keys;
  for (std::uint64_t tag = 0; tag < 4; ++tag) {
    events.push_back(event::create({.initial = 1}).value());
    keys[tag] = all.add_readable(events.back(), tag).value();
  }
  std::vector<std::uint64_t> seen;
  for (const ready& one : all.wait().value()) {
    seen.push_back(one.tag);
    // All others, and one that takes the place of the first of them.
    for (const auto& [tag, key] : keys) {
      if (tag != one.tag) all.remove(key);
    }
    const std::size_t other = one.tag == 0 ? 1 : 0;
    if (seen.size() == 1) all.add_readable(events[other], 100).value();
  }
  EXPECT_EQ(seen.size(), 1U);
  EXPECT_EQ(now(), (tags{seen.front(), 100}));
}

// A socket is both: told of each direction by a key of its own.
TEST_F(Selector, one_descriptor_may_be_a_member_in_both_directions) {
  std::array<int, 2> both{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both.data()), 0);
  const unique_fd mine{both[0]};
  const unique_fd other{both[1]};
  const readiness reading{.descriptor = mine.get()};
  const readiness writing{.descriptor = mine.get(), .when = direction::writable};
  const selector_key reader = all.add(reading, 1).value();
  const selector_key writer = all.add(writing, 2).value();
  EXPECT_EQ(all.add(reading).error(), std::errc::file_exists);
  EXPECT_EQ(now(), tags{2});
  ASSERT_EQ(::write(other.get(), "x", 1), 1);
  EXPECT_EQ(now(), (tags{1, 2}));
  ASSERT_TRUE(all.pause(writer));
  EXPECT_EQ(now(), tags{1});
  ASSERT_TRUE(all.resume(writer));
  EXPECT_TRUE(all.remove(reader));
  EXPECT_EQ(now(), tags{2});
  EXPECT_TRUE(all.remove(writer));
  EXPECT_TRUE(now().empty());
}

TEST_F(Selector, tells_of_an_end_until_the_member_is_removed) {
  auto made = pipe::create().value();
  const selector_key key = all.add_readable(made.reader, 1).value();
  { auto gone = std::move(made.writer); }
  EXPECT_EQ(now(), tags{1});
  std::array<std::byte, 8> buffer{};
  EXPECT_EQ(made.reader.try_read(buffer).error(), errc::closed);
  EXPECT_EQ(now(), tags{1});
  ASSERT_TRUE(all.pause(key));
  EXPECT_TRUE(now().empty()) << "an end that nobody wants to hear of";
}

TEST_F(Selector, refuses_what_cannot_be_polled) {
  const unique_fd file{::open("/proc/self/exe", O_RDONLY | O_CLOEXEC)};
  const auto refused = all.add({.descriptor = file.get()});
  EXPECT_EQ(refused.error(), std::errc::operation_not_permitted);
  EXPECT_STRNE(refused.error().hint(), "");
  EXPECT_EQ(all.add({.descriptor = -1}).error(), std::errc::bad_file_descriptor);
  EXPECT_EQ(all.add({.descriptor = 12'345}).error(), std::errc::bad_file_descriptor);
  EXPECT_EQ(all.size(), 0U);
}

TEST_F(Selector, a_member_that_went_without_being_removed_is_silent) {
  auto gone = std::optional{event::create({.initial = 1}).value()};
  const int number = gone->native_handle();
  const selector_key key = all.add_readable(*gone, 1).value();
  EXPECT_EQ(now(), tags{1});
  gone.reset();
  EXPECT_TRUE(now().empty());
  // Its number means something else now: that is a member of its own.
  event next = event::create({.initial = 1}).value();
  ASSERT_EQ(next.native_handle(), number);
  const selector_key other = all.add_readable(next, 2).value();
  EXPECT_EQ(now(), tags{2});
  EXPECT_FALSE(all.contains(key));
  EXPECT_FALSE(all.remove(key)) << "it is not to remove the new one";
  EXPECT_TRUE(all.contains(other));
  EXPECT_EQ(now(), tags{2});
}

// The kernel's list goes on telling of a closed descriptor whose description another process has.
TEST_F(Selector, a_member_that_another_process_keeps_open_makes_no_wait_spin) {
  auto gone = std::optional{event::create({.initial = 1}).value()};
  const unique_fd kept{::fcntl(gone->native_handle(), F_DUPFD_CLOEXEC, 0)};
  const int number = gone->native_handle();
  const selector_key key = all.add_readable(*gone, 1).value();
  gone.reset();
  event next = event::create().value();
  ASSERT_EQ(next.native_handle(), number);
  EXPECT_TRUE(all.remove(key));
  EXPECT_EQ(all.wait(5ms).error(), std::errc::timed_out);
  static_cast<void>(all.add_readable(next, 2).value());
  EXPECT_EQ(all.wait(5ms).error(), std::errc::timed_out);
  ASSERT_TRUE(next.notify());
  EXPECT_EQ(now(), tags{2});
}

TEST_F(Selector, takes_turns_where_more_are_ready_than_it_tells_of_at_once) {
  constexpr std::uint64_t members = 1000;
  std::vector<event> events;
  for (std::uint64_t tag = 0; tag < members; ++tag) {
    events.push_back(event::create({.initial = 1}).value());
    static_cast<void>(all.add_readable(events.back(), tag).value());
  }
  // Nobody is ever drained.
  std::map<std::uint64_t, int> told;
  int waits = 0;
  while (told.size() < members) {
    ASSERT_LT(++waits, 100) << "some are starved";
    for (const ready& one : all.wait().value()) ++told[one.tag];
  }
  for (const auto& [tag, times] : told) EXPECT_LE(times, 2);
}

TEST_F(Selector, a_busy_member_does_not_keep_a_timer_or_one_who_read_ahead_out) {
  std::vector<event> busy;
  for (int i = 0; i < 200; ++i) {
    busy.push_back(event::create({.initial = 1}).value());
    static_cast<void>(all.add_readable(busy.back(), 1).value());
  }
  static_cast<void>(all.add_timer(deadline::now(), {}, 2).value());
  auto made = pipe::create().value();
  auto sender = framed_sender<pipe_writer>::create(std::move(made.writer)).value();
  auto receiver = framed_receiver<pipe_reader>::create(std::move(made.reader)).value();
  ASSERT_TRUE(sender.try_send(bytes_of("one")) && sender.try_send(bytes_of("two")));
  std::array<std::byte, 16> buffer{};
  ASSERT_TRUE(receiver.try_receive(buffer));
  static_cast<void>(all.add_readable(receiver, 3).value());
  EXPECT_EQ(now(), (tags{1, 2, 3}));
}

TEST_F(Selector, belongs_to_the_process_that_made_it) {
  event one = event::create({.initial = 1}).value();
  const selector_key key = all.add_readable(one, 1).value();
  const selector_key timer = all.add_timer(deadline::never(), {}, 2).value();
  child forked{[&] {
    EXPECT_EQ(all.wait(deadline::now()).error(), std::errc::operation_not_permitted);
    EXPECT_EQ(all.add_readable(one).error(), std::errc::operation_not_permitted);
    EXPECT_EQ(all.add_timer(1ms).error(), std::errc::operation_not_permitted);
    EXPECT_FALSE(all.set_timer(timer, deadline::now()));
    EXPECT_EQ(all.pause(key).error(), std::errc::operation_not_permitted);
    EXPECT_EQ(all.resume(key).error(), std::errc::operation_not_permitted);
    EXPECT_TRUE(all.remove(key)) << "from the child's copy alone";
    EXPECT_EQ(all.size(), 1U);
  }};
  forked.wait_success();
  EXPECT_EQ(now(), tags{1});
  EXPECT_TRUE(all.set_timer(timer, deadline::now()));
  EXPECT_EQ(now(), (tags{1, 2}));
}

TEST_F(Selector, may_be_moved) {
  event one = event::create({.initial = 1}).value();
  static_cast<void>(all.add_readable(one, 1).value());
  selector elsewhere = std::move(all);
  EXPECT_EQ(tags_of(elsewhere.wait()), tags{1});
}

TEST_F(Selector, another_thread_wakes_it_by_an_event) {
  event wake = event::create().value();
  static_cast<void>(all.add_readable(wake, 1).value());
  std::jthread other{[&] { ASSERT_TRUE(wake.notify()); }};
  EXPECT_EQ(tags_of(all.wait(deadline{patience})), tags{1});
}

TEST_F(Selector, a_stop_signal_and_the_end_of_a_process_are_members) {
  auto stop = stop_signal::create().value();
  static_cast<void>(all.add_readable(stop, 1).value());
  EXPECT_TRUE(now().empty());
  ASSERT_TRUE(signal_sender::to_self().send(SIGTERM));
  EXPECT_EQ(tags_of(all.wait(deadline{patience})), tags{1});
  ASSERT_TRUE(stop.try_wait());
  EXPECT_TRUE(now().empty());
  auto ending = process::fork([] { return 0; }).value();
  static_cast<void>(all.add_readable(ending, 2).value());
  EXPECT_EQ(tags_of(all.wait(deadline{patience})), tags{2});
  EXPECT_TRUE(ending.wait().value().success());
}

// Whoever has no descriptor is looked at every so often, and drained as the others are.
TEST_F(Selector, a_system_v_queue_is_looked_at_every_so_often) {
  auto queue = system_v_queue::create_private().value();
  auto sender = system_v_queue_sender::over(queue).value();
  auto receiver = system_v_queue_receiver::over(queue).value();
  EXPECT_EQ(all.add_looking_every(0ms, receiver).error(), std::errc::invalid_argument);
  static_cast<void>(all.add_looking_every(2ms, receiver, 1).value());
  int received = 0;
  std::array<std::byte, 16> buffer{};
  while (received < 5) {
    ASSERT_TRUE(sender.try_send(bytes_of("message")));
    ASSERT_EQ(tags_of(all.wait(deadline{patience})), tags{1});
    while (receiver.try_receive(buffer)) ++received;
  }
}

}  // namespace
}  // namespace sluice::test
