// A peer that writes into its own memory whatever it likes, whenever it likes: rows H4 to H11 of
// docs/failure-modes.md.

#include <gtest/gtest.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <sluice/channel/hardened_ring.hpp>
#include <string>
#include <vector>

#include "channel/hostile_peer.hpp"
#include "support/child.hpp"
#include "support/shared_array.hpp"
#include "support/traced_child.hpp"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::again_and_again;
using test::child;
using test::forged_side;
using test::patience;
using test::rendezvous;

constexpr std::uint64_t all_ones = ~std::uint64_t{0};

class HardenedRingHostile : public testing::Test {
 protected:
  HardenedRingHostile() {
    bad_sender.hold_lock();
    bad_receiver.hold_lock();
  }
  [[nodiscard]] hardened_receiver receiver(ring_wait_options wait = {}) const {
    auto made = hardened_receiver::create({.wait = wait}).value();
    EXPECT_TRUE(made.connect(bad_sender.handle()));
    return made;
  }
  [[nodiscard]] hardened_sender sender(ring_wait_options wait = {}) const {
    auto made = hardened_sender::create({.capacity_bytes = 4096, .wait = wait}).value();
    EXPECT_TRUE(made.connect(bad_receiver.handle()));
    return made;
  }
  static void fill(hardened_sender& sender) {
    while (sender.try_send(bytes_of("record"))) continue;
  }

  forged_side bad_sender{{}};
  forged_side bad_receiver{{.role = ring::hardened_role::receiver, .capacity_bytes = 0}};
};

TEST_F(HardenedRingHostile, H1_memory_that_shrinks_until_it_is_sealed_is_seen_as_it_is_then) {
  // Whoever asks for the size, and then for the seals, may have been told a size of before.
  if (const char* reason = test::reason_not_to_trace(); *reason != 0) GTEST_SKIP() << reason;
  const test::shared_array connected{1};
  std::optional<forged_side> side;
  std::optional<hardened_receiver> end;
  const long steps = test::kill_at_each_step(
      {.size = test::step_size::system_call,
       .reset = [&] { side.emplace(forged_side::plan{.seals = 0}); },
       .prepare = [&] { end.emplace(hardened_receiver::create().value()); },
       .operation = [&] { connected[0] += end->connect(side->handle()) ? 1 : 0; },
       .judge = [&] { EXPECT_EQ(connected[0], 0U); },
       .meanwhile =
           [&] {
             EXPECT_EQ(::ftruncate(side->fd.get(), 4096), 0);
             EXPECT_EQ(::fcntl(side->fd.get(), F_ADD_SEALS, test::every_seal), 0);
           }});
  EXPECT_GT(steps, 4);
}

TEST_F(HardenedRingHostile, H4_a_position_that_cannot_be_is_damage_for_good) {
  struct lie {
    ring::position before;
    ring::position then;
  };
  for (const lie& told : {lie{128, 64}, lie{128, 0}, lie{0, 4096}, lie{0, all_ones},
                          lie{0, all_ones - 63}, lie{0, 8}, lie{64, 100}, lie{0, 1ULL << 63}}) {
    bad_receiver.words().released = 0;
    auto end = sender();
    fill(end);
    bad_receiver.words().released = told.before;
    fill(end);
    bad_receiver.words().released = told.then;
    EXPECT_EQ(end.try_send(bytes_of("record")).error(), errc::corrupt) << told.then;
    bad_receiver.words().released = told.before;
    EXPECT_EQ(end.try_send(bytes_of("record")).error(), errc::corrupt);
    EXPECT_EQ(end.try_claim(1).error(), errc::corrupt);
    EXPECT_TRUE(end.wait_writable(deadline::never())) << "the verb is worth calling: it tells";
    EXPECT_EQ(end.is_stalled(0ns).error(), errc::corrupt);
    EXPECT_EQ(end.send(bytes_of("record")).error(), errc::corrupt);
  }
}

TEST_F(HardenedRingHostile, H4_who_breaks_the_rules_is_left) {
  auto end = sender();
  auto other = hardened_receiver::create().value();
  ASSERT_TRUE(other.connect(unique_fd{::dup(end.native_handle())}));
  fill(end);
  bad_receiver.words().released = 1;
  EXPECT_EQ(end.try_send({}).error(), errc::corrupt);
  EXPECT_EQ(other.peer().value(), ring_presence::left);
}

TEST_F(HardenedRingHostile, H5_what_was_never_released_is_never_written_over) {
  constexpr ring::position honest = 1024;
  constexpr std::size_t page = 4096;
  constexpr ring::position end_of_records = page - 64;
  for (int round = 0; round < 20; ++round) {
    bad_receiver.words().released = 0;
    auto end = sender();
    fill(end);
    void* const seen = ::mmap(nullptr, 2 * page, PROT_READ, MAP_SHARED, end.native_handle(), 0);
    ASSERT_NE(seen, MAP_FAILED);
    const auto* const log = static_cast<const std::byte*>(seen) + page;
    const std::vector<std::byte> before{log + honest, log + end_of_records};
    // The position goes up to `honest`, back, and beyond, while records are written.
    child other = again_and_again([&](std::uint64_t turn) {
      constexpr std::array<ring::position, 8> places{
          0, honest / 2, honest, honest, 8, all_ones, honest - 64, honest + (1ULL << 40)};
      bad_receiver.words().released.store(places[turn % places.size()], std::memory_order_relaxed);
    });
    // Until it is caught. Whatever room it gave by then was at most the honest part.
    const deadline end_of_trying{patience};
    bool is_caught = false;
    while (!is_caught && !end_of_trying.has_passed()) {
      auto sent = end.try_send(bytes_of("overwriting"));
      is_caught = !sent && sent.error() == errc::corrupt;
    }
    EXPECT_TRUE(is_caught);
    EXPECT_TRUE(std::equal(before.begin(), before.end(), log + honest));
    other.kill();
    ::munmap(seen, 2 * page);
  }
}

TEST_F(HardenedRingHostile, H6_a_length_is_what_it_was_at_the_first_look) {
  constexpr std::size_t largest = 2040;
  const std::uint64_t good = bad_sender.record_word(0, 16);
  for (const std::uint64_t length : {std::uint64_t{largest + 1}, std::uint64_t{4096},
                                     std::uint64_t{1} << 31, std::uint64_t{0xffff'ffff}}) {
    bad_sender.record_at(0) = bad_sender.record_word(0, length);
    auto end = receiver();
    EXPECT_EQ(end.next_size().error(), errc::corrupt) << length;
    bad_sender.record_at(0) = good;
    EXPECT_EQ(end.next_size().error(), errc::corrupt) << "and stays so";
    EXPECT_TRUE(end.wait_readable(deadline::never()));
  }
  child other = again_and_again([&](std::uint64_t turn) {
    constexpr std::array lengths{16ULL, 16ULL,   0ULL,       2040ULL,
                                 16ULL, 2041ULL, 1ULL << 31, 0xffff'ffffULL};
    bad_sender.record_at(0) = bad_sender.record_word(0, lengths[turn % lengths.size()]);
  });
  // Many looks at the one word: what was checked is what is told, each time.
  void* const seen = ::mmap(nullptr, 2 * 4096, PROT_READ, MAP_SHARED, bad_sender.fd.get(), 0);
  ASSERT_NE(seen, MAP_FAILED);
  const ring::untrusted_log log{static_cast<const std::byte*>(seen) + 4096, 4096};
  for (int looks = 0; looks < 2'000'000; ++looks) {
    const auto found = log.look(0);
    ASSERT_NE(found.what, ring::found::nothing);
    ASSERT_LE(found.length, largest);
  }
  ::munmap(seen, 2 * 4096);
  for (int round = 0; round < 500; ++round) {
    auto end = receiver();
    std::array<std::byte, 64> buffer;
    buffer.fill(std::byte{0x55});
    auto got = end.try_receive(mutable_bytes{buffer}.first(32));
    if (!got && got.error() == std::errc::no_buffer_space) {
      EXPECT_EQ(end.next_size().value(), largest);
    } else if (got) {
      EXPECT_TRUE(*got == 16 || *got == 0) << *got;
    } else {
      EXPECT_EQ(got.error(), errc::corrupt) << got.error().message();
    }
    for (std::size_t at = 32; at < buffer.size(); ++at) ASSERT_EQ(buffer[at], std::byte{0x55});
  }
  other.kill();
}

// H7: whoever reads a payload that still changes reads a copy of its own.
TEST_F(HardenedRingHostile, H7_a_message_that_was_looked_at_is_what_is_handed_out) {
  auto end = receiver();
  std::memcpy(bad_sender.payload_at(0), "what was there at first", 23);
  bad_sender.record_at(64) = 0;
  bad_sender.record_at(0) = bad_sender.record_word(0, 23);
  std::array<std::byte, 64> buffer{};
  EXPECT_EQ(end.try_receive(mutable_bytes{buffer}.first(5)).error(), std::errc::no_buffer_space);
  std::memset(bad_sender.payload_at(0), 'x', 50);
  bad_sender.record_at(0) = bad_sender.record_word(0, 50);
  EXPECT_EQ(end.next_size().value(), 23U);
  ASSERT_EQ(end.try_receive(buffer).value(), 23U);
  EXPECT_EQ(text_of(const_bytes{buffer}.first(23)), "what was there at first");

  // While it is changed without end: all looks at one message agree.
  child other = again_and_again([&](std::uint64_t turn) {
    for (ring::position at = 64; at < 4096; at += 64) {
      std::memset(bad_sender.payload_at(at), static_cast<int>(turn), 40);
      bad_sender.record_at(at) = bad_sender.record_word(at, turn % 40);
    }
  });
  for (int count = 0; count < 62; ++count) {
    auto size = end.next_size();
    ASSERT_TRUE(size) << size.error().message();
    std::array<std::byte, 64> copy{};
    EXPECT_EQ(end.try_receive(copy).value(), *size);
  }
  other.kill();
}

TEST_F(HardenedRingHostile, H8_each_call_looks_at_one_record_however_many_there_are) {
  for (unsigned kind = 0; kind < 256; ++kind) {
    if (kind == 1) continue;
    // As a record of another kind, to be passed over: there are none.
    bad_sender.record_at(0) = 8 | std::uint64_t{kind} << 32;
    auto end = receiver();
    EXPECT_EQ(end.next_size().error(), errc::corrupt) << kind;
  }
  // Without end, and it has left: still one for each call, and the caller says when to stop.
  auto end = receiver();
  bad_sender.words().state = ring::hardened_words::left;
  for (ring::position at = 0; at < 4 * 4096; at += 64) {
    bad_sender.record_at(at) = bad_sender.record_word(at, 0);
    EXPECT_EQ(end.try_receive({}).value(), 0U);
  }
  EXPECT_EQ(end.counters().received, 256U);
}

TEST_F(HardenedRingHostile, H9_a_record_that_is_never_committed_would_block_and_is_told_of) {
  auto end = receiver();
  EXPECT_TRUE(would_block(end.next_size().error()));
  EXPECT_EQ(end.wait_readable(20ms).error(), std::errc::timed_out);
  EXPECT_FALSE(end.is_stalled(0ns).value());
  EXPECT_TRUE(end.is_stalled(0ns).value());
  EXPECT_EQ(end.peer().value(), ring_presence::alive) << "and nothing else comes of it";
}

TEST_F(HardenedRingHostile, H10_only_the_kernels_lock_decides_who_lives) {
  // The words say anything; the lock is held: it lives, until it says that it left.
  auto end = receiver();
  for (const std::uint32_t state : {0U, 3U, ~0U}) {
    bad_sender.words().state = state;
    EXPECT_EQ(end.peer().value(), ring_presence::alive);
  }
  // Somebody else keeps the byte when it dies: it seems to live, and our deadline holds.
  bad_sender.lock.reset();
  const rendezvous held;
  child accomplice{[&] {
    bad_sender.hold_lock();
    held.arrive();
    for (;;) ::pause();
  }};
  held.wait();
  EXPECT_EQ(end.peer().value(), ring_presence::alive);
  EXPECT_EQ(end.wait_readable(20ms).error(), std::errc::timed_out);
  accomplice.kill();
  bad_sender.words().state = ring::hardened_words::attached;
  EXPECT_TRUE(end.wait_readable(deadline{patience}));
  EXPECT_EQ(end.next_size().error(), std::errc::connection_reset);
  // Who died stays dead.
  bad_sender.hold_lock();
  EXPECT_EQ(end.peer().value(), ring_presence::died);
  EXPECT_EQ(end.next_size().error(), errc::closed);
}

TEST_F(HardenedRingHostile, H11_a_futex_that_flickers_neither_moves_a_deadline_nor_busies_us) {
  const auto flicker = [](const forged_side& side) {
    return again_and_again([&side](std::uint64_t turn) {
      side.words().wake.fetch_add(1);
      side.words().parked = static_cast<std::uint32_t>(turn);
      side.words().needed = turn * 64;
      ::syscall(SYS_futex, &side.words().wake, FUTEX_WAKE, 1000, nullptr, nullptr, 0);
    });
  };
  constexpr ring_wait_options sleepy{.spin = 0ns};
  // With a pause of 10 ms at the longest after the first few: as many rounds as such pauses fit in,
  // and not the hundreds of thousands of a loop that is not held up.
  constexpr std::uint64_t rounds = 100;
  {
    auto end = receiver(sleepy);
    child other = flicker(bad_sender);
    const auto before = deadline::clock::now();
    EXPECT_EQ(end.wait_readable(300ms).error(), std::errc::timed_out);
    EXPECT_GE(deadline::clock::now() - before, 300ms);
    EXPECT_LT(end.statistics().parks, rounds);
    other.kill();
  }
  auto end = sender(sleepy);
  child other = flicker(bad_receiver);
  std::uint64_t sent = 0;
  while (end.try_send(bytes_of("record"))) ++sent;
  EXPECT_LE(end.statistics().wake_ups, sent) << "at most one for each message";
  EXPECT_EQ(end.wait_writable(300ms).error(), std::errc::timed_out);
  EXPECT_LT(end.statistics().parks, rounds);
  other.kill();
}

TEST_F(HardenedRingHostile, H11_a_word_that_says_nobody_waits_costs_the_liar_its_wake_ups) {
  auto end = sender({.spin = 0ns, .longest_sleep = 5ms});
  fill(end);
  // It gives room back and wakes nobody: we look again by ourselves.
  child silent{[&] {
    ::usleep(1000);
    bad_receiver.words().released = 2048;
  }};
  EXPECT_TRUE(end.wait_writable(deadline{patience}));
  silent.wait_success();
}

}  // namespace
}  // namespace sluice
