#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <sluice/channel/ring_channel.hpp>
#include <string>
#include <vector>

#include "support/another_user.hpp"
#include "support/asleep.hpp"
#include "support/child.hpp"
#include "support/forbidden_system_calls.hpp"
#include "support/runtime_directory.hpp"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::as_nobody;
using test::child;
using test::patience;
using test::rendezvous;

std::string path_of(const std::string& name) {
  return test::private_runtime_directory::current() + "/" + name + ".ring";
}
bool exists(const std::string& name) { return ::access(path_of(name).c_str(), F_OK) == 0; }

std::string next(ring_receiver& receiver) {
  auto got = receive_message(receiver, deadline{patience});
  return got ? std::string{text_of(*got)} : got.error().message();
}

class RingChannel : public testing::Test {
 protected:
  ring_channel ring = ring_channel::create_anonymous({.capacity_bytes = 4096}).value();
};

TEST_F(RingChannel, hands_messages_over_in_place_and_by_copy) {
  auto sender = ring_sender::attach(ring).value();
  auto receiver = ring_receiver::attach(ring).value();
  ASSERT_TRUE(sender.try_send(bytes_of("copied")));
  {
    auto window = sender.try_claim(100).value();
    copy_bytes(bytes_of("written here"), window.bytes());
    window.commit(12);
  }
  static_cast<void>(sender.try_claim(100).value());  // and given up
  EXPECT_EQ(next(receiver), "copied");
  {
    auto view = receiver.try_peek().value();
    EXPECT_EQ(text_of(view.bytes()), "written here");
    view.put_back();
  }
  EXPECT_EQ(next(receiver), "written here");
  EXPECT_TRUE(would_block(receiver.try_peek().error()));
  EXPECT_EQ(sender.counters().sent, 2U);
  EXPECT_EQ(sender.counters().received, 2U);
}

TEST_F(RingChannel, a_loop_drains_what_is_there) {
  auto sender = ring_sender::attach(ring).value();
  auto receiver = ring_receiver::attach(ring).value();
  for (const char* text : {"a", "b", "c"}) ASSERT_TRUE(sender.try_send(bytes_of(text)));
  std::string all;
  for (ring_view& message : receiver.drain()) all += text_of(message.bytes());
  EXPECT_EQ(all, "abc");
}

TEST_F(RingChannel, staged_messages_appear_together) {
  auto sender = ring_sender::attach(ring).value();
  auto receiver = ring_receiver::attach(ring).value();
  ASSERT_TRUE(sender.try_stage(bytes_of("one")));
  ASSERT_TRUE(sender.try_stage(bytes_of("two")));
  EXPECT_TRUE(would_block(receiver.next_size().error()));
  sender.publish();
  EXPECT_EQ(next(receiver), "one");
  EXPECT_EQ(next(receiver), "two");
  ASSERT_TRUE(sender.try_stage(bytes_of("never")));
  sender.discard_staged();
  sender.publish();
  EXPECT_TRUE(would_block(receiver.next_size().error()));
}

TEST_F(RingChannel, each_role_is_taken_once_and_free_again_when_its_holder_leaves_or_dies) {
  auto sender = std::optional{ring_sender::attach(ring).value()};
  EXPECT_EQ(ring_sender::attach(ring).error(), std::errc::device_or_resource_busy);
  sender.reset();
  rendezvous attached;
  child other{[&] {
    auto mine = ring_sender::attach(ring).value();
    EXPECT_TRUE(mine.try_send(bytes_of("last words")));
    attached.arrive();
    for (;;) ::pause();
  }};
  attached.wait();
  EXPECT_EQ(ring_sender::attach(ring).error(), std::errc::device_or_resource_busy);
  other.send_signal(SIGSTOP);  // F12: a stopped process lives
  other.wait_stopped();
  EXPECT_EQ(ring_sender::attach(ring).error(), std::errc::device_or_resource_busy);
  other.kill();
  auto successor = ring_sender::attach(ring).value();
  ASSERT_TRUE(successor.try_send(bytes_of("first words")));
  auto receiver = ring_receiver::attach(ring).value();
  EXPECT_EQ(next(receiver), "last words");
  EXPECT_EQ(next(receiver), "first words");
}

TEST_F(RingChannel, an_inherited_end_refuses_and_the_child_attaches_anew) {
  // F16
  auto sender = std::optional{ring_sender::attach(ring).value()};
  auto receiver = ring_receiver::attach(ring).value();
  ASSERT_TRUE(sender->try_send(bytes_of("parent")));
  const rendezvous refused;
  const rendezvous given_up;
  child other{[&] {
    EXPECT_EQ(sender->try_send(bytes_of("no")).error(), std::errc::operation_not_permitted);
    EXPECT_EQ(sender->try_claim(1).error(), std::errc::operation_not_permitted);
    EXPECT_EQ(sender->wait_writable(1s).error(), std::errc::operation_not_permitted);
    EXPECT_EQ(receiver.next_size().error(), std::errc::operation_not_permitted);
    EXPECT_EQ(receiver.wait_readable(1s).error(), std::errc::operation_not_permitted);
    EXPECT_EQ(sender->attach().error(), std::errc::device_or_resource_busy);
    refused.arrive();
    given_up.wait();
    auto attached = sender->attach();
    ASSERT_TRUE(attached) << attached.error().message();
    EXPECT_TRUE(sender->try_send(bytes_of("child")));
    sender.reset();
  }};
  refused.wait();
  sender.reset();
  given_up.arrive();
  other.wait_success();
  EXPECT_EQ(next(receiver), "parent");
  EXPECT_EQ(next(receiver), "child");
  EXPECT_EQ(receiver.next_size().error(), errc::closed);
}

TEST_F(RingChannel, a_killed_sender_is_told_once_and_then_the_end) {
  auto receiver = ring_receiver::attach(ring).value();
  rendezvous attached;
  child other{[&] {
    auto sender = ring_sender::attach(ring).value();
    EXPECT_TRUE(sender.try_send(bytes_of("before")));
    attached.arrive();
    for (;;) ::pause();
  }};
  attached.wait();
  EXPECT_EQ(receiver.peer().value(), ring_presence::alive);
  other.kill();
  EXPECT_EQ(receiver.peer().value(), ring_presence::died);
  EXPECT_EQ(next(receiver), "before");
  std::byte one{};
  EXPECT_EQ(receiver.receive({&one, 1}).error(), std::errc::connection_reset);
  EXPECT_EQ(receiver.receive({&one, 1}).error(), errc::closed);
}

TEST_F(RingChannel, a_sender_that_ends_without_leaving_is_told_as_one_that_was_killed) {
  // F20: however a process ends.
  auto receiver = ring_receiver::attach(ring).value();
  for (void (*const end)() : {+[] { std::_Exit(0); }, +[] { std::abort(); },
                              +[] { static_cast<void>(::raise(SIGSEGV)); }}) {
    child other{[&] {
      ::signal(SIGABRT, SIG_DFL);
      ::signal(SIGSEGV, SIG_DFL);
      const rlimit no_core{};
      ASSERT_EQ(::setrlimit(RLIMIT_CORE, &no_core), 0);
      auto sender = ring_sender::attach(ring).value();
      EXPECT_TRUE(sender.try_send(bytes_of("last words")));
      end();
    }};
    static_cast<void>(other.wait());
    EXPECT_EQ(next(receiver), "last words");
    std::byte one{};
    EXPECT_EQ(receiver.receive({&one, 1}).error(), std::errc::connection_reset);
    EXPECT_EQ(receiver.receive({&one, 1}).error(), errc::closed);
  }
}

TEST_F(RingChannel, a_sleeping_receiver_notices_a_death_within_the_cap) {
  // F2
  auto receiver = ring_receiver::attach(ring, {.wait = {.longest_sleep = 20ms}}).value();
  rendezvous attached;
  const pid_t us = test::this_thread_id();
  child other{[&] {
    auto sender = ring_sender::attach(ring).value();
    attached.arrive();
    test::wait_until_asleep(us);
    std::_Exit(0);
  }};
  attached.wait();
  std::byte one{};
  EXPECT_EQ(receiver.receive({&one, 1}, deadline{patience}).error(), std::errc::connection_reset);
  other.wait_success();
}

TEST_F(RingChannel, says_what_it_does_when_full) {
  // F47
  for (const ring_full policy : {ring_full::block, ring_full::fail, ring_full::drop_newest}) {
    auto small =
        ring_channel::create_anonymous({.capacity_bytes = 4096, .when_full = policy}).value();
    auto sender = ring_sender::attach(small).value();
    auto receiver = ring_receiver::attach(small).value();
    std::vector<std::byte> message(900);
    result<void> outcome;
    while (outcome && sender.counters().dropped == 0) outcome = sender.try_send(message);
    EXPECT_EQ(sender.counters().sent, 4U);
    EXPECT_GE(sender.counters().full, 1U);
    if (policy == ring_full::block) {
      EXPECT_TRUE(would_block(outcome.error()));
      EXPECT_EQ(sender.send(message, 1ms).error(), std::errc::timed_out);
    } else if (policy == ring_full::fail) {
      EXPECT_EQ(outcome.error(), std::errc::no_buffer_space);
      EXPECT_EQ(sender.send(message).error(), std::errc::no_buffer_space);
    } else {
      EXPECT_TRUE(outcome);
      EXPECT_EQ(sender.try_claim(900).error(), std::errc::no_buffer_space);
      EXPECT_EQ(receiver.counters().dropped, 2U);
    }
  }
}

TEST_F(RingChannel, refuses_messages_above_the_maximum_and_buffers_that_are_too_small) {
  auto sender = ring_sender::attach(ring).value();
  auto receiver = ring_receiver::attach(ring).value();
  EXPECT_EQ(sender.max_message_bytes(), 2040U);
  EXPECT_EQ(sender.try_send(std::vector<std::byte>(2041)).error(), std::errc::message_size);
  ASSERT_TRUE(sender.try_send(std::vector<std::byte>(2040)));
  std::vector<std::byte> buffer(2040);
  EXPECT_EQ(receiver.try_receive(mutable_bytes{buffer}.first(2039)).error(),
            std::errc::no_buffer_space);
  EXPECT_EQ(receiver.next_size().value(), 2040U);
  EXPECT_EQ(receiver.try_receive(buffer).value(), 2040U);
}

TEST_F(RingChannel, waits_for_a_peer) {
  auto sender = ring_sender::attach(ring).value();
  EXPECT_EQ(sender.peer().value(), ring_presence::nobody);
  EXPECT_EQ(sender.wait_for_peer(1ms).error(), std::errc::timed_out);
  const pid_t us = test::this_thread_id();
  const rendezvous seen;
  child other{[&] {
    test::wait_until_asleep(us);
    auto receiver = ring_receiver::attach(ring).value();
    seen.wait();
  }};
  EXPECT_TRUE(sender.wait_for_peer(deadline{patience}));
  seen.arrive();
  other.wait_success();
  EXPECT_EQ(sender.peer().value(), ring_presence::left);
  EXPECT_EQ(sender.try_send({}).error(), std::errc::broken_pipe);
}

TEST_F(RingChannel, makes_no_system_call_for_a_message_while_nobody_sleeps) {
  test::expect_no_system_calls([&] {
    auto ends = std::make_shared<std::pair<ring_sender, ring_receiver>>(
        ring_sender::attach(ring).value(), ring_receiver::attach(ring).value());
    return [ends] {
      auto& [sender, receiver] = *ends;
      std::byte buffer[100] = {};
      bool good = true;
      for (int i = 0; i < 1000; ++i) {
        good &= sender.send(buffer).has_value();
        good &= receiver.receive(buffer).has_value();
        good &= !receiver.try_peek().has_value();
      }
      return good;
    };
  });
}

TEST(RingName, is_removed_by_the_last_who_leaves) {
  auto ring = std::optional{ring_channel::create("ticks").value()};
  auto sender = std::optional{ring_sender::open("ticks").value()};
  ring.reset();
  EXPECT_TRUE(exists("ticks"));
  {
    child other{[&] { EXPECT_TRUE(ring_receiver::open("ticks")); }};
    other.wait_success();
  }
  EXPECT_TRUE(exists("ticks"));
  sender.reset();
  EXPECT_FALSE(exists("ticks"));
  EXPECT_EQ(ring_sender::open("ticks").error(), std::errc::no_such_file_or_directory);
}

TEST(RingName, stays_with_its_messages_after_persist_and_when_all_are_killed) {
  // F21
  for (const bool persists : {true, false}) {
    child gone{[&] {
      auto ring = ring_channel::create("ticks").value();
      if (persists) ring.persist();
      auto sender = ring_sender::open("ticks").value();
      EXPECT_TRUE(sender.try_send(bytes_of("kept")));
      if (!persists) ::raise(SIGKILL);
    }};
    static_cast<void>(gone.wait());
    auto ring = ring_channel::open_or_create("ticks").value();
    auto receiver = ring_receiver::open("ticks").value();
    EXPECT_EQ(next(receiver), "kept");
    EXPECT_EQ(receiver.wait_readable(1ms).error(), std::errc::timed_out);  // others may come
    EXPECT_TRUE(ring_channel::unlink("ticks"));
    EXPECT_EQ(ring.memory().is_intact().value(), false);
  }
}

TEST(RingName, refuses_what_is_no_ring_or_another_one) {
  EXPECT_EQ(ring_sender::open("nobody").error(), std::errc::no_such_file_or_directory);
  auto ring = ring_channel::create("one", {.capacity_bytes = 8192}).value();
  EXPECT_EQ(ring_channel::create("one").error(), std::errc::file_exists);
  EXPECT_EQ(ring_channel::open_or_create("one").error(), errc::incompatible);
  EXPECT_TRUE(ring_channel::open_or_create("one", {.capacity_bytes = 8192}));
  EXPECT_EQ(ring_channel::create("two", {.capacity_bytes = 5000}).error(),
            std::errc::invalid_argument);
  EXPECT_EQ(ring_channel::create("two", {.capacity_bytes = 0}).error(),
            std::errc::invalid_argument);
  EXPECT_EQ(ring_channel::create("two", {.capacity_bytes = 2048}).error(),
            std::errc::invalid_argument);
  EXPECT_EQ(ring_channel::create("a/../b").error(), std::errc::no_such_file_or_directory);
  EXPECT_FALSE(ring_channel::create(""));
  EXPECT_FALSE(exists("two"));
}

TEST(RingName, refuses_another_users_ring) {
  const std::string path = test::private_runtime_directory::current() + "/open.ring";
  auto ring = ring_channel::create(path).value();
  as_nobody([&] {
    EXPECT_EQ(ring_sender::open(path).error(), std::errc::permission_denied);
    EXPECT_FALSE(ring_sender::open(path, {.name = {.owner = 0}}));  // may not read it
    EXPECT_FALSE(ring_channel::unlink(path, {.owner = 0}));
  });
}

// What each number in the header may not be: F45, H1 to H3.
TEST(RingMemory, refuses_a_header_that_does_not_fit_with_its_own_message) {
  struct forgery {
    std::size_t offset;
    std::uint64_t value;
    std::size_t bytes;
    errc code;
    const char* text;
  };
  const forgery all[] = {
      {0, 1, 8, errc::incompatible, "holds no ring"},
      {0, __builtin_bswap64(ring::segment_header::magic_value), 8, errc::incompatible,
       "byte order"},
      {8, 99, 4, errc::incompatible, "another version"},
      {12, 4, 4, errc::incompatible, "word size"},
      {16, 2, 4, errc::incompatible, "another kind"},
      {36, 65536, 4, errc::incompatible, "pages of another size"},
      {20, 0, 4, errc::corrupt, "do not fit"},
      {24, 0xffffffff, 4, errc::corrupt, "do not fit"},
      {28, 2, 4, errc::corrupt, "do not fit"},
      {40, 0, 8, errc::corrupt, "do not fit"},
      {40, 4097, 8, errc::corrupt, "do not fit"},
      {40, 8192, 8, errc::corrupt, "do not fit"},
      {40, std::uint64_t{1} << 63, 8, errc::corrupt, "do not fit"},
  };
  for (const forgery& one : all) {
    auto ring = ring_channel::create_anonymous({.capacity_bytes = 4096}).value();
    ASSERT_EQ(::pwrite(ring.native_handle(), &one.value, one.bytes, static_cast<off_t>(one.offset)),
              static_cast<ssize_t>(one.bytes));
    auto opened =
        ring_channel::from_native(unique_fd{::fcntl(ring.native_handle(), F_DUPFD_CLOEXEC, 0)});
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error(), one.code) << one.text;
    EXPECT_NE(opened.error().message().find(one.text), std::string::npos)
        << opened.error().message();
  }
  unique_fd empty{::memfd_create("empty", MFD_CLOEXEC)};
  EXPECT_FALSE(ring_channel::from_native(std::move(empty)));
}

}  // namespace
}  // namespace sluice
