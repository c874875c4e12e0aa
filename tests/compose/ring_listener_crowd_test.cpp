// Hundreds of clients at once that are silent, slow, greedy, or talk nonsense, and floods of them,
// while somebody who means it is served, also where descriptors are few.

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <functional>
#include <sluice/compose/ring_listener.hpp>
#include <string>
#include <utility>
#include <vector>

#include "fault/failing_syscall.hpp"
#include "support/another_user.hpp"
#include "support/child.hpp"
#include "support/isolation.hpp"

namespace sluice::test {
namespace {

constexpr std::size_t max_undecided = 16;
constexpr int crowds = 10;
constexpr int of_one_crowd = 50;

// What docs/ring-format.md says a client says first: any carrier, up to 64 MiB.
const std::string greeting{"slhello3\0\0\0\0\0\0\0\0\0\0\0\4\0\0\0\0", 24};

using way = std::function<void(unix_seqpacket&)>;

void say_nothing(unix_seqpacket&) {}
void talk_nonsense(unix_seqpacket& server) {
  static_cast<void>(server.try_send(bytes_of("GET / HTTP/1.0\r\n")));
}
void greet(unix_seqpacket& server) { static_cast<void>(server.try_send(bytes_of(greeting))); }
void greet_and_seem_to_go(unix_seqpacket& server) {
  greet(server);
  static_cast<void>(server.finish());
}

// Fifty connections in a process of their own, which stay until it is killed.
child crowd_at(const std::string& address, const rendezvous& there, const way& behave) {
  return child{[&] {
    std::vector<unix_seqpacket> connections;
    for (int i = 0; i < of_one_crowd; ++i) {
      connections.push_back(unix_seqpacket::connect(address, deadline{patience}).value());
      behave(connections.back());
    }
    there.arrive();
    for (;;) ::pause();
  }};
}

// Comes and goes, without end.
child flood_at(const std::string& address, const way& behave) {
  return child{[&] {
    for (;;) {
      auto made = unix_seqpacket::connect(address, deadline{patience});
      if (made) behave(*made);
    }
  }};
}

// Serves one client, that comes when all the others are there.
void expect_to_serve_after(int arrivals, const rendezvous& there, ring_listener& server,
                           const std::string& address) {
  child client{[&] {
    for (int i = 0; i < arrivals; ++i) there.wait();
    auto mine = ring_connection::connect(address, deadline{patience});
    ASSERT_TRUE(mine) << mine.error().message();
    ASSERT_TRUE(mine->sender().send(bytes_of("please"), deadline{patience}));
    std::array<std::byte, 100> buffer;
    EXPECT_EQ(mine->receiver().receive(buffer, deadline{patience}).value(), 6U);
  }};
  auto theirs = server.accept(deadline{patience});
  ASSERT_TRUE(theirs) << theirs.error().message();
  std::array<std::byte, 100> buffer;
  EXPECT_EQ(theirs->receiver().receive(buffer, deadline{patience}).value(), 6U);
  ASSERT_TRUE(theirs->sender().send(bytes_of("served"), deadline{patience}));
  ASSERT_TRUE(theirs->sender().flush(deadline{patience}));
  client.wait_success();
}

ring_listener listener_at(const std::string& address) {
  return ring_listener::create(address, {.to_client = {.capacity_bytes = 65'536},
                                         .from_client = {.capacity_bytes = 65'536},
                                         .max_undecided = max_undecided})
      .value();
}

// H13, H15
TEST(RingListenerCrowd, H13_H15_of_every_bad_manner_and_in_floods_keeps_out_nobody_who_means_it) {
  const std::string address = unique_name();
  auto server = listener_at(address);
  const fault_plan counting;
  const rendezvous there;
  const std::vector<way> ways{say_nothing, talk_nonsense, greet, greet_and_seem_to_go};
  std::vector<child> others;
  for (std::size_t i = 0; i < crowds; ++i)
    others.push_back(crowd_at(address, there, ways[i % ways.size()]));
  for (const way& behave : ways) others.push_back(flood_at(address, behave));
  expect_to_serve_after(crowds, there, server, address);
  EXPECT_GT(server.let_go(), 0U);
  for (child& one : others) one.kill();
}

// The process that listens, its clients, and all they have under way, are of one user that is not
// root, and each has few descriptors.
void as_user_with_descriptors(rlim_t most, const std::function<void()>& body) {
  child limited{[&] {
    const rlimit few{.rlim_cur = most, .rlim_max = most};
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    const uid_t user = user_of_its_own();
    ASSERT_EQ(::setgid(user), 0);
    ASSERT_EQ(::setuid(user), 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    body();
  }};
  limited.wait_success();
}

// Of a user that is not root, with few descriptors: crowds of these manners stay while one client
// is served, and then it is looked at what that took.
void expect_served_beside(const std::vector<way>& ways,
                          const std::function<void(const fault_plan&, ring_listener&)>& look) {
  const std::string address = "@" + unique_name();
  as_user_with_descriptors(190, [&] {
    auto server = listener_at(address);
    const fault_plan counting;
    const rendezvous there;
    std::vector<child> others;
    for (std::size_t i = 0; i < crowds; ++i)
      others.push_back(crowd_at(address, there, ways[i % ways.size()]));
    expect_to_serve_after(crowds, there, server, address);
    look(counting, server);
    for (child& one : others) one.kill();
  });
}

// H13, F43
TEST(RingListenerCrowd, H13_of_silent_clients_holds_no_memory_and_no_descriptors_under_way) {
  if (!may_change_user()) GTEST_SKIP() << "becoming another user needs root";
  expect_served_beside({say_nothing}, [](const fault_plan& counting, const ring_listener& server) {
    EXPECT_EQ(counting.calls_of(SYS_memfd_create), 2U);  // for the one that spoke
    EXPECT_GE(server.let_go(), std::uint64_t{crowds * of_one_crowd} - max_undecided);
  });
}

// H13, F43
TEST(RingListenerCrowd, H13_that_speaks_and_does_not_read_holds_memory_for_so_many) {
  if (!may_change_user()) GTEST_SKIP() << "becoming another user needs root";
  expect_served_beside({greet, greet_and_seem_to_go},
                       [](const fault_plan& counting, const ring_listener&) {
                         EXPECT_EQ(counting.calls_of(SYS_memfd_create), 2U * max_undecided);
                       });
}

// F43: the kernel's own limit, as it tells of it: so many are under way that no more may be.
TEST(RingListenerCrowd, F43_that_exhausts_the_descriptors_under_way_is_served_over_sockets) {
  if (!may_change_user()) GTEST_SKIP() << "becoming another user needs root";
  const std::string address = "@" + unique_name();
  as_user_with_descriptors(100, [&] {
    auto server = listener_at(address);
    // Another process of the same user holds as many as there may be under way.
    const rendezvous there;
    child hoarder{[&] {
      auto pair = unix_seqpacket::create_pair().value();
      const std::vector<int> handles(25, 0);
      for (int i = 0; i < 4; ++i) ASSERT_TRUE(pair.first.try_send(bytes_of("x"), handles));
      ASSERT_TRUE(pair.first.try_send(bytes_of("x"), std::vector<int>(1, 0)));
      EXPECT_FALSE(pair.first.try_send(bytes_of("x"), std::vector<int>(1, 0)));
      there.arrive();
      for (;;) ::pause();
    }};
    there.wait();
    child client{[&] {
      auto mine = ring_connection::connect(address, deadline{patience});
      ASSERT_TRUE(mine) << mine.error().message();
      EXPECT_EQ(mine->carrier(), ring_carrier::socket);
      EXPECT_TRUE(mine->sender().send(bytes_of("please"), deadline{patience}));
    }};
    auto theirs = server.accept(deadline{patience});
    ASSERT_TRUE(theirs) << theirs.error().message();
    EXPECT_EQ(theirs->carrier(), ring_carrier::socket);
    std::array<std::byte, 100> buffer;
    EXPECT_EQ(theirs->receiver().receive(buffer, deadline{patience}).value(), 6U);
    client.wait_success();
    hoarder.kill();
  });
}

}  // namespace
}  // namespace sluice::test
