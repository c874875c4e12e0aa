// What Unix seqpacket connections promise beyond the conformance suites: descriptors that go with
// messages, their limits, and hostile peers.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <optional>
#include <sluice/channel/pipe.hpp>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/channel/unix_listener.hpp>
#include <sluice/channel/unix_seqpacket.hpp>
#include <sluice/primitive/shared_memory.hpp>
#include <string>
#include <vector>

#include "support/all_descriptors.hpp"
#include "support/child.hpp"
#include "support/isolation.hpp"

namespace sluice::test {
namespace {

std::size_t open_descriptors() {
  std::size_t count = 0;
  for (int fd = 0; fd < 1024; ++fd)
    if (::fcntl(fd, F_GETFD) != -1) ++count;
  return count;
}

// As a program that does not use Sluice would: any number of descriptors, and any message.
void send_raw(int socket, const_bytes message, const std::vector<int>& handles) {
  iovec part{.iov_base = const_cast<std::byte*>(message.data()), .iov_len = message.size()};
  std::vector<char> control(CMSG_SPACE(handles.size() * sizeof(int)));
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (!handles.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* const rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(handles.size() * sizeof(int));
    std::memcpy(CMSG_DATA(rights), handles.data(), handles.size() * sizeof(int));
  }
  EXPECT_EQ(::sendmsg(socket, &header, MSG_NOSIGNAL), static_cast<ssize_t>(message.size()));
}

class UnixSeqpacket : public ::testing::Test {
 protected:
  unix_seqpacket_pair both = unix_seqpacket::create_pair().value();
  std::array<std::byte, 100> buffer{};
  received_handles handles;
};

TEST_F(UnixSeqpacket, hands_over_a_pipe_end_that_works_in_the_other_process) {
  auto made = std::make_optional(pipe::create().value());
  child other{[&] {
    made.reset();  // what comes is all that this process has of the pipe
    EXPECT_EQ(both.second.receive(buffer, handles, deadline{patience}).value(), 4U);
    ASSERT_EQ(handles.size(), 1U);
    EXPECT_NE(::fcntl(handles[0].get(), F_GETFD) & FD_CLOEXEC, 0);
    auto writer = pipe_writer::from_native(std::move(handles[0])).value();
    EXPECT_TRUE(writer.write_all(bytes_of("through")));
  }};
  const std::array<int, 1> passed{made->writer.native_handle()};
  ASSERT_TRUE(both.first.send(bytes_of("pipe"), passed));
  pipe_reader reader = std::move(made->reader);
  made.reset();
  std::array<std::byte, 7> text;
  ASSERT_TRUE(reader.read_exactly(text, deadline{patience}));
  EXPECT_EQ(text_of(text), "through");
  // The pipe ends with the one writer that is left.
  EXPECT_EQ(reader.read_some(text, deadline{patience}).error(), errc::closed);
  other.wait_success();
}

TEST_F(UnixSeqpacket, hands_over_a_whole_ring) {
  auto ring = ring_channel::create_anonymous().value();
  child other{[&] {
    auto size = both.second.receive(buffer, handles, deadline{patience});
    ASSERT_TRUE(size) << size.error().message();
    ASSERT_EQ(handles.size(), 1U);
    auto mine = ring_channel::from_native(std::move(handles[0])).value();
    auto sender = ring_sender::attach(mine).value();
    for (int count = 0; count < 1000; ++count)
      EXPECT_TRUE(sender.send(bytes_of(count), deadline{patience}));
  }};
  auto receiver = ring_receiver::attach(ring).value();
  const std::array<int, 1> passed{ring.native_handle()};
  ASSERT_TRUE(both.first.send(bytes_of("ring"), passed));
  for (int count = 0; count < 1000; ++count) {
    int got = -1;
    ASSERT_TRUE(receiver.receive(writable_bytes_of(got), deadline{patience}));
    EXPECT_EQ(got, count);
  }
  other.wait_success();
}

TEST_F(UnixSeqpacket, carries_as_many_descriptors_as_the_list_holds_and_no_more) {
  // F43
  const std::vector<int> most(received_handles::max, both.first.native_handle());
  const std::size_t before = open_descriptors();
  ASSERT_TRUE(both.first.try_send(bytes_of("many"), most));
  EXPECT_EQ(both.second.try_receive(buffer, handles).value(), 4U);
  EXPECT_EQ(handles.size(), received_handles::max);
  EXPECT_EQ(open_descriptors(), before + received_handles::max);
  handles.clear();
  EXPECT_EQ(open_descriptors(), before);
  const std::vector<int> beyond(received_handles::max + 1, both.first.native_handle());
  EXPECT_EQ(both.first.try_send(bytes_of("more"), beyond).error(),
            std::errc::argument_list_too_long);
  EXPECT_TRUE(would_block(both.second.try_receive(buffer, handles).error()));
}

TEST_F(UnixSeqpacket, hundreds_of_descriptors_of_a_hostile_peer_are_all_closed) {
  // H14, F43: the kernel lets 253 pass.
  const std::size_t before = open_descriptors();
  for (const std::size_t count : {std::size_t{33}, std::size_t{34}, std::size_t{253}}) {
    send_raw(both.first.native_handle(), bytes_of("flood"),
             std::vector<int>(count, both.first.native_handle()));
    auto got = both.second.try_receive(buffer, handles);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error(), std::errc::message_size) << got.error().message();
    EXPECT_TRUE(handles.empty());
    EXPECT_EQ(open_descriptors(), before);
  }
  // The connection goes on.
  ASSERT_TRUE(both.first.try_send(bytes_of("calm")));
  EXPECT_EQ(both.second.try_receive(buffer, handles).value(), 4U);
}

TEST_F(UnixSeqpacket, descriptors_that_nobody_asked_for_are_closed_by_the_kernel) {
  const std::size_t before = open_descriptors();
  const std::array<int, 2> passed{0, 1};
  ASSERT_TRUE(both.first.try_send(bytes_of("some"), passed));
  EXPECT_EQ(both.second.next_size().value(), 4U);
  EXPECT_EQ(both.second.try_receive(buffer).value(), 4U);
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(UnixSeqpacket, a_buffer_too_small_keeps_the_message_and_its_descriptors) {
  const std::array<int, 1> passed{0};
  ASSERT_TRUE(both.first.try_send(bytes_of("0123456789"), passed));
  const std::size_t before = open_descriptors();
  EXPECT_EQ(both.second.try_receive(mutable_bytes{buffer}.first(9), handles).error(),
            std::errc::no_buffer_space);
  EXPECT_TRUE(handles.empty());
  EXPECT_EQ(open_descriptors(), before);
  EXPECT_EQ(both.second.try_receive(buffer, handles).value(), 10U);
  EXPECT_EQ(handles.size(), 1U);
}

TEST_F(UnixSeqpacket, at_the_limit_of_descriptors_what_came_is_closed_and_told) {
  // F43: one descriptor is left, and two come.
  child limited{[&] {
    const std::array<int, 2> passed{0, 1};
    ASSERT_TRUE(both.first.try_send(bytes_of("two"), passed));
    std::vector<unique_fd> taken = take_all_descriptors();
    taken.pop_back();
    const std::size_t before = open_descriptors();
    EXPECT_EQ(both.second.try_receive(buffer, handles).error(), std::errc::message_size);
    EXPECT_EQ(open_descriptors(), before);
    taken.clear();
  }};
  limited.wait_success();
}

TEST_F(UnixSeqpacket, too_many_descriptors_under_way_are_a_named_limit) {
  // F43: root is exempt, so as another user.
  if (::geteuid() != 0) GTEST_SKIP() << "changes the user to one that has nothing under way";
  child limited{[&] {
    ASSERT_EQ(::setuid(static_cast<uid_t>(10'000 + ::getpid() % 50'000)), 0);
    const rlimit few{.rlim_cur = 40, .rlim_max = 40};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    const std::vector<int> passed(30, 0);
    for (int count = 0; count < 10; ++count) {
      auto sent = both.first.try_send(bytes_of("x"), passed);
      if (sent) continue;
      EXPECT_EQ(sent.error().code().value(), ETOOMANYREFS);
      EXPECT_NE(std::string{sent.error().hint()}.find("RLIMIT_NOFILE"), std::string::npos);
      // What is under way arrives; then there is room again.
      while (both.second.try_receive(buffer)) {
      }
      EXPECT_TRUE(both.first.try_send(bytes_of("x"), passed));
      return;
    }
    ADD_FAILURE() << "the limit never came";
  }};
  limited.wait_success();
}

TEST_F(UnixSeqpacket, an_empty_message_of_a_foreign_program_is_no_end) {
  send_raw(both.first.native_handle(), {}, {});
  EXPECT_TRUE(would_block(both.second.try_receive(buffer).error()));
  ASSERT_TRUE(both.first.try_send(bytes_of("more")));
  EXPECT_EQ(both.second.try_receive(buffer).value(), 4U);
}

TEST_F(UnixSeqpacket, a_message_beyond_the_maximum_of_the_receiver_is_cut_and_told) {
  auto larger = unix_seqpacket::create_pair(300'000).value();
  auto receiver = unix_seqpacket::from_native(std::move(larger.second).release_handle()).value();
  // Its own end was made larger, too: as a receiver that knows less.
  auto knows_less = unix_seqpacket::from_native(std::move(receiver).release_handle(), 1000).value();
  const std::vector<std::byte> large(250'000);
  ASSERT_TRUE(larger.first.send(large, deadline{patience}));
  std::vector<std::byte> room(1000);
  EXPECT_EQ(knows_less.try_receive(room).error(), std::errc::message_size);
  ASSERT_TRUE(larger.first.send(bytes_of("next"), deadline{patience}));
  EXPECT_EQ(knows_less.try_receive(room).value(), 4U);
}

TEST_F(UnixSeqpacket, takes_larger_messages_when_made_for_them) {
  auto larger = unix_seqpacket::create_pair(300'000).value();
  EXPECT_EQ(larger.first.max_message_bytes(), 300'000U);
  const std::vector<std::byte> large(300'000, std::byte{9});
  ASSERT_TRUE(larger.first.try_send(large));
  EXPECT_EQ(receive_message(larger.second, deadline{patience}).value(), large);
  EXPECT_EQ(unix_seqpacket::create_pair(std::size_t{1} << 29).error(), std::errc::message_size);
}

TEST_F(UnixSeqpacket, a_finished_half_ends_for_the_peer_and_the_other_half_goes_on) {
  ASSERT_TRUE(both.first.send(bytes_of("last")));
  ASSERT_TRUE(both.first.finish());
  EXPECT_EQ(both.second.receive(buffer).value(), 4U);
  EXPECT_EQ(both.second.receive(buffer).error(), errc::closed);
  ASSERT_TRUE(both.second.send(bytes_of("answer")));
  EXPECT_EQ(both.first.receive(buffer).value(), 6U);
}

TEST_F(UnixSeqpacket, a_half_that_receives_no_more_is_told_to_who_sends_and_the_other_goes_on) {
  ASSERT_TRUE(both.first.finish_receiving());
  EXPECT_EQ(both.second.send(bytes_of("vain")).error(), std::errc::broken_pipe);
  ASSERT_TRUE(both.first.send(bytes_of("answer")));
  EXPECT_EQ(both.second.receive(buffer).value(), 6U);
}

TEST_F(UnixSeqpacket, a_peer_that_left_messages_unread_is_a_reset_after_what_it_had_sent) {
  // The kernel tells of the reset first, once, and only then gives the messages.
  for (const bool ask_size : {false, true}) {
    auto ends = std::make_optional(unix_seqpacket::create_pair().value());
    ASSERT_TRUE(ends->first.send(bytes_of("never received")));
    ASSERT_TRUE(ends->second.send(bytes_of("one")));
    ASSERT_TRUE(ends->second.send(bytes_of("three")));
    unix_seqpacket mine = std::move(ends->first);
    ends.reset();
    if (ask_size) {
      EXPECT_EQ(mine.next_size().value(), 3U);
    }
    EXPECT_EQ(mine.receive(buffer).value(), 3U);
    EXPECT_EQ(mine.receive(buffer).value(), 5U);
    for (int again = 0; again < 3; ++again) {
      EXPECT_EQ(mine.receive(buffer).error(), std::errc::connection_reset);
      EXPECT_EQ(mine.next_size().error(), std::errc::connection_reset);
    }
    EXPECT_EQ(mine.try_send(bytes_of("x")).error(), std::errc::broken_pipe);
  }
}

TEST_F(UnixSeqpacket, converses_through_a_listener) {
  const std::string name = unique_name();
  auto server = unix_seqpacket_listener::create(name).value();
  child client{[&name] {
    auto mine = unix_seqpacket::connect(name).value();
    ASSERT_TRUE(mine.send(bytes_of("question")));
    EXPECT_EQ(text_of(receive_message(mine, deadline{patience}).value()), "answer");
  }};
  auto theirs = server.accept(deadline{patience}).value();
  EXPECT_EQ(text_of(receive_message(theirs, deadline{patience}).value()), "question");
  ASSERT_TRUE(theirs.send(bytes_of("answer")));
  EXPECT_EQ(theirs.peer_credentials().value().process, client.id());
  client.wait_success();
}

}  // namespace
}  // namespace sluice::test
