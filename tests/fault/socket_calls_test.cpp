// Which calls sockets make, what becomes of them where the kernel moves less than was asked for
// (F36), and where it does not know them (F48).

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <numeric>
#include <sluice/channel/unix_listener.hpp>
#include <sluice/channel/unix_stream.hpp>
#include <sluice/compose/framed.hpp>
#include <string>
#include <string_view>

#include "fault/failing_syscall.hpp"
#include "support/child.hpp"
#include "support/isolation.hpp"

namespace sluice::test {
namespace {

TEST(SocketCalls, that_move_any_number_of_bytes_keep_frames_whole) {
  // F36
  for (std::size_t most = 1; most < 20; ++most) {
    auto both = unix_stream::create_pair().value();
    auto sender = framed_sender<unix_stream>::create(std::move(both.first)).value();
    auto receiver = framed_receiver<unix_stream>::create(std::move(both.second)).value();
    const fault_plan plan{
        {.calls = {SYS_sendto, SYS_sendmsg, SYS_recvfrom}, .at_most_bytes = most}};
    std::array<std::byte, 200> buffer;
    for (const std::size_t size : {0u, 1u, 7u, 8u, 9u, 100u}) {
      std::string text(size, ' ');
      std::iota(text.begin(), text.end(), static_cast<char>(size));
      ASSERT_TRUE(sender.send(bytes_of(text), deadline{patience}));
      auto got = receiver.receive(buffer, deadline{patience});
      ASSERT_TRUE(got) << got.error().message();
      EXPECT_EQ(text_of(const_bytes{buffer}.first(*got)), text);
    }
    EXPECT_GT(plan.struck(), 0U);
  }
}

TEST(SocketCalls, are_one_for_each_message_in_each_direction) {
  auto both = unix_seqpacket::create_pair().value();
  std::vector<std::byte> buffer(both.second.max_message_bytes());
  const fault_plan plan;
  for (int count = 0; count < 10; ++count) {
    ASSERT_TRUE(both.first.send(bytes_of("message")));
    ASSERT_TRUE(both.second.receive(buffer));
  }
  EXPECT_EQ(plan.calls(), 20U);
}

TEST(SocketCalls, without_the_kernels_handle_the_peer_is_found_by_its_number) {
  // F48: Linux before 6.5. The fifth question is the one that it does not understand.
  auto both = unix_stream::create_pair().value();
  for (const int number : {ENOPROTOOPT, ENOSYS}) {
    const fault_plan plan{
        {.calls = {SYS_getsockopt}, .first = 5, .times = 1, .error_number = number}};
    auto peer = both.first.peer_process();
    ASSERT_TRUE(peer) << peer.error().message();
    EXPECT_EQ(plan.struck(), 1U);
    EXPECT_EQ(plan.calls_of(SYS_pidfd_open), 1U);
    EXPECT_EQ(peer->id(), ::getpid());
    EXPECT_EQ(peer->wait_for_exit(deadline::now()).error(), std::errc::timed_out);
  }
}

TEST(SocketCalls, without_proc_say_what_names_need) {
  // F48
  for (const long call : {long{SYS_bind}, long{SYS_connect}}) {
    const std::string name = unique_name();
    auto server = unix_stream_listener::create(name).value();
    const fault_plan plan{{.calls = {call}, .error_number = ENOENT}};
    const auto failed = [&]() -> result<void> {
      if (call == SYS_connect)
        return unix_stream::connect(name).and_then([](auto&&) { return result<void>{}; });
      return unix_stream_listener::create(unique_name()).and_then([](auto&&) {
        return result<void>{};
      });
    }();
    ASSERT_FALSE(failed);
    EXPECT_NE(std::string_view{failed.error().hint()}.find("/proc"), std::string_view::npos);
  }
}

TEST(SocketCalls, that_bind_leave_no_name_where_listening_fails) {
  const std::string name = unique_name();
  {
    const fault_plan plan{{.calls = {SYS_listen}, .error_number = EACCES}};
    EXPECT_EQ(unix_stream_listener::create(name).error(), std::errc::permission_denied);
  }
  EXPECT_EQ(unix_stream::connect(name).error(), std::errc::no_such_file_or_directory);
}

}  // namespace
}  // namespace sluice::test
