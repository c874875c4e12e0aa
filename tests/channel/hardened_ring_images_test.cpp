// Both ends over memory that holds anything and changes at any moment.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <sluice/channel/hardened_ring.hpp>
#include <vector>

#include "channel/hostile_peer.hpp"
#include "support/child.hpp"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::again_and_again;
using test::child;
using test::forged_side;

constexpr std::uint64_t all_ones = ~std::uint64_t{0};

class HardenedRingImages : public testing::Test {
 protected:
  HardenedRingImages() {
    bad_sender.hold_lock();
    bad_receiver.hold_lock();
  }
  forged_side bad_sender{{}};
  forged_side bad_receiver{{.role = ring::hardened_role::receiver, .capacity_bytes = 0}};
};

// Random images. What is drawn is mostly near to what is right, so that it gets far.
class mutator {
 public:
  explicit mutator(std::uint64_t seed) : random_(seed) {}
  std::uint64_t below(std::uint64_t end) { return random_() % end; }
  std::uint64_t number() {
    constexpr std::array liked{
        std::uint64_t{0},       std::uint64_t{1},      std::uint64_t{2}, std::uint64_t{8},
        std::uint64_t{64},      std::uint64_t{2040},   all_ones,         std::uint64_t{4096},
        std::uint64_t{1} << 31, std::uint64_t{1} << 63};
    switch (below(4)) {
      case 0:
        return random_();
      case 1:
        return 64 * below(200);
      default:
        return liked[below(liked.size())] + below(2) - below(2);
    }
  }
  void change(const forged_side& side) {
    switch (below(8)) {
      case 0:
        side.words().released = number();
        break;
      case 1:
        side.words().parked = static_cast<std::uint32_t>(number());
        break;
      case 2:
        side.words().needed = number();
        break;
      case 3:
        if (below(20) == 0) side.words().state = static_cast<std::uint32_t>(number());
        side.words().wake = static_cast<std::uint32_t>(number());
        break;
      case 4: {  // any word of the memory
        const std::uint64_t drawn = random_();
        std::memcpy(side.memory + 8 * below(side.bytes / 8), &drawn, sizeof drawn);
        break;
      }
      default:
        if (side.capacity == 0) {
          side.words().released = side.words().released + 64 * below(3);
        } else {
          const ring::position at = 64 * below(256);
          const std::uint64_t length = below(8) == 0 ? number() : below(130);
          side.record_at(at) = side.record_word(at, length);
        }
    }
  }

 private:
  std::mt19937_64 random_;
};

// Whether a message passed.
bool use(hardened_receiver& end, mutator& draw) {
  std::array<std::byte, 2048 + 16> buffer;
  buffer.fill(std::byte{0x5a});
  switch (draw.below(8)) {
    case 0:
      if (auto size = end.next_size()) {
        EXPECT_LE(*size, 2040U);
        EXPECT_EQ(end.next_size().value(), *size);
      }
      break;
    case 1:
      static_cast<void>(end.wait_readable(deadline::now()));
      break;
    case 2:
      static_cast<void>(end.wait_readable(50us));
      break;
    case 3:
      static_cast<void>(end.is_stalled(0ns));
      break;
    case 4:
      static_cast<void>(end.counters());
      static_cast<void>(end.peer());
      break;
    default: {
      const std::size_t room = draw.below(2049);
      auto got = end.try_receive(mutable_bytes{buffer}.first(room));
      EXPECT_LE(got ? *got : 0, room);
      EXPECT_TRUE(std::all_of(buffer.begin() + static_cast<std::ptrdiff_t>(room), buffer.end(),
                              [](std::byte one) { return one == std::byte{0x5a}; }));
      return got.has_value();
    }
  }
  return false;
}

bool use(hardened_sender& end, mutator& draw) {
  const std::vector<std::byte> message(draw.below(2100));
  switch (draw.below(8)) {
    case 0:
      if (auto window = end.try_claim(message.size())) {
        std::memset(window->bytes().data(), 1, window->bytes().size());
        if (draw.below(2) == 0) window->commit();
      }
      break;
    case 1:
      static_cast<void>(end.wait_writable(deadline::now()));
      break;
    case 2:
      static_cast<void>(end.wait_writable(50us));
      break;
    case 3:
      static_cast<void>(end.is_stalled(0ns));
      break;
    case 4:
      static_cast<void>(end.counters());
      static_cast<void>(end.peer());
      break;
    default:
      return end.try_send(message).has_value();
  }
  return false;
}

struct survived {
  std::uint64_t connected = 0;
  std::uint64_t passed = 0;  // messages
};

template <class Make>
survived go_through(const forged_side& side, mutator draw, std::uint64_t rounds, Make make) {
  survived so_far;
  const forged_side as_made{
      {.role = side.capacity == 0 ? ring::hardened_role::receiver : ring::hardened_role::sender,
       .capacity_bytes = side.capacity}};
  for (std::uint64_t round = 0; round < rounds; ++round) {
    // The header survives some rounds only: then it is set right.
    if (round % 2 == 0) {
      side.header() = as_made.header();
      side.words().state = ring::hardened_words::attached;
      side.words().released = 0;
    }
    auto end = make();
    if (!end.connect(side.handle())) continue;
    ++so_far.connected;
    for (int count = 0; count < 50 && !testing::Test::HasFailure(); ++count) {
      draw.change(side);
      if (use(end, draw)) ++so_far.passed;
    }
  }
  return so_far;
}

// In a child, since it is there to survive: first images that change between its calls alone, then
// while another process changes them all the while.
template <class Make>
void survive(const forged_side& side, Make make) {
  child survivor{[&] {
    const survived alone = go_through(side, mutator{1}, 400, make);
    EXPECT_GT(alone.connected, 40U);
    EXPECT_GT(alone.passed, 40U) << "not all of it was refused";
    child other =
        again_and_again([&, draw = mutator{2}](std::uint64_t) mutable { draw.change(side); });
    static_cast<void>(go_through(side, mutator{3}, 400, make));
    other.kill();
  }};
  survivor.wait_success();
}

TEST_F(HardenedRingImages, H4_H6_H7_H8_a_receiver_survives_every_image_and_every_change) {
  survive(bad_sender, [] { return hardened_receiver::create({.wait = {.spin = 0ns}}).value(); });
}

TEST_F(HardenedRingImages, H4_H5_H8_a_sender_survives_every_image_and_every_change) {
  survive(bad_receiver, [] {
    return hardened_sender::create({.capacity_bytes = 4096, .wait = {.spin = 0ns}}).value();
  });
}

TEST_F(HardenedRingImages, H1_H2_H3_headers_at_random_are_refused_or_right) {
  mutator draw{3};
  for (int round = 0; round < 2000; ++round) {
    const std::uint64_t page = bad_sender.page;
    ring::hardened_header header = bad_sender.header();
    auto* const words = reinterpret_cast<std::uint64_t*>(&header);
    words[draw.below(4)] = draw.number();
    if (draw.below(2) == 0) words[draw.below(4)] ^= 1ULL << draw.below(64);
    const std::uint64_t bytes = draw.below(2) == 0 ? 2 * page : draw.number();
    const auto verdict = ring::check(header, ring::hardened_role::sender, page, bytes);
    const bool is_right =
        bytes == 2 * page && std::memcmp(&header, &bad_sender.header(), sizeof header) == 0;
    const bool is_larger = verdict == ring::hardened_refusal::none &&
                           bytes == page + header.capacity_bytes &&
                           ring::log::is_capacity(header.capacity_bytes);
    EXPECT_EQ(verdict == ring::hardened_refusal::none, is_right || is_larger);
  }
}

}  // namespace
}  // namespace sluice
