// What Unix stream connections promise beyond the conformance suites: addresses, half an end,
// resets, and who the peer is.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <sluice/channel/unix_listener.hpp>
#include <sluice/channel/unix_stream.hpp>
#include <sluice/compose/framed.hpp>
#include <sluice/os/unix_address.hpp>
#include <string>
#include <thread>
#include <vector>

#include "support/another_user.hpp"
#include "support/asleep.hpp"
#include "support/bound_socket.hpp"
#include "support/child.hpp"
#include "support/isolation.hpp"
#include "support/runtime_directory.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

std::string path_in_directory() {
  return private_runtime_directory::current() + "/" + unique_name() + ".path";
}

std::string read_text(unix_stream& from) {
  std::array<std::byte, 100> buffer;
  auto got = from.read_some(buffer, deadline{patience});
  return got ? std::string{text_of(const_bytes{buffer}.first(*got))} : got.error().message();
}

TEST(UnixAddress, is_a_name_a_path_or_abstract) {
  EXPECT_FALSE(unix_address::parse("chat").value().is_abstract());
  EXPECT_TRUE(unix_address::parse("/tmp/chat.sock").value().name()->is_path());
  const auto abstract = unix_address::parse("@chat").value();
  EXPECT_TRUE(abstract.is_abstract());
  EXPECT_EQ(abstract.abstract_name(), "chat");
  EXPECT_EQ(abstract.text(), "@chat");
}

TEST(UnixAddress, refuses_what_can_be_none) {
  EXPECT_EQ(unix_address::parse("").error(), std::errc::invalid_argument);
  EXPECT_EQ(unix_address::parse("@").error(), std::errc::invalid_argument);
  EXPECT_EQ(unix_address::parse(".hidden").error(), std::errc::invalid_argument);
  EXPECT_TRUE(unix_address::parse("@" + std::string(107, 'x')));
  EXPECT_EQ(unix_address::parse("@" + std::string(108, 'x')).error(), std::errc::filename_too_long);
}

class UnixStreamAddresses : public ::testing::TestWithParam<const char*> {
 protected:
  const std::string address = GetParam() == std::string{"path"}       ? path_in_directory()
                              : GetParam() == std::string{"abstract"} ? "@" + unique_name()
                                                                      : unique_name();
};

TEST_P(UnixStreamAddresses, connect_with_the_listener_that_has_them) {
  auto server = unix_stream_listener::create(address).value();
  child client{[this] {
    auto mine = unix_stream::connect(address).value();
    EXPECT_TRUE(mine.write_all(bytes_of("question")));
    EXPECT_EQ(read_text(mine), "answer");
  }};
  auto theirs = server.accept(deadline{patience}).value();
  EXPECT_EQ(read_text(theirs), "question");
  EXPECT_TRUE(theirs.write_all(bytes_of("answer")));
  client.wait_success();
}

TEST_P(UnixStreamAddresses, where_nobody_listens_are_refused_at_once) {
  auto none = unix_stream::connect(address);
  ASSERT_FALSE(none);
  EXPECT_TRUE(none.error() == std::errc::connection_refused ||
              none.error() == std::errc::no_such_file_or_directory)
      << none.error().message();
}

TEST_P(UnixStreamAddresses, can_be_waited_for_until_a_deadline) {
  const auto before = deadline::clock::now();
  auto late = unix_stream::connect(address, 20ms, {.wait_for_peer = true});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error(), std::errc::timed_out) << late.error().message();
  EXPECT_GE(deadline::clock::now() - before, 20ms);
  child client{[this] {
    auto mine = unix_stream::connect(address, deadline{patience}, {.wait_for_peer = true});
    ASSERT_TRUE(mine) << mine.error().message();
    EXPECT_TRUE(mine->write_all(bytes_of("here")));
  }};
  wait_until_asleep(client.id());
  auto server = unix_stream_listener::create(address).value();
  auto theirs = server.accept(deadline{patience}).value();
  EXPECT_EQ(read_text(theirs), "here");
  client.wait_success();
}

TEST_P(UnixStreamAddresses, that_accept_nobody_hold_a_client_until_its_deadline) {
  auto server = unix_stream_listener::create(address, {.backlog = 1}).value();
  std::vector<unix_stream> waiting;
  for (;;) {
    auto one = unix_stream::connect(address, deadline::now());
    if (!one) {
      EXPECT_EQ(one.error(), std::errc::timed_out) << one.error().message();
      break;
    }
    waiting.push_back(std::move(*one));
    ASSERT_LT(waiting.size(), 10U);
  }
  EXPECT_EQ(unix_stream::connect(address, 10ms).error(), std::errc::timed_out);
  child patient{[this] { EXPECT_TRUE(unix_stream::connect(address)); }};
  wait_until_asleep(patient.id());
  EXPECT_TRUE(server.accept(deadline::now()));
  patient.wait_success();
}

INSTANTIATE_TEST_SUITE_P(All, UnixStreamAddresses, ::testing::Values("name", "path", "abstract"),
                         [](const auto& one) { return std::string{one.param}; });

TEST(UnixStream, is_found_under_a_path_longer_than_the_kernel_takes) {
  const std::string deep = private_runtime_directory::current() + "/" + std::string(120, 'd');
  ASSERT_EQ(::mkdir(deep.c_str(), 0700), 0);
  {
    auto server = unix_stream_listener::create(deep + "/s").value();
    auto mine = unix_stream::connect(deep + "/s").value();
    EXPECT_TRUE(server.accept(deadline::now()));
  }
  EXPECT_EQ(::rmdir(deep.c_str()), 0);
}

TEST(UnixStream, a_finished_half_ends_for_the_peer_and_the_other_half_goes_on) {
  auto both = unix_stream::create_pair().value();
  ASSERT_TRUE(both.first.write_all(bytes_of("last words")));
  ASSERT_TRUE(both.first.finish());
  EXPECT_EQ(read_text(both.second), "last words");
  std::array<std::byte, 10> buffer;
  EXPECT_EQ(both.second.try_read(buffer).error(), errc::closed);
  EXPECT_EQ(both.first.try_write(bytes_of("more")).error(), std::errc::broken_pipe);
  ASSERT_TRUE(both.second.write_all(bytes_of("answer")));
  EXPECT_EQ(read_text(both.first), "answer");
}

TEST(UnixStream, a_peer_that_left_bytes_unread_is_a_reset_and_stays_one) {
  auto both = std::make_optional(unix_stream::create_pair().value());
  ASSERT_TRUE(both->first.write_all(bytes_of("never read")));
  ASSERT_TRUE(both->second.write_all(bytes_of("sent before")));
  unix_stream mine = std::move(both->first);
  both.reset();
  EXPECT_EQ(read_text(mine), "sent before");
  std::array<std::byte, 10> buffer;
  for (int again = 0; again < 3; ++again)
    EXPECT_EQ(mine.try_read(buffer).error(), std::errc::connection_reset);
}

TEST(UnixStream, a_duplicate_keeps_the_connection_until_both_are_gone) {
  auto both = unix_stream::create_pair().value();
  auto copy = std::make_optional(both.first.duplicate().value());
  { const unix_stream gone = std::move(both.first); }
  std::array<std::byte, 10> buffer;
  EXPECT_TRUE(would_block(both.second.try_read(buffer).error()));
  ASSERT_TRUE(copy->write_all(bytes_of("still")));
  EXPECT_EQ(read_text(both.second), "still");
  copy.reset();
  EXPECT_EQ(both.second.try_read(buffer).error(), errc::closed);
}

TEST(UnixStream, carries_frames_both_ways) {
  auto both = unix_stream::create_pair().value();
  child other{[&] {
    auto back = both.second.duplicate().value();
    auto from = framed_receiver<unix_stream>::create(std::move(both.second)).value();
    auto to = framed_sender<unix_stream>::create(std::move(back)).value();
    for (int count = 0; count < 100; ++count) {
      auto got = receive_message(from, deadline{patience});
      ASSERT_TRUE(got);
      EXPECT_TRUE(to.send(*got, deadline{patience}));
    }
  }};
  auto back = both.first.duplicate().value();
  auto to = framed_sender<unix_stream>::create(std::move(both.first)).value();
  auto from = framed_receiver<unix_stream>::create(std::move(back)).value();
  for (int count = 0; count < 100; ++count) {
    const std::vector<std::byte> sent(static_cast<std::size_t>(count) * 100, std::byte{7});
    ASSERT_TRUE(to.send(sent, deadline{patience}));
    EXPECT_EQ(receive_message(from, deadline{patience}).value(), sent);
  }
  other.wait_success();
}

TEST(UnixStream, takes_over_only_connected_stream_sockets) {
  const auto refuses = [](int fd) {
    auto taken = unix_stream::from_native(unique_fd{fd});
    return !taken && taken.error() == std::errc::invalid_argument;
  };
  EXPECT_TRUE(refuses(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
  EXPECT_TRUE(refuses(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
  const std::string path = path_in_directory();
  EXPECT_TRUE(refuses(bound_socket(path).release()));
  ::unlink(path.c_str());
  EXPECT_EQ(unix_stream::from_native(unique_fd{::open("/dev/null", O_RDONLY | O_CLOEXEC)}).error(),
            std::errc::not_a_socket);
  EXPECT_TRUE(unix_stream::from_native(
      std::move(unix_stream::create_pair().value().first).release_handle()));
}

TEST(UnixStream, follows_no_symbolic_link_and_takes_nothing_but_sockets) {
  // H12
  const std::string path = path_in_directory();
  const std::string link = path_in_directory();
  auto server = unix_stream_listener::create(path).value();
  ASSERT_EQ(::symlink(path.c_str(), link.c_str()), 0);
  EXPECT_EQ(unix_stream::connect(link).error(), std::errc::too_many_symbolic_link_levels);
  ASSERT_EQ(::unlink(link.c_str()), 0);
  ASSERT_EQ(::mkfifo(link.c_str(), 0600), 0);
  EXPECT_EQ(unix_stream::connect(link).error(), std::errc::invalid_argument);
  ASSERT_EQ(::unlink(link.c_str()), 0);
}

TEST(UnixStream, connects_with_another_users_socket_only_when_told_to) {
  if (!may_change_user()) GTEST_SKIP() << "only root can be two users";
  for (const std::string& address : {path_in_directory(), "@" + unique_name()}) {
    auto server =
        unix_stream_listener::create(address, {.mode = 0666, .filter = {.users = {0, nobody}}})
            .value();
    ASSERT_EQ(::chmod(private_runtime_directory::current().c_str(), 0711), 0);
    as_nobody([&] {
      EXPECT_EQ(unix_stream::connect(address, deadline::now()).error(),
                std::errc::permission_denied);
      auto mine = unix_stream::connect(address, deadline::now(), {.owner = 0});
      ASSERT_TRUE(mine) << mine.error().message();
    });
    ASSERT_EQ(::chmod(private_runtime_directory::current().c_str(), 0700), 0);
  }
}

TEST(UnixStream, knows_the_process_at_the_other_end) {
  const std::string name = unique_name();
  auto server = unix_stream_listener::create(name).value();
  const rendezvous accepted;
  child client{[&] {
    auto mine = unix_stream::connect(name).value();
    EXPECT_EQ(mine.peer_credentials().value().process, ::getppid());
    accepted.wait();
  }};
  auto theirs = server.accept(deadline{patience}).value();
  const auto who = theirs.peer_credentials().value();
  EXPECT_EQ(who, (socket_credentials{client.id(), ::geteuid(), ::getegid()}));
  auto peer = theirs.peer_process().value();
  EXPECT_EQ(peer.id(), client.id());
  EXPECT_EQ(peer.wait_for_exit(deadline::now()).error(), std::errc::timed_out);
  accepted.arrive();
  EXPECT_TRUE(peer.wait_for_exit(deadline{patience}));
  client.wait_success();
}

}  // namespace
}  // namespace sluice::test
