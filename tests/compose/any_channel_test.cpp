// Channels by address: what an address says reaches the channel, and what the channel can do is
// there.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <sluice/channel/posix_queue.hpp>
#include <sluice/channel/ring_topic.hpp>
#include <sluice/channel/system_v_queue.hpp>
#include <sluice/compose/any_channel.hpp>
#include <sluice/primitive/scoped_signal_mask.hpp>
#include <string>

#include "support/child.hpp"
#include "support/isolation.hpp"
#include "support/runtime_directory.hpp"

namespace sluice::test {
namespace {

std::string text_from(any_receiver& receiver, deadline until = deadline{patience}) {
  auto message = receive_message(receiver, until);
  EXPECT_TRUE(message) << message.error().message();
  return message ? std::string{text_of(*message)} : std::string{};
}

struct ends {
  any_receiver receiver;
  any_sender sender;
};
// The receiver first: a FIFO needs it.
ends open_both(const std::string& address) {
  auto receiver = any_receiver::open(address);
  EXPECT_TRUE(receiver) << address << ": " << receiver.error().message();
  auto sender = any_sender::open(address, deadline{patience});
  EXPECT_TRUE(sender) << address << ": " << sender.error().message();
  return {std::move(receiver).value(), std::move(sender).value()};
}

std::size_t names_in_runtime_directory() {
  std::size_t names = 0;
  for ([[maybe_unused]] const auto& entry :
       std::filesystem::directory_iterator{private_runtime_directory::current()})
    ++names;
  return names;
}

TEST(AnyChannel, every_kind_with_an_address_carries_messages_and_leaves_nothing) {
  const std::string name = unique_name();
  for (const std::string& address :
       {"ring:" + name, "queue:" + name + "?take=1", "topic:" + name, "fifo:" + name,
        "sysv:" + name, "sysv:" + name + "?type=3", "mq:" + name, "mailbox:" + name}) {
    {
      ends both = open_both(address);
      EXPECT_TRUE(both.sender.send(bytes_of("first"), deadline{patience}));
      EXPECT_TRUE(both.sender.send(bytes_of("second"), deadline{patience}));
      EXPECT_TRUE(both.sender.flush(deadline{patience}));
      EXPECT_EQ(text_from(both.receiver), "first") << address;
      EXPECT_EQ(text_from(both.receiver), "second") << address;
    }
    EXPECT_EQ(names_in_runtime_directory(), 0U) << address;
  }
}

TEST(AnyChannel, capabilities_are_those_of_what_is_held) {
  const std::string name = unique_name();
  ends ring = open_both("ring:" + name);
  EXPECT_EQ(ring.sender.capabilities().mechanism, "ring channel");
  EXPECT_TRUE(ring.receiver.capabilities().zero_copy);
  ends queue = open_both("mq:" + name);
  EXPECT_EQ(queue.sender.capabilities().mechanism, "POSIX queue");
  EXPECT_TRUE(queue.receiver.capabilities().selective);
  EXPECT_NE(ring.sender.get_if<ring_sender>(), nullptr);
  EXPECT_EQ(ring.sender.get_if<ring_publisher>(), nullptr);
}

TEST(AnyChannel, what_creates_and_what_opens_is_said_by_the_address) {
  const std::string name = unique_name();
  for (const std::string scheme :
       {"ring:", "queue:", "topic:", "fifo:", "sysv:", "mq:", "mailbox:"}) {
    const std::string address = scheme + name;
    EXPECT_EQ(any_receiver::open(address + "?create=no").error(),
              std::errc::no_such_file_or_directory)
        << address;
    auto first = any_receiver::open(address + "?create=only");
    ASSERT_TRUE(first) << first.error().message();
    EXPECT_EQ(any_receiver::open(address + "?create=only").error(), std::errc::file_exists)
        << address;
    auto second = any_sender::open(address + "?create=no", deadline{patience});
    ASSERT_TRUE(second) << second.error().message();
    EXPECT_TRUE(second->send(bytes_of("met"), deadline{patience}));
    if (scheme != "topic:") {
      EXPECT_EQ(text_from(*first), "met");
    }
  }
}

TEST(AnyChannel, what_shall_persist_stays_and_is_found_again) {
  for (const std::string scheme : {"ring:", "queue:", "sysv:", "mq:", "mailbox:"}) {
    const std::string name = unique_name();
    const std::string address = scheme + name;
    {
      auto sender = any_sender::open(address + "?persist=on");
      ASSERT_TRUE(sender) << sender.error().message();
      EXPECT_TRUE(sender->send(bytes_of("kept"), deadline{patience}));
    }
    auto receiver = any_receiver::open(address + "?create=no");
    ASSERT_TRUE(receiver) << address << ": " << receiver.error().message();
    EXPECT_EQ(text_from(*receiver), "kept");
    EXPECT_EQ(ring_memory::unlink(name).has_value(), scheme == "ring:" || scheme == "queue:");
    EXPECT_EQ(system_v_queue::unlink(name).has_value(), scheme == "sysv:");
    EXPECT_EQ(posix_queue::unlink(name).has_value(), scheme == "mq:");
    EXPECT_EQ(mailbox::unlink(name).has_value(), scheme == "mailbox:");
  }
}

TEST(AnyChannel, options_of_rings_reach_the_ring) {
  const std::string name = private_runtime_directory::current() + "/by_path";
  auto sender = any_sender::open("ring:" + name + "?capacity=4K&full=drop&mode=0640");
  ASSERT_TRUE(sender) << sender.error().message();
  EXPECT_EQ(sender->max_message_bytes(), 4096U / 2 - 8);
  EXPECT_TRUE(sender->try_send({}));
  const std::vector<std::byte> message(1000);
  for (int sent = 0; sent < 20; ++sent) EXPECT_TRUE(sender->try_send(message));
  EXPECT_GT(sender->get_if<ring_sender>()->counters().dropped, 0U);
  struct stat found {};
  ASSERT_EQ(::stat(name.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 07777, 0640U);
  // Who says nothing of the shape takes it as it is; who says another one is told.
  EXPECT_EQ(any_receiver::open("ring:" + name + "?capacity=8K").error(), errc::incompatible);
  EXPECT_TRUE(any_receiver::open("ring:" + name));
}

TEST(AnyChannel, options_of_topics_and_queues_reach_them) {
  const std::string name = unique_name();
  auto publisher = any_sender::open("topic:" + name + "?capacity=4K&policy=overwrite&publishers=1");
  ASSERT_TRUE(publisher);
  EXPECT_EQ(any_sender::open("topic:" + name).error(), std::errc::device_or_resource_busy);
  EXPECT_TRUE(publisher->try_send(bytes_of("old")));
  EXPECT_TRUE(publisher->try_send(bytes_of("last")));
  auto subscriber = any_receiver::open("topic:" + name + "?join=last");
  ASSERT_TRUE(subscriber);
  EXPECT_EQ(text_from(*subscriber), "last");
  EXPECT_EQ(subscriber->try_peek().error(), std::errc::operation_not_supported);

  auto queue =
      any_receiver::open("queue:" + name + "q?receivers=1&senders=2&delivery=at_most_once");
  ASSERT_TRUE(queue);
  EXPECT_EQ(any_receiver::open("queue:" + name + "q").error(), std::errc::device_or_resource_busy);
}

TEST(AnyChannel, types_and_priorities_are_said_by_the_address) {
  const std::string name = unique_name();
  auto low = any_sender::open("mq:" + name + "?priority=1&messages=4&max_message=100");
  auto high = any_sender::open("mq:" + name + "?priority=9");
  auto urgent_first = any_receiver::open("mq:" + name);
  ASSERT_TRUE(low && high && urgent_first);
  EXPECT_EQ(low->max_message_bytes(), 100U);
  EXPECT_TRUE(low->try_send(bytes_of("low")));
  EXPECT_TRUE(high->try_send(bytes_of("high")));
  EXPECT_EQ(text_from(*urgent_first), "high");
  EXPECT_EQ(text_from(*urgent_first), "low");

  auto threes = any_sender::open("sysv:" + name + "?type=3");
  auto fives = any_sender::open("sysv:" + name + "?type=5");
  auto only_five = any_receiver::open("sysv:" + name + "?type=5");
  auto no_five = any_receiver::open("sysv:" + name + "?except=5");
  ASSERT_TRUE(threes && fives && only_five && no_five);
  EXPECT_TRUE(threes->try_send(bytes_of("three")));
  EXPECT_TRUE(would_block(only_five->next_size().error()));
  EXPECT_TRUE(fives->try_send(bytes_of("five")));
  EXPECT_EQ(text_from(*only_five), "five");
  EXPECT_EQ(text_from(*no_five), "three");
}

TEST(AnyChannel, a_file_and_a_project_name_a_queue_as_ftok_does) {
  const std::string path = private_runtime_directory::current() + "/project";
  const int made = ::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  ASSERT_GE(made, 0);
  ::close(made);
  {
    ends both = open_both("sysv:" + path + "?project=65&type=3");
    EXPECT_TRUE(both.sender.try_send(bytes_of("by key")));
    auto same = system_v_queue::open(*system_v_name::of_file(path, 65));
    ASSERT_TRUE(same);
    auto by_id = any_receiver::open("sysv:?id=" + std::to_string(same->id()));
    ASSERT_TRUE(by_id) << by_id.error().message();
    EXPECT_EQ(text_from(*by_id), "by key");
  }
  ::unlink(path.c_str());
}

TEST(AnyChannel, messages_are_written_and_read_in_place_where_the_channel_can) {
  const std::string name = unique_name();
  for (const std::string scheme : {"ring:", "queue:", "topic:"}) {
    ends both = open_both(scheme + name);
    auto window = both.sender.try_claim(8);
    ASSERT_TRUE(window);
    copy_bytes(bytes_of("in place"), window->bytes());
    window->commit();
    {
      auto dropped = both.sender.try_claim(8);  // leaves no trace
      ASSERT_TRUE(dropped);
    }
    {
      auto view = both.receiver.try_peek();
      ASSERT_TRUE(view) << view.error().message();
      EXPECT_EQ(text_of(view->bytes()), "in place");
      view->put_back();
    }
    EXPECT_EQ(text_from(both.receiver), "in place");
    EXPECT_TRUE(would_block(both.receiver.try_peek().error()));
  }
  for (const std::string scheme : {"fifo:", "sysv:", "mq:"}) {
    ends both = open_both(scheme + name);
    const auto refused = both.sender.try_claim(8).error();
    EXPECT_EQ(refused, std::errc::operation_not_supported);
    EXPECT_STRNE(refused.hint(), "");
    EXPECT_TRUE(both.sender.try_send(bytes_of("kept")));
    EXPECT_EQ(text_of(both.receiver.try_peek().value().bytes()), "kept");  // and released
    EXPECT_TRUE(would_block(both.receiver.try_peek().error()));
  }
  ends copies = open_both("mailbox:" + name);
  EXPECT_EQ(copies.receiver.try_peek().error(), std::errc::operation_not_supported);
}

TEST(AnyChannel, what_can_be_polled_says_what_for) {
  const std::string name = unique_name();
  for (const std::string scheme : {"ring:", "queue:", "topic:", "fifo:", "mq:"}) {
    ends both = open_both(scheme + name);
    auto readable = both.receiver.poll_handle();
    auto writable = both.sender.poll_handle();
    ASSERT_TRUE(readable && writable) << scheme;
    EXPECT_FALSE(readable->for_writing);
    EXPECT_TRUE(would_block(both.receiver.next_size().error()));
    const auto is_ready = [](const poll_interest& what, int timeout) {
      const short events = what.for_writing ? POLLOUT : POLLIN;
      pollfd one{.fd = what.descriptor, .events = events, .revents = 0};
      return ::poll(&one, 1, timeout) == 1 && (one.revents & events) != 0;
    };
    EXPECT_TRUE(is_ready(*writable, 10'000)) << scheme;
    EXPECT_TRUE(both.sender.try_send(bytes_of("x")));
    EXPECT_TRUE(is_ready(*readable, 10'000)) << scheme;
  }
  ends none = open_both("mailbox:" + name);
  EXPECT_EQ(none.receiver.poll_handle().error(), std::errc::operation_not_supported);
  EXPECT_EQ(none.sender.poll_handle().error(), std::errc::operation_not_supported);
}

TEST(AnyChannel, a_pipe_that_was_handed_over_becomes_ours_and_another_file_stays_as_it_is) {
  std::array<int, 2> numbers{};
  ASSERT_EQ(::pipe2(numbers.data(), O_CLOEXEC), 0);
  const std::string address =
      "pipe:" + std::to_string(numbers[0]) + "," + std::to_string(numbers[1]);
  {
    ends both = open_both(address + "?max_message=10");
    EXPECT_EQ(both.sender.max_message_bytes(), 10U);
    EXPECT_TRUE(both.sender.send(bytes_of("framed")));
    EXPECT_EQ(text_from(both.receiver), "framed");
  }
  EXPECT_EQ(::fcntl(numbers[0], F_GETFD), -1);
  EXPECT_EQ(::fcntl(numbers[1], F_GETFD), -1);
  EXPECT_EQ(any_receiver::open(address).error(), std::errc::bad_file_descriptor);

  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  EXPECT_EQ(any_sender::open("pipe:-," + std::to_string(null)).error(),
            std::errc::invalid_argument);
  EXPECT_NE(::fcntl(null, F_GETFD), -1);
  ::close(null);
  EXPECT_EQ(any_sender::open("pipe:3,-").error(), std::errc::invalid_argument);
}

TEST(AnyChannel, signals_go_to_the_process_that_the_address_names) {
  const signal_pair pair = signal_pair::nth(3);
  auto mask = scoped_signal_mask::block(pair.signals());
  ASSERT_TRUE(mask);
  const std::string mine = "signal:" + std::to_string(::getpid()) + "?pair=3";
  {
    ends both = open_both(mine);
    EXPECT_TRUE(both.sender.send(bytes_of("8 bytes!"), deadline{patience}));
    EXPECT_EQ(text_from(both.receiver), "8 bytes!");
  }
  static_cast<void>(signal_channel_receiver::create(pair));  // takes the end of the sender away
  EXPECT_EQ(any_receiver::open("signal:1?pair=3").error(), std::errc::invalid_argument);
}

TEST(AnyChannel, what_is_no_address_is_not_opened) {
  EXPECT_EQ(any_sender::open("ring").error(), std::errc::invalid_argument);
  EXPECT_EQ(any_receiver::open("unix:").error(), std::errc::invalid_argument);
}

TEST(AnyChannel, a_killed_participant_is_told_from_one_who_lives_and_one_who_left) {
  // F14: by the lock, before it is reaped.
  const std::string address = "queue:" + unique_name();
  auto receiver = any_receiver::open(address);
  ASSERT_TRUE(receiver);
  const auto identity = [&] {
    auto message = receive_message(*receiver, deadline{patience});
    ring_participant who;
    EXPECT_EQ(copy_bytes(message.value(), writable_bytes_of(who)), sizeof who);
    return who;
  };
  const rendezvous may_leave;
  const auto introduce = [&] {
    auto sender = any_sender::open(address);
    ASSERT_TRUE(sender);
    const ring_participant self = sender->participant().value();
    EXPECT_TRUE(sender->send(bytes_of(self)));
    may_leave.wait();
  };
  child killed{[&] { introduce(); }};
  const ring_participant first = identity();
  EXPECT_EQ(receiver->presence_of(first).value(), ring_presence::alive);
  killed.kill();
  EXPECT_EQ(receiver->presence_of(first).value(), ring_presence::died);

  child leaves{[&] { introduce(); }};
  const ring_participant second = identity();
  EXPECT_EQ(second.slot, first.slot);
  EXPECT_NE(second, first);
  // The slot is another one's by now.
  EXPECT_EQ(receiver->presence_of(first).value(), ring_presence::left);
  EXPECT_EQ(receiver->presence_of(second).value(), ring_presence::alive);
  may_leave.arrive();
  leaves.wait_success();
  EXPECT_EQ(receiver->presence_of(second).value(), ring_presence::left);
  // H10: numbers that are nobody's.
  EXPECT_EQ(receiver->presence_of({.slot = 99, .generation = 1}).value(), ring_presence::nobody);
  EXPECT_EQ(receiver->presence_of({.slot = second.slot, .generation = 77}).value(),
            ring_presence::nobody);
}

}  // namespace
}  // namespace sluice::test
