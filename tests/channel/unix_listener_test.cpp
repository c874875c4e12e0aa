// Listeners of Unix sockets: one winner per address, whom they let in, shortages, and sockets that
// a service manager hands over.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <optional>
#include <sluice/channel/unix_listener.hpp>
#include <sluice/compose/framed.hpp>
#include <string>
#include <vector>

#include "channel/crowd.hpp"
#include "support/all_descriptors.hpp"
#include "support/another_user.hpp"
#include "support/bound_socket.hpp"
#include "support/child.hpp"
#include "support/isolation.hpp"
#include "support/runtime_directory.hpp"
#include "support/shared_array.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

class UnixListener : public ::testing::Test {
 protected:
  const std::string name = unique_name();
  const std::string path = private_runtime_directory::current() + "/" + name + ".path";
};

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

TEST_F(UnixListener, has_its_address_alone_and_gives_it_back) {
  // F42
  for (const std::string& address : {name, path, "@" + name}) {
    {
      const auto first = unix_stream_listener::create(address).value();
      auto second = unix_stream_listener::create(address);
      ASSERT_FALSE(second);
      EXPECT_EQ(second.error(), std::errc::address_in_use) << second.error().message();
      // Of an abstract name the kernel has one per type.
      EXPECT_EQ(unix_seqpacket_listener::create(address).has_value(), address.starts_with('@'));
      EXPECT_TRUE(unix_stream::connect(address));
    }
    EXPECT_TRUE(unix_seqpacket_listener::create(address));
  }
  EXPECT_FALSE(exists(path));
}

TEST_F(UnixListener, asking_whether_it_lives_brings_it_no_connection) {
  auto server = unix_stream_listener::create(name).value();
  EXPECT_FALSE(unix_stream_listener::create(name));
  EXPECT_TRUE(would_block(server.try_accept().error()));
}

TEST_F(UnixListener, clears_away_the_name_of_a_server_that_was_killed) {
  // F42
  for (const std::string& address : {name, path}) {
    const rendezvous there;
    child killed{[&] {
      const auto mine = unix_stream_listener::create(address).value();
      there.arrive();
      ::pause();
    }};
    there.wait();
    killed.kill();
    EXPECT_EQ(unix_stream::connect(address).error(), std::errc::connection_refused);
    auto next = unix_stream_listener::create(address).value();
    EXPECT_TRUE(unix_stream::connect(address));
  }
}

TEST_F(UnixListener, leaves_alone_what_is_no_socket_of_ours) {
  // H12
  const auto put_back = [&](auto&& make) {
    make();
    auto refused = unix_stream_listener::create(path);
    EXPECT_TRUE(exists(path));
    EXPECT_EQ(::unlink(path.c_str()), 0);
    return refused ? std::string{"made"} : refused.error().message();
  };
  EXPECT_NE(put_back([&] {
              ::close(::open(path.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
            }).find("something else than a socket"),
            std::string::npos);
  EXPECT_NE(
      put_back([&] { EXPECT_EQ(::symlink("/dev/null", path.c_str()), 0); }).find("symbolic link"),
      std::string::npos);
  if (may_change_user()) {
    EXPECT_NE(put_back([&] {
                bound_socket(path).reset();
                EXPECT_EQ(::chown(path.c_str(), nobody, nobody), 0);
              }).find("another user"),
              std::string::npos);
  }
}

TEST_F(UnixListener, of_racing_servers_exactly_one_wins_whatever_was_left_behind) {
  // F42: the soak. In each round several processes want the address at once, of which a killed
  // server left the name behind.
  constexpr int servers = 4;
  for (const std::string& address : {name, path}) {
    for (int round = 0; round < 25; ++round) {
      child before{[&] {
        auto left = unix_stream_listener::create(address).value();
        left.persist();
      }};
      before.wait_success();
      const rendezvous start;
      const rendezvous end;
      const shared_array won{2};
      std::vector<child> racers;
      for (int id = 0; id < servers; ++id)
        racers.emplace_back([&] {
          start.wait();
          auto mine = unix_stream_listener::create(address);
          if (mine) won[0].fetch_add(1);
          if (!mine) {
            EXPECT_EQ(mine.error(), std::errc::address_in_use) << mine.error().message();
            won[1].fetch_add(1);
          }
          end.wait();  // the winner holds it until all have tried
        });
      start.arrive(servers);
      const deadline late{patience};
      while (won[0] + won[1] < servers && !late.has_passed()) ::usleep(200);
      EXPECT_EQ(won[0], 1U);
      EXPECT_TRUE(unix_stream::connect(address, deadline::now()));
      end.arrive(servers);
      for (child& one : racers) one.wait_success();
    }
  }
}

TEST_F(UnixListener, lets_in_whom_its_filter_admits) {
  // H15
  std::vector<socket_credentials> asked;
  auto server =
      unix_stream_listener::create(name, {.filter = {.admits =
                                                         [&](const socket_credentials& who) {
                                                           asked.push_back(who);
                                                           return asked.size() > 2;
                                                         }}})
          .value();
  std::vector<unix_stream> clients;
  for (int count = 0; count < 3; ++count) clients.push_back(unix_stream::connect(name).value());
  auto accepted = server.accept(deadline::now()).value();
  EXPECT_EQ(server.refused(), 2U);
  EXPECT_EQ(asked.back(), (socket_credentials{::getpid(), ::geteuid(), ::getegid()}));
  std::array<std::byte, 10> bytes;
  EXPECT_EQ(clients[0].read_some(bytes, deadline{patience}).error(), errc::closed);
  ASSERT_TRUE(clients[2].write_all(bytes_of("in")));
  EXPECT_EQ(accepted.read_some(bytes, deadline{patience}).value(), 2U);
}

TEST_F(UnixListener, refuses_other_users_and_groups_and_goes_on) {
  // H15
  if (!may_change_user()) GTEST_SKIP() << "only root can be two users";
  ASSERT_EQ(::chmod(private_runtime_directory::current().c_str(), 0711), 0);
  for (const peer_filter& filter :
       {peer_filter{.users = {0}}, peer_filter{.groups = {::getegid()}}, peer_filter{}}) {
    const bool everybody = filter.users.empty() && filter.groups.empty();
    const std::string address = everybody ? "@" + name : path;  // abstract: our own user alone
    auto server = unix_stream_listener::create(address, {.mode = 0666, .filter = filter}).value();
    as_nobody([&] {
      auto stranger = unix_stream::connect(address, deadline{patience}, {.owner = 0});
      ASSERT_TRUE(stranger) << stranger.error().message();
    });
    auto friendly = unix_stream::connect(address).value();
    auto accepted = server.accept(deadline{patience}).value();
    EXPECT_EQ(accepted.peer_credentials().value().user, 0U);
    EXPECT_EQ(server.refused(), 1U);
  }
  ASSERT_EQ(::chmod(private_runtime_directory::current().c_str(), 0700), 0);
}

TEST_F(UnixListener, serves_who_means_it_beside_hundreds_who_say_nothing_or_nonsense) {
  // H13, H15
  serve_beside_a_crowd(
      [&] { return unix_stream_listener::create(name, {.backlog = 1000}).value(); },
      [&] {
        return unix_stream::connect(name, deadline{patience}, {.wait_for_peer = true}).value();
      });
}

TEST_F(UnixListener, without_a_descriptor_left_tells_the_client_and_goes_on) {
  // F41: what cannot be accepted must not make who polls spin, and the listener is not lost.
  child limited{[&] {
    auto server = unix_stream_listener::create(name).value();
    auto first = unix_stream::connect(name).value();
    auto second = unix_stream::connect(name).value();
    std::vector<unique_fd> taken = take_all_descriptors();
    auto refused = server.accept(deadline{patience});
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), std::errc::too_many_files_open);
    EXPECT_NE(std::string{refused.error().hint()}.find("RLIMIT_NOFILE"), std::string::npos);
    std::array<std::byte, 1> byte;
    EXPECT_EQ(first.read_some(byte, deadline{patience}).error(), errc::closed);
    EXPECT_FALSE(server.accept(deadline{patience}));
    // Nobody waits any more: the next look finds nothing, and does not find it at once again.
    EXPECT_EQ(server.wait_for_peer(deadline::now()).error(), std::errc::timed_out);
    taken.clear();
    auto third = unix_stream::connect(name).value();
    EXPECT_TRUE(server.accept(deadline{patience}));
  }};
  limited.wait_success();
}

TEST_F(UnixListener, accepts_until_the_deadline_and_not_longer) {
  auto server = unix_stream_listener::create(name).value();
  const auto before = deadline::clock::now();
  EXPECT_EQ(server.accept(20ms).error(), std::errc::timed_out);
  EXPECT_EQ(server.wait_for_peer(20ms).error(), std::errc::timed_out);
  EXPECT_GE(deadline::clock::now() - before, 40ms);
}

// --- Handed over by a service manager ----------------------------------------------------------

// A child whose descriptor 3 is a listening socket, as a service manager leaves it.
void as_service(const std::string& path, int type, const std::function<void()>& body) {
  child service{[&] {
    unique_fd socket{::socket(AF_UNIX, type, 0)};
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    ASSERT_LT(path.size(), sizeof address.sun_path);
    std::memcpy(address.sun_path, path.c_str(), path.size());
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(socket.get(), 5), 0);
    const int moved = socket.release();
    if (moved != 3) {
      ASSERT_EQ(::dup2(moved, 3), 3);
      ::close(moved);
    }
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    ::setenv("LISTEN_FDS", "1", 1);
    body();
  }};
  service.wait_success();
  ::unlink(path.c_str());
}

TEST_F(UnixListener, takes_over_the_socket_of_a_service_manager) {
  as_service(path, SOCK_STREAM, [&] {
    auto server = unix_stream_listener::inherited({.address = path});
    ASSERT_TRUE(server) << server.error().message();
    EXPECT_NE(::fcntl(3, F_GETFD) & FD_CLOEXEC, 0);
    auto client = unix_stream::connect(path).value();
    EXPECT_TRUE(server->accept(deadline{patience}));
  });
}

TEST_F(UnixListener, refuses_inherited_sockets_that_are_not_what_it_wants) {
  const auto refused = [](const inherited_options& options = {}) {
    auto made = unix_stream_listener::inherited(options);
    return made ? std::string{"made"} : std::string{made.error().hint()};
  };
  EXPECT_NE(refused().find("no service manager"), std::string::npos);
  as_service(path, SOCK_SEQPACKET, [&] {
    EXPECT_NE(refused().find("another type"), std::string::npos);
    EXPECT_TRUE(unix_seqpacket_listener::inherited());
  });
  as_service(path, SOCK_STREAM, [&] {
    EXPECT_NE(refused({.index = 1}).find("fewer sockets"), std::string::npos);
    ::setenv("LISTEN_PID", "1", 1);
    EXPECT_NE(refused().find("another process"), std::string::npos);
    ::setenv("LISTEN_PID", "many", 1);
    EXPECT_NE(refused().find("no service manager"), std::string::npos);
    ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
    EXPECT_NE(::fcntl(3, F_GETFD), -1) << "what was refused stays open";
    EXPECT_NE(refused({.address = "/run/other.sock"}).find("another address"), std::string::npos);
  });
  as_service(path, SOCK_STREAM, [&] {
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(::dup2(null, 3), 3);
    EXPECT_FALSE(unix_stream_listener::inherited());
    ::close(null);
  });
}

}  // namespace
}  // namespace sluice::test
