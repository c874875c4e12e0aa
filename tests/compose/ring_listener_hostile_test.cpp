// Clients that say nothing, or nonsense, and listeners that hand out something else.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <memory>
#include <sluice/channel/pipe.hpp>
#include <sluice/compose/ring_listener.hpp>
#include <string>
#include <vector>

#include "compose/ring_hand_over.hpp"
#include "fault/failing_syscall.hpp"
#include "support/another_user.hpp"
#include "support/child.hpp"
#include "support/isolation.hpp"

namespace sluice::test {
namespace {

using namespace std::chrono_literals;
using namespace ring_hand_over;

// The bytes are what docs/ring-format.md says.
TEST(RingHandOver, is_what_its_page_says) {
  const offer offered{.carrier = ring_carrier::hardened,
                      .to_client_bytes = 0x0000'0000'0010'0000,
                      .from_client_bytes = 0x0000'0000'0000'1000};
  EXPECT_EQ(text_of(bytes_of(offered)),
            std::string("slrings3\1\0\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\x10\0\0\0\0\0\0", 32));
  EXPECT_EQ(text_of(bytes_of(answer{})), std::string("slanswe3\1\0\0\0\0\0\0\0", 16));
  EXPECT_EQ(text_of(bytes_of(answer{.what = verdict::something_else})),
            std::string("slanswe3\2\0\0\0\0\0\0\0", 16));
  EXPECT_EQ(text_of(bytes_of(agreement{})), "slagree3");
  EXPECT_EQ(text_of(bytes_of(turned_away{})), "slagain3");
  const hello greeting{.best = ring_carrier::hardened, .max_capacity_bytes = 0x1000};
  EXPECT_EQ(text_of(bytes_of(greeting)),
            std::string("slhello3\1\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0", 24));
}

class RingListenerHostile : public ::testing::Test {
 protected:
  // Whoever means it is served, whatever the others do.
  void expect_to_serve(ring_carrier carrier = ring_carrier::hardened) {
    child client{[&] {
      auto mine = ring_connection::connect(name, deadline{patience});
      ASSERT_TRUE(mine) << mine.error().message();
      EXPECT_EQ(mine->carrier(), carrier);
      EXPECT_TRUE(mine->sender().send(bytes_of("hello"), deadline{patience}));
    }};
    auto theirs = server.accept(deadline{patience});
    ASSERT_TRUE(theirs) << theirs.error().message();
    std::array<std::byte, 100> buffer;
    EXPECT_EQ(theirs->receiver().receive(buffer, deadline{patience}).value(), 5U);
    client.wait_success();
  }
  // One that has spoken, and not looked at what it was offered.
  unix_seqpacket greeter() {
    auto made = unix_seqpacket::connect(name).value();
    EXPECT_TRUE(made.send(bytes_of(hello{.max_capacity_bytes = 4096})));
    EXPECT_TRUE(would_block(server.try_accept().error()));
    return made;
  }
  // One that was made an offer.
  unix_seqpacket stranger() {
    auto made = greeter();
    offer what;
    received_handles came;
    EXPECT_EQ(made.receive(writable_bytes_of(what), came, deadline{patience}).value(), sizeof what);
    return made;
  }
  static std::string text_of_answer() { return std::string{text_of(bytes_of(answer{}))}; }
  void expect_to_be_dropped(unix_seqpacket& client) {
    EXPECT_TRUE(would_block(server.try_accept().error()));
    std::array<std::byte, 100> buffer;
    // Reset, where it left something of ours unread.
    const auto end = client.receive(buffer, deadline{patience});
    ASSERT_FALSE(end);
    EXPECT_TRUE(end.error() == errc::closed || end.error() == std::errc::connection_reset)
        << end.error().message();
  }

  const std::string name = unique_name();
  ring_listener server = ring_listener::create(name, {.to_client = {.capacity_bytes = 4096},
                                                      .from_client = {.capacity_bytes = 4096},
                                                      .trust = ring_trust::nobody,
                                                      .max_undecided = 8})
                             .value();
};

// H13, H15
TEST_F(RingListenerHostile, H13_H15_the_silent_hold_so_much_and_keep_nobody_out) {
  std::vector<unix_seqpacket> silent;
  for (int i = 0; i < 100; ++i) silent.push_back(unix_seqpacket::connect(name).value());
  expect_to_serve();
  EXPECT_GE(server.let_go(), 100U - 8U);
  EXPECT_LE(server.let_go(), 100U);
  // The eldest went, and were told.
  turned_away told;
  ASSERT_TRUE(silent.front().receive(writable_bytes_of(told), deadline{patience}));
  EXPECT_EQ(told, turned_away{});
  EXPECT_EQ(silent.front().receive(writable_bytes_of(told), deadline{patience}).error(),
            errc::closed);
  expect_to_serve();
}

TEST_F(RingListenerHostile, H15_an_answer_that_is_none_ends_the_connection) {
  const std::string good{text_of(bytes_of(answer{}))};
  std::string other_word = good;
  other_word[8] = 3;
  std::string other_rest = good;
  other_rest[12] = 1;
  for (const std::string& text :
       {std::string{"x"}, std::string{"GET / HTTP/1.0\r\n"}, good.substr(0, 15), good + "x",
        std::string(1000, 'x'), other_word, other_rest, std::string(16, '\0')}) {
    SCOPED_TRACE(text);
    auto client = stranger();
    ASSERT_TRUE(client.send(bytes_of(text)));
    expect_to_be_dropped(client);
  }
  expect_to_serve();
}

// H14
TEST_F(RingListenerHostile, H14_descriptors_of_every_other_kind_end_the_connection) {
  auto bytes = pipe::create().value();
  const unique_fd null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  const unique_fd unsealed{::memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
  ASSERT_EQ(::ftruncate(unsealed.get(), 65'536), 0);
  for (const int wrong : {bytes.reader.native_handle(), null.get(), unsealed.get()}) {
    auto client = stranger();
    const std::array<int, 2> handles{wrong, wrong};
    ASSERT_TRUE(client.send(bytes_of(answer{}), handles));
    expect_to_be_dropped(client);
  }
  for (const std::size_t count : {0U, 1U, 3U, 32U}) {
    auto client = stranger();
    const std::vector<int> handles(count, null.get());
    ASSERT_TRUE(client.send(bytes_of(answer{}), handles));
    expect_to_be_dropped(client);
  }
  expect_to_serve();
}

// Who wants something else gets the rest of what there is, once.
TEST_F(RingListenerHostile, who_refuses_everything_comes_to_the_end_of_it) {
  auto client = stranger();  // was offered hardened rings
  const answer refusing{.what = verdict::something_else};
  ASSERT_TRUE(client.send(bytes_of(refusing)));
  EXPECT_TRUE(would_block(server.try_accept().error()));
  offer what;
  received_handles came;
  ASSERT_EQ(client.receive(writable_bytes_of(what), came, deadline{patience}).value(), sizeof what);
  EXPECT_EQ(what.carrier, ring_carrier::socket);
  EXPECT_EQ(came.size(), 0U);
  ASSERT_TRUE(client.send(bytes_of(refusing)));
  expect_to_be_dropped(client);
  expect_to_serve();
}

TEST_F(RingListenerHostile, H15_a_greeting_that_is_none_ends_the_connection) {
  const std::string good{text_of(bytes_of(hello{.max_capacity_bytes = 4096}))};
  std::string other_carrier = good;
  other_carrier[8] = 3;
  std::string other_rest = good;
  other_rest[12] = 1;
  const fault_plan counting;
  for (const std::string& text :
       {std::string{"x"}, std::string{"slhello2"}, good.substr(0, 23), good + "x",
        std::string(1000, 'x'), other_carrier, other_rest, text_of_answer()}) {
    SCOPED_TRACE(text);
    auto client = unix_seqpacket::connect(name).value();
    ASSERT_TRUE(client.send(bytes_of(text)));
    expect_to_be_dropped(client);
  }
  // Nor may it bring anything.
  auto client = unix_seqpacket::connect(name).value();
  const std::array<int, 1> handles{client.native_handle()};
  ASSERT_TRUE(client.send(bytes_of(good), handles));
  expect_to_be_dropped(client);
  EXPECT_EQ(counting.calls_of(SYS_memfd_create), 0U);
}

// Whatever they do besides: what was made for them is held, so no more is made.
TEST_F(RingListenerHostile, H13_memory_is_held_for_so_many_that_do_not_read_their_offers) {
  const auto counting = std::make_unique<fault_plan>();
  std::vector<unix_seqpacket> unread;
  for (int i = 0; i < 100; ++i) {
    unread.push_back(greeter());
    // Some say no more, some seem to go, some answer what they have not seen, or nonsense.
    if (i % 4 == 1) {
      ASSERT_TRUE(unread.back().finish());
    } else if (i % 4 == 2) {
      ASSERT_TRUE(unread.back().send(bytes_of(answer{.what = verdict::something_else})));
    } else if (i % 4 == 3) {
      ASSERT_TRUE(unread.back().send(bytes_of("nonsense")));
    }
    EXPECT_TRUE(would_block(server.try_accept().error()));
  }
  // Hardened: of each ring the listener makes one of the two memories.
  EXPECT_EQ(counting->calls_of(SYS_memfd_create), 2U * 8U);
  EXPECT_EQ(counting->calls_of(SYS_sendmsg), 8U);
  expect_to_serve(ring_carrier::socket);
  // There is memory again once they are gone.
  unread.clear();
  EXPECT_TRUE(would_block(server.try_accept().error()));
  expect_to_serve(ring_carrier::hardened);
}

// Of each user so much: those of one do not take the rings from another.
TEST_F(RingListenerHostile, H15_another_user_that_is_silent_takes_no_memory_from_ours) {
  if (!may_change_user()) GTEST_SKIP() << "becoming another user needs root";
  const std::string address = "@" + name;
  server = ring_listener::create(address, {.socket = {.filter = {.users = {0, nobody}}},
                                           .to_client = {.capacity_bytes = 4096},
                                           .from_client = {.capacity_bytes = 4096},
                                           .max_undecided = 2})
               .value();
  const rendezvous spoken;
  child others{[&] {
    ASSERT_EQ(::setgid(nobody), 0);
    ASSERT_EQ(::setuid(nobody), 0);
    std::vector<unix_seqpacket> unread;
    for (int i = 0; i < 20; ++i) {
      unread.push_back(unix_seqpacket::connect(address, deadline{patience}, {.owner = 0}).value());
      ASSERT_TRUE(unread.back().send(bytes_of(hello{.max_capacity_bytes = 4096})));
    }
    spoken.arrive();
    for (;;) ::pause();
  }};
  spoken.wait();
  const fault_plan counting;
  child client{[&] {
    auto mine = ring_connection::connect(address, deadline{patience});
    ASSERT_TRUE(mine) << mine.error().message();
    EXPECT_EQ(mine->carrier(), ring_carrier::shared);
  }};
  auto theirs = server.accept(deadline{patience});
  ASSERT_TRUE(theirs) << theirs.error().message();
  EXPECT_EQ(theirs->carrier(), ring_carrier::shared);
  EXPECT_EQ(counting.calls_of(SYS_memfd_create), 2U * 2U + 2U);
  client.wait_success();
  others.kill();
}

TEST_F(RingListenerHostile, H13_a_flood_of_refusals_and_hang_ups_keeps_nobody_out) {
  for (int i = 0; i < 200; ++i) {
    auto client = stranger();
    if (i % 2 == 0) {
      ASSERT_TRUE(client.send(bytes_of(answer{.what = verdict::something_else})));
    }
  }
  expect_to_serve();
}

// A client that is handed anything else says so, and does not touch it.
TEST(RingClient, H14_takes_nothing_but_what_is_offered_rightly) {
  const std::string name = unique_name();
  auto server = unix_seqpacket_listener::create(name).value();
  const auto offered = [](ring_carrier carrier, std::uint64_t bytes) {
    return std::string{text_of(
        bytes_of(offer{.carrier = carrier, .to_client_bytes = bytes, .from_client_bytes = bytes}))};
  };
  const std::string good = offered(ring_carrier::shared, 4096);
  const std::vector<std::pair<std::string, std::size_t>> wrong{
      {"hello", 2},
      {good, 0},
      {good, 1},
      {good, 3},
      {offered(ring_carrier::socket, 4096), 2},
      {good.substr(0, 31), 2},
      {good + "x", 2},
      {offered(static_cast<ring_carrier>(3), 4096), 2},
      {offered(ring_carrier::shared, 4095), 2},
      {offered(ring_carrier::hardened, std::uint64_t{1} << 40), 2},
      {offered(ring_carrier::socket, 0), 2},
      {"slagree3", 0},
  };
  child client{[&] {
    for (std::size_t i = 0; i < wrong.size(); ++i)
      EXPECT_EQ(ring_connection::connect(name, deadline{patience}).error(), errc::incompatible)
          << i;
    // Rightly said, and not what was said.
    for (int i = 0; i < 2; ++i) EXPECT_FALSE(ring_connection::connect(name, deadline{patience}));
    EXPECT_EQ(ring_connection::connect(name, deadline{patience}).error(), errc::closed);
    // And who offers the same for ever is not listened to for ever.
    EXPECT_EQ(
        ring_connection::connect(name, deadline{patience}, {.trust = ring_trust::nobody}).error(),
        errc::incompatible);
  }};
  const unique_fd null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  for (const auto& [text, count] : wrong) {
    const std::vector<int> handles(count, null.get());
    ASSERT_TRUE(server.accept(deadline{patience}).value().send(bytes_of(text), handles));
  }
  for (const ring_carrier carrier : {ring_carrier::shared, ring_carrier::hardened}) {
    const std::array<int, 2> handles{null.get(), null.get()};
    ASSERT_TRUE(
        server.accept(deadline{patience}).value().send(bytes_of(offered(carrier, 4096)), handles));
  }
  { const auto silent = server.accept(deadline{patience}).value(); }
  auto insisted = server.accept(deadline{patience}).value();
  const std::array<int, 2> two{null.get(), null.get()};
  for (int times = 0; times < 2; ++times) ASSERT_TRUE(insisted.send(bytes_of(good), two));
  client.wait_success();
}

// H13: one that is let go comes again, whatever it was about to say.
TEST(RingClient, H13_comes_again_when_it_was_let_go) {
  const std::string name = unique_name();
  auto server = unix_seqpacket_listener::create(name).value();
  const offer what{
      .carrier = ring_carrier::socket, .to_client_bytes = 4096, .from_client_bytes = 4096};
  child client{[&] {
    auto mine = ring_connection::connect(name, deadline{patience});
    ASSERT_TRUE(mine) << mine.error().message();
    std::array<std::byte, 100> buffer;
    EXPECT_EQ(mine->receiver().receive(buffer, deadline{patience}).error(), errc::closed);
  }};
  {
    auto unheard = server.accept(deadline{patience}).value();
    ASSERT_TRUE(unheard.send(bytes_of(turned_away{})));
  }
  const auto heard = [&] {
    auto made = server.accept(deadline{patience}).value();
    hello greeting;
    EXPECT_EQ(made.receive(writable_bytes_of(greeting), deadline{patience}).value(),
              sizeof greeting);
    EXPECT_TRUE(greeting.is_known());
    return made;
  };
  {
    auto before_the_answer = heard();
    ASSERT_TRUE(before_the_answer.send(bytes_of(what)));
    ASSERT_TRUE(before_the_answer.send(bytes_of(turned_away{})));
  }
  {
    auto kept = heard();
    ASSERT_TRUE(kept.send(bytes_of(what)));
    answer said;
    ASSERT_EQ(kept.receive(writable_bytes_of(said), deadline{patience}).value(), sizeof said);
    EXPECT_EQ(said.what, verdict::taken);
    ASSERT_TRUE(kept.send(bytes_of(agreement{})));
  }
  client.wait_success();
}

TEST(RingClient, H13_comes_again_until_its_deadline) {
  const std::string name = unique_name();
  auto server = unix_seqpacket_listener::create(name).value();
  child overrun{[&] {
    for (;;)
      static_cast<void>(
          server.accept(deadline{patience}).value().try_send(bytes_of(turned_away{})));
  }};
  EXPECT_EQ(ring_connection::connect(name, 50ms).error(), std::errc::timed_out);
  overrun.kill();
}

}  // namespace
}  // namespace sluice::test
