// What Unix datagrams promise beyond the conformance suites: addresses, receivers that come again,
// and descriptors.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <sluice/channel/pipe.hpp>
#include <sluice/channel/unix_datagram.hpp>
#include <string>
#include <vector>

#include "support/asleep.hpp"
#include "support/child.hpp"
#include "support/isolation.hpp"
#include "support/runtime_directory.hpp"
#include "support/shared_array.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

class UnixDatagram : public ::testing::Test {
 protected:
  const std::string name = unique_name();
  std::array<std::byte, 100> buffer{};
};

TEST_F(UnixDatagram, without_an_address_is_a_pair) {
  auto both = unix_datagram_receiver::create_pair().value();
  ASSERT_TRUE(both.sender.send(bytes_of("abc")));
  ASSERT_TRUE(both.sender.send({}));
  EXPECT_EQ(both.receiver.receive(buffer).value(), 3U);
  EXPECT_EQ(both.receiver.receive(buffer).value(), 0U);
  EXPECT_TRUE(would_block(both.receiver.try_receive(buffer).error()));
  EXPECT_EQ(both.sender.wait_for_peer(deadline::now()).error(), std::errc::invalid_argument);
}

TEST_F(UnixDatagram, its_longest_message_is_what_its_receiver_expects) {
  auto pair = unix_datagram_receiver::create_pair(10).value();
  EXPECT_EQ(pair.sender.max_message_bytes(), 10U);
  EXPECT_EQ(pair.receiver.max_message_bytes(), 10U);
  EXPECT_EQ(pair.sender.try_send(bytes_of("abcdefghijk")).error(), std::errc::message_size);

  auto receiver = unix_datagram_receiver::create(name, {.max_message_bytes = 10}).value();
  auto sender = unix_datagram_sender::connect(name).value();
  const mutable_bytes all{buffer};
  for (const char* message : {"abcdefghij", "abcdefghijk", "abcdefghijk"})
    ASSERT_TRUE(sender.send(bytes_of(message)));
  // Into a smaller buffer it stays, one of that size gets it, and what is longer is cut and told
  // ...
  EXPECT_EQ(receiver.receive(all.first(9)).error(), std::errc::no_buffer_space);
  EXPECT_EQ(receiver.receive(all.first(10)).value(), 10U);
  EXPECT_EQ(receiver.receive(all.first(10)).error(), std::errc::message_size);
  // ... where the buffer does not hold it all the same.
  EXPECT_EQ(receiver.receive(all).value(), 11U);
  EXPECT_TRUE(would_block(receiver.try_receive(all).error()));
}

TEST_F(UnixDatagram, a_sender_is_told_that_the_receiver_is_gone_and_finds_the_next) {
  auto first = std::make_optional(unix_datagram_receiver::create(name).value());
  auto sender = unix_datagram_sender::connect(name).value();
  ASSERT_TRUE(sender.send(bytes_of("one")));
  first.reset();
  for (int again = 0; again < 3; ++again)
    EXPECT_EQ(sender.try_send(bytes_of("two")).error(), std::errc::broken_pipe);
  EXPECT_EQ(sender.wait_for_peer(5ms).error(), std::errc::timed_out);
  auto second = unix_datagram_receiver::create(name).value();
  ASSERT_TRUE(sender.wait_for_peer(deadline{patience}));
  ASSERT_TRUE(sender.send(bytes_of("three")));
  EXPECT_EQ(second.receive(buffer).value(), 5U);
}

TEST_F(UnixDatagram, has_one_receiver_per_address) {
  // F42
  for (const std::string& address :
       {name, "@" + name, private_runtime_directory::current() + "/" + name + ".path"}) {
    const auto first = unix_datagram_receiver::create(address).value();
    EXPECT_EQ(unix_datagram_receiver::create(address).error(), std::errc::address_in_use);
  }
}

TEST_F(UnixDatagram, takes_the_address_of_a_receiver_that_was_killed) {
  // F42
  const rendezvous there;
  child killed{[&] {
    const auto mine = unix_datagram_receiver::create(name).value();
    there.arrive();
    ::pause();
  }};
  there.wait();
  EXPECT_EQ(unix_datagram_receiver::create(name).error(), std::errc::address_in_use);
  killed.kill();
  auto next = unix_datagram_receiver::create(name).value();
  ASSERT_TRUE(unix_datagram_sender::connect(name).value().send(bytes_of("abc")));
  EXPECT_EQ(next.receive(buffer).value(), 3U);
}

TEST_F(UnixDatagram, of_racing_receivers_exactly_one_wins_whatever_those_killed_in_between_left) {
  // F42: the soak. Two take the address and give it back, over and over, until they are killed,
  // wherever they are; then several want it at once.
  constexpr int receivers = 4;
  const std::string path = private_runtime_directory::current() + "/" + name + ".path";
  for (const std::string& address : {name, path}) {
    for (unsigned round = 0; round < 25; ++round) {
      const shared_array tried{2};
      const auto take_and_give_back = [&](std::size_t id) {
        for (;; tried[id].fetch_add(1)) static_cast<void>(unix_datagram_receiver::create(address));
      };
      child one{[&] { take_and_give_back(0); }};
      child other{[&] { take_and_give_back(1); }};
      const deadline late{patience};
      while ((tried[0] == 0 || tried[1] == 0) && !late.has_passed()) ::usleep(100);
      ::usleep(round * 37);
      one.kill();
      other.kill();

      const rendezvous start;
      const rendezvous end;
      const shared_array won{2};
      std::vector<child> racers;
      for (int id = 0; id < receivers; ++id)
        racers.emplace_back([&] {
          start.wait();
          auto mine = unix_datagram_receiver::create(address);
          if (!mine) {
            EXPECT_EQ(mine.error(), std::errc::address_in_use) << mine.error().message();
          }
          won[mine ? 0 : 1].fetch_add(1);
          end.wait();  // the winner holds it until all have tried
          if (mine) {
            EXPECT_EQ(mine->receive(buffer, deadline{patience}).value(), 3U);
          }
        });
      start.arrive(receivers);
      while (won[0] + won[1] < receivers && !late.has_passed()) ::usleep(200);
      EXPECT_EQ(won[0], 1U);
      EXPECT_TRUE(unix_datagram_sender::connect(address).value().send(bytes_of("abc")));
      end.arrive(receivers);
      for (child& racer : racers) racer.wait_success();
    }
  }
}

TEST_F(UnixDatagram, its_file_has_exactly_the_mode_asked_for) {
  const std::string path = private_runtime_directory::current() + "/" + name + ".path";
  const mode_t before = ::umask(0277);
  for (const mode_t mode : {0600U, 0666U, 0620U}) {
    const auto made = unix_datagram_receiver::create(path, {.mode = mode}).value();
    struct stat found {};
    ASSERT_EQ(::stat(path.c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 07777, mode);
  }
  ::umask(before);
  EXPECT_NE(::access(path.c_str(), F_OK), 0);
}

TEST_F(UnixDatagram, carries_descriptors) {
  auto receiver = unix_datagram_receiver::create(name).value();
  auto sender = unix_datagram_sender::connect(name).value();
  auto made = pipe::create().value();
  const std::array<int, 1> passed{made.writer.native_handle()};
  ASSERT_TRUE(sender.try_send(bytes_of("pipe"), passed));
  received_handles handles;
  EXPECT_EQ(receiver.try_receive(buffer, handles).value(), 4U);
  ASSERT_EQ(handles.size(), 1U);
  ASSERT_TRUE(pipe_writer::from_native(std::move(handles[0])).value().write_all(bytes_of("x")));
  EXPECT_EQ(made.reader.read_some(buffer).value(), 1U);
}

}  // namespace
}  // namespace sluice::test
