#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <limits>
#include <sluice/channel/pipe.hpp>
#include <sluice/channel/posix_queue.hpp>
#include <sluice/channel/posix_queue_receiver.hpp>
#include <sluice/channel/posix_queue_sender.hpp>
#include <string>
#include <thread>
#include <vector>

#include "channel/system_v_fixture.hpp"
#include "support/another_user.hpp"
#include "support/asleep.hpp"
#include "support/child.hpp"
#include "support/history.hpp"
#include "support/signal_storm.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

bool is_ready(int fd, short events) {
  pollfd watched{.fd = fd, .events = events, .revents = 0};
  return ::poll(&watched, 1, 0) == 1;
}

TEST(PosixQueue, is_found_by_its_name_with_or_without_the_slash) {
  const std::string name = unique_name();
  auto made = posix_queue::create(name).value();
  EXPECT_EQ(made.name(), "/" + name);
  for (const std::string& way : {name, "/" + name}) {
    EXPECT_EQ(posix_queue::open(way).value().identity(), made.identity());
    EXPECT_EQ(posix_queue::open_or_create(way).value().identity(), made.identity());
    EXPECT_EQ(posix_queue::create(way).error(), std::errc::file_exists);
  }
  // Who opened it did not remove it.
  EXPECT_TRUE(made.is_intact().value());
}

TEST(PosixQueue, has_the_mode_and_attributes_that_it_was_made_with) {
  const std::string name = unique_name();
  const mode_t before = ::umask(0777);
  auto made =
      posix_queue::create(name, {.mode = 0640, .capacity_messages = 3, .max_message_bytes = 100});
  ::umask(before);
  const auto status = made.value().status().value();
  EXPECT_EQ(status.mode, 0640U);
  EXPECT_EQ(status.owner, ::geteuid());
  EXPECT_EQ(status.capacity_messages, 3U);
  EXPECT_EQ(status.max_message_bytes, 100U);
  EXPECT_EQ(status.messages, 0U);
  auto sender = posix_queue_sender::open(name).value();
  EXPECT_EQ(sender.max_message_bytes(), 100U);
  for (int count = 0; count < 3; ++count) EXPECT_TRUE(sender.try_send(bytes_of("x")));
  EXPECT_TRUE(would_block(sender.try_send(bytes_of("x")).error()));
  EXPECT_EQ(made->status().value().messages, 3U);
}

TEST(PosixQueue, name_goes_with_whoever_made_it_but_not_with_a_forked_child) {
  const std::string name = unique_name();
  {
    auto made = posix_queue::create(name).value();
    child copy{[&made] { const posix_queue dropped = std::move(made); }};
    copy.wait_success();
    EXPECT_TRUE(made.is_intact().value());
    auto moved = std::move(made);
    EXPECT_TRUE(moved.is_intact().value());
  }
  EXPECT_EQ(posix_queue::open(name).error(), std::errc::no_such_file_or_directory);
}

TEST(PosixQueue, stays_with_its_messages_after_all_processes_until_it_is_unlinked) {
  const std::string name = unique_name();
  child maker{[&name] {
    auto made = posix_queue::create(name).value();
    EXPECT_TRUE(posix_queue_sender::open(name).value().try_send(bytes_of("left"), 3));
    made.persist();
  }};
  maker.wait_success();
  auto receiver = posix_queue_receiver::open(name).value();
  EXPECT_EQ(text_of(receiver.try_peek().value()), "left");
  EXPECT_EQ(receiver.last_priority(), 3U);
  EXPECT_TRUE(posix_queue::unlink(name));
  EXPECT_EQ(posix_queue::unlink(name).error(), std::errc::no_such_file_or_directory);
}

TEST(PosixQueue, that_lost_its_name_goes_on_and_leaves_the_next_of_that_name_alone) {
  const std::string name = unique_name();
  auto made = posix_queue::create(name).value();
  auto sender = posix_queue_sender::open(name).value();
  auto receiver = posix_queue_receiver::open(name).value();
  ASSERT_TRUE(posix_queue::unlink(name));
  EXPECT_FALSE(made.is_intact().value());
  auto next = posix_queue::create(name).value();
  EXPECT_FALSE(made.is_intact().value());
  EXPECT_EQ(made.unlink().error(), errc::removed);
  EXPECT_TRUE(next.is_intact().value());
  ASSERT_TRUE(sender.try_send(bytes_of("still here")));
  EXPECT_EQ(receiver.next_size().value(), 10U);
}

TEST(PosixQueue, hands_out_the_highest_priority_first_and_equal_ones_in_order) {
  const std::string name = unique_name();
  const auto made = posix_queue::create(name).value();
  auto sender = posix_queue_sender::open(name).value();
  auto receiver = posix_queue_receiver::open(name).value();
  ASSERT_TRUE(sender.try_send(bytes_of("low")));
  ASSERT_TRUE(sender.send(bytes_of("high"), posix_queue_sender::highest_priority));
  ASSERT_TRUE(sender.try_send(bytes_of("low too")));
  ASSERT_TRUE(sender.send(bytes_of("middle"), 5, 10s));
  std::array<std::byte, 100> buffer;
  const auto take = [&] {
    auto got = receiver.try_receive(buffer);
    return got ? std::string{text_of(const_bytes{buffer}.first(*got))} : got.error().message();
  };
  EXPECT_EQ(take(), "high");
  EXPECT_EQ(receiver.last_priority(), posix_queue_sender::highest_priority);
  EXPECT_EQ(take(), "middle");
  EXPECT_EQ(receiver.last_priority(), 5U);
  EXPECT_EQ(take(), "low");
  EXPECT_EQ(take(), "low too");
  // What is kept comes next, also when a higher priority came meanwhile.
  ASSERT_TRUE(sender.try_send(bytes_of("kept"), 1));
  EXPECT_EQ(receiver.try_receive(mutable_bytes{buffer}.first(3)).error(),
            std::errc::no_buffer_space);
  EXPECT_EQ(made.status().value().messages, 0U);
  ASSERT_TRUE(sender.try_send(bytes_of("higher"), 2));
  EXPECT_EQ(receiver.next_size().value(), 4U);
  child copy{[&] { EXPECT_EQ(take(), "higher"); }};  // has no right to what is kept
  copy.wait_success();
  EXPECT_EQ(take(), "kept");
  EXPECT_EQ(receiver.last_priority(), 1U);
  for (const unsigned priority : {32'768U, std::numeric_limits<unsigned>::max()}) {
    EXPECT_EQ(sender.try_send(bytes_of("x"), priority).error(), std::errc::invalid_argument);
    EXPECT_EQ(sender.send(bytes_of("x"), priority, 10s).error(), std::errc::invalid_argument);
  }
}

TEST(PosixQueue, descriptors_tell_readiness_and_stay_blocking_for_others) {
  const std::string name = unique_name();
  const auto made = posix_queue::create(name, {.capacity_messages = 1}).value();
  auto sender = posix_queue_sender::open(name).value();
  auto receiver = posix_queue_receiver::open(name).value();
  EXPECT_TRUE(is_ready(sender.native_handle(), POLLOUT));
  EXPECT_FALSE(is_ready(receiver.native_handle(), POLLIN));
  ASSERT_TRUE(sender.try_send(bytes_of("x")));
  EXPECT_FALSE(is_ready(sender.native_handle(), POLLOUT));
  EXPECT_TRUE(is_ready(receiver.native_handle(), POLLIN));
  for (const int fd : {sender.native_handle(), receiver.native_handle(), made.native_handle()}) {
    EXPECT_EQ(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC);
  }
  // Taken over, and by somebody who made them non-blocking.
  auto out = posix_queue_sender::from_native(std::move(sender).release_handle()).value();
  auto in = posix_queue_receiver::from_native(std::move(receiver).release_handle()).value();
  ::fcntl(out.native_handle(), F_SETFL, O_NONBLOCK);
  EXPECT_TRUE(would_block(out.try_send(bytes_of("y")).error()));
  EXPECT_EQ(out.send(bytes_of("y"), 5ms).error(), std::errc::timed_out);
  EXPECT_EQ(in.next_size().value(), 1U);
}

// F24: also for waits with a deadline, which is one of the monotonic clock.
TEST(PosixQueue, waits_until_the_deadline_through_any_number_of_interruptions) {
  const std::string name = unique_name();
  const auto made = posix_queue::create(name, {.capacity_messages = 1}).value();
  auto sender = posix_queue_sender::open(name).value();
  auto receiver = posix_queue_receiver::open(name).value();
  std::array<std::byte, 10> buffer;
  const signal_storm storm;
  auto before = deadline::clock::now();
  EXPECT_EQ(receiver.receive(buffer, 50ms).error(), std::errc::timed_out);
  EXPECT_GE(deadline::clock::now() - before, 50ms);
  ASSERT_TRUE(sender.try_send(bytes_of("x")));
  before = deadline::clock::now();
  EXPECT_EQ(sender.send(bytes_of("y"), 7, 50ms).error(), std::errc::timed_out);
  EXPECT_GE(deadline::clock::now() - before, 50ms);
  EXPECT_GT(signal_storm::strikes(), 0);
}

TEST(PosixQueue, sender_may_be_used_by_many_threads_at_once) {
  const std::string name = unique_name();
  const auto made = posix_queue::create(name).value();
  auto sender = posix_queue_sender::open(name).value();
  auto receiver = posix_queue_receiver::open(name).value();
  constexpr std::uint64_t count = 200;
  std::vector<std::thread> threads;
  for (std::uint32_t id = 0; id < 3; ++id)
    threads.emplace_back([&sender, id] {
      for (std::uint64_t sequence = 0; sequence < count; ++sequence)
        EXPECT_TRUE(sender.send(make_message(id, sequence, 50), deadline{patience}));
    });
  history_checker history;
  for (std::uint64_t got = 0; got < 3 * count; ++got)
    history.check(receive_message(receiver, deadline{patience}).value());
  for (std::thread& one : threads) one.join();
  EXPECT_TRUE(history.verdict(3, count));
}

TEST(PosixQueue, of_another_user_or_open_to_all_is_refused_unless_accepted) {
  if (!may_change_user()) GTEST_SKIP() << "needs another user";
  const std::string name = unique_name();
  as_nobody([&name] {
    auto squatter = posix_queue::create(name, {.mode = 0666});
    ASSERT_TRUE(squatter) << squatter.error().message();
    squatter->persist();
  });
  EXPECT_EQ(posix_queue::create(name).error(), std::errc::file_exists);
  EXPECT_EQ(posix_queue::open(name).error(), std::errc::permission_denied);
  EXPECT_EQ(posix_queue::open_or_create(name).error(), std::errc::permission_denied);
  EXPECT_EQ(posix_queue::unlink(name).error(), std::errc::permission_denied);
  EXPECT_EQ(posix_queue_sender::open(name).error(), std::errc::permission_denied);
  EXPECT_EQ(posix_queue_receiver::open(name).error(), std::errc::permission_denied);
  EXPECT_EQ(posix_queue::open(name, {.owner = nobody}).error(), std::errc::permission_denied);
  const posix_queue_open_options trusted{.owner = nobody, .world_writable = true};
  EXPECT_TRUE(posix_queue_sender::open(name, trusted).value().try_send(bytes_of("x")));
  EXPECT_TRUE(posix_queue::unlink(name, trusted));
}

TEST(PosixQueue, that_may_only_be_written_to_can_be_sent_to) {
  if (!may_change_user()) GTEST_SKIP() << "needs another user";
  const std::string name = unique_name();
  auto made = posix_queue::create(name, {.mode = 0602}).value();
  const posix_queue_open_options trusted{.owner = ::geteuid(), .world_writable = true};
  as_nobody([&] {
    EXPECT_TRUE(posix_queue_sender::open(name, trusted).value().try_send(bytes_of("x")));
    EXPECT_EQ(posix_queue_receiver::open(name, trusted).error(), std::errc::permission_denied);
    auto seen = posix_queue::open(name, trusted);
    ASSERT_TRUE(seen) << seen.error().message();
    EXPECT_EQ(seen->status().value().messages, 1U);
    EXPECT_FALSE(seen->unlink());
  });
  EXPECT_TRUE(made.is_intact().value());
}

// F29: limits are named, with their values, and nothing is truncated.
TEST(PosixQueue, limits_are_named_with_their_values) {
  const auto explained = [](const error& reason) {
    return posix_queue_limits::now().value().explain(reason);
  };
  rlimit before{};
  ::getrlimit(RLIMIT_MSGQUEUE, &before);
  EXPECT_EQ(posix_queue_limits::now().value().user_bytes, before.rlim_cur);
  const error other{std::errc::timed_out, "poll"};
  EXPECT_EQ(explained(other), other.message());
  const rlimit few{.rlim_cur = 1000, .rlim_max = before.rlim_max};
  ::setrlimit(RLIMIT_MSGQUEUE, &few);
  const auto too_many_bytes = posix_queue::create(unique_name());
  const auto text = explained(too_many_bytes.error());
  ::setrlimit(RLIMIT_MSGQUEUE, &before);
  EXPECT_EQ(too_many_bytes.error(), std::errc::too_many_files_open);
  EXPECT_NE(text.find("RLIMIT_MSGQUEUE = 1000"), std::string::npos) << text;

  if (!has_own_ipc()) GTEST_SKIP() << needs_own_ipc;
  const changed_sysctl queues{"fs/mqueue/queues_max", 1};
  const changed_sysctl capacity{"fs/mqueue/msg_max", 4};
  const changed_sysctl message{"fs/mqueue/msgsize_max", 500};
  as_nobody([&] {
    for (const auto& beyond :
         {posix_queue::create(unique_name() + "-3",
                              {.capacity_messages = 5, .max_message_bytes = 500}),
          posix_queue::create(unique_name() + "-4",
                              {.capacity_messages = 4, .max_message_bytes = 501})}) {
      EXPECT_EQ(beyond.error(), std::errc::invalid_argument);
      EXPECT_NE(explained(beyond.error()).find("fs.mqueue.msg_max = 4"), std::string::npos);
      EXPECT_NE(explained(beyond.error()).find("fs.mqueue.msgsize_max = 500"), std::string::npos);
    }
    const auto one =
        posix_queue::create(unique_name(), {.capacity_messages = 4, .max_message_bytes = 500});
    ASSERT_TRUE(one) << one.error().message();
    const auto two = posix_queue::create(unique_name() + "-2",
                                         {.capacity_messages = 4, .max_message_bytes = 500});
    EXPECT_EQ(two.error(), std::errc::no_space_on_device);
    EXPECT_NE(explained(two.error()).find("fs.mqueue.queues_max = 1"), std::string::npos);
  });
}

void expect_bad_input_is_refused() {
  const std::string fine = unique_name();
  for (const std::string& name :
       {std::string{}, std::string{"/"}, std::string{"."}, std::string{"/.."}, std::string{"a/b"},
        std::string{"//a"}, std::string{"a\0b", 3}}) {
    EXPECT_EQ(posix_queue::create(name).error(), std::errc::invalid_argument) << name;
    EXPECT_EQ(posix_queue::open(name).error(), std::errc::invalid_argument) << name;
    EXPECT_EQ(posix_queue::open_or_create(name).error(), std::errc::invalid_argument) << name;
    EXPECT_EQ(posix_queue::unlink(name).error(), std::errc::invalid_argument) << name;
    EXPECT_EQ(posix_queue_sender::open(name).error(), std::errc::invalid_argument) << name;
    EXPECT_EQ(posix_queue_receiver::open(name).error(), std::errc::invalid_argument) << name;
  }
  EXPECT_EQ(posix_queue::create(std::string(256, 'x')).error(), std::errc::filename_too_long);
  EXPECT_EQ(posix_queue::open(fine).error(), std::errc::no_such_file_or_directory);
  for (const mode_t mode : {mode_t{0700}, mode_t{01600}, ~mode_t{0}})
    EXPECT_EQ(posix_queue::create(fine, {.mode = mode}).error(), std::errc::invalid_argument);
  for (const std::size_t bad :
       {std::size_t{0}, std::size_t{1} << 31, std::numeric_limits<std::size_t>::max()}) {
    EXPECT_EQ(posix_queue::create(fine, {.capacity_messages = bad}).error(),
              std::errc::invalid_argument);
    EXPECT_EQ(posix_queue::create(fine, {.max_message_bytes = bad}).error(),
              std::errc::invalid_argument);
  }
  // Within what can be said, and beyond what any kernel does.
  EXPECT_FALSE(posix_queue::create(
      fine, {.capacity_messages = 0x7fff'ffff, .max_message_bytes = 0x7fff'ffff}));
  auto ends = pipe::create().value();
  EXPECT_FALSE(posix_queue_receiver::from_native(std::move(ends.reader).release_handle()));
  EXPECT_FALSE(posix_queue_sender::from_native(std::move(ends.writer).release_handle()));
  EXPECT_FALSE(posix_queue_sender::from_native(unique_fd{}));
  const auto made = posix_queue::create(fine).value();
  auto sender = posix_queue_sender::open(fine).value();
  EXPECT_EQ(posix_queue_receiver::from_native(std::move(sender).release_handle()).error(),
            std::errc::bad_file_descriptor);
  auto receiver = posix_queue_receiver::open(fine).value();
  EXPECT_EQ(posix_queue_sender::from_native(std::move(receiver).release_handle()).error(),
            std::errc::bad_file_descriptor);
}

TEST(PosixQueue, bad_input_is_refused) { expect_bad_input_is_refused(); }

TEST(PosixQueue, bad_input_is_refused_for_an_ordinary_user) {
  if (!may_change_user()) GTEST_SKIP() << "is one already";
  as_nobody(expect_bad_input_is_refused);
}

}  // namespace
}  // namespace sluice::test
