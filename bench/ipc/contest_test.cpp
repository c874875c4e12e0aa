// What is counted, what is thrown away, and what is compared with what: on rounds that are made up.

#include "contest.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "options.hpp"
#include "payload.hpp"
#include "trials.hpp"

namespace {

using namespace bench;

constexpr double near = 60e-9;
constexpr double far = 260e-9;

observation seen(int round, double seconds, double before = near, double after = near) {
  observation made{};
  made.round = round;
  made.raw.seconds = seconds;
  made.raw.messages = 1;
  made.raw.probe_before = before;
  made.raw.probe_after = after;
  made.moved = !same_placement(before, after);
  return made;
}

cell of(const std::string& name, role what, std::vector<observation> rounds,
        const std::string& raw = "") {
  cell made{};
  made.subject.name = name;
  made.subject.what = what;
  made.subject.raw = raw;
  made.rounds = std::move(rounds);
  return made;
}

group streams(std::vector<cell> cells, waiting how = waiting::blocking) {
  group made{};
  made.what = measure::throughput;
  made.how = how;
  made.message_bytes = 64;
  made.cells = std::move(cells);
  return made;
}

TEST(Contest, a_round_in_which_the_cores_moved_counts_nowhere) {
  const group all = streams({of("raw_pipe", role::floor, {seen(0, 1), seen(1, 1)}),
                             of("pipe", role::ours, {seen(0, 2), seen(1, 50, near, far)})});
  EXPECT_EQ(all.seconds(all.cells[1]).median, 2);
  EXPECT_EQ(all.seconds(all.cells[1]).max, 2);
  const auto ratio = all.against(all.cells[1], all.cells[0]);
  EXPECT_EQ(ratio.rounds, 1U);
  EXPECT_EQ(ratio.ratio.median, 0.5);  // a rate
}

TEST(Contest, two_cells_are_compared_only_in_a_round_in_which_the_cores_were_as_far_apart) {
  const group all =
      streams({of("raw_pipe", role::floor, {seen(0, 1), seen(1, 1), seen(2, 1)}),
               of("pipe", role::ours, {seen(0, 2), seen(1, 8, far, far), seen(3, 1)})});
  const auto ratio = all.against(all.cells[1], all.cells[0]);
  EXPECT_EQ(ratio.rounds, 1U) << "round 1 was elsewhere, rounds 2 and 3 have one cell each";
  EXPECT_EQ(ratio.ratio.median, 0.5);
}

TEST(Contest, what_a_message_costs_is_told_of_both_sides_and_a_round_trip_is_two) {
  observation round = seen(0, 1);
  round.raw.messages = 10;
  round.raw.used[0].sleeps = 15;
  round.raw.used[1].sleeps = 5;
  group all = streams({of("pipe", role::ours, {round})});
  EXPECT_EQ(all.per_message(all.cells[0], &costs::sleeps), 2);
  all.what = measure::latency;
  EXPECT_EQ(all.per_message(all.cells[0], &costs::sleeps), 1);
}

TEST(Contest, who_polled_without_a_core_does_not_count) {
  observation round = seen(0, 1);
  round.disturbed = true;
  const group all = streams({of("ring", role::ours, {round})}, waiting::polling);
  EXPECT_EQ(all.seconds(all.cells[0]).median, 0);
  EXPECT_EQ(all.floor(), nullptr);
}

TEST(Contest, a_channel_is_set_against_the_raw_calls_it_names) {
  const group all = streams(
      {of("raw_pipe", role::floor, {seen(0, 1)}), of("raw_fifo", role::floor, {seen(0, 1)}),
       of("fifo", role::ours, {seen(0, 1)}, "raw_fifo"), of("ring", role::ours, {seen(0, 1)})});
  EXPECT_EQ(all.raw(all.cells[2]), &all.cells[1]);
  EXPECT_EQ(all.raw(all.cells[3]), nullptr);
  EXPECT_EQ(all.floor(), &all.cells[0]);
}

TEST(Contest, the_floor_of_polled_streams_is_the_best_one) {
  const group all = streams({of("bulk_copy", role::floor, {seen(0, 3)}),
                             of("bulk_copy_backing_off", role::floor, {seen(0, 2)}),
                             of("slot_ring", role::rival, {seen(0, 1)})},
                            waiting::polling);
  EXPECT_EQ(all.floor(), &all.cells[1]);
  EXPECT_EQ(all.best_rival(all.cells[0]), &all.cells[2]);
}

TEST(Contest, every_transport_has_a_name_of_its_own_in_each_way_to_wait) {
  run_options options;
  std::vector<std::string> names;
  for (const group& of : all_groups(options)) {
    for (const cell& one : of.cells) names.push_back(one.name);
  }
  const std::size_t all = names.size();
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  EXPECT_EQ(names.size(), all);
}

TEST(Contest, the_raw_calls_that_a_channel_names_are_measured_beside_it) {
  run_options options;
  options.mechanisms = {"tcp"};
  for (const group& of : all_groups(options)) {
    for (const cell& one : of.cells) {
      if (one.subject.raw.empty()) continue;
      EXPECT_TRUE(std::ranges::any_of(of.cells, [&](const cell& other) {
        return other.subject.name == one.subject.raw;
      })) << one.name;
    }
  }
}

TEST(DelayHistogram, percentiles_are_right_to_3_percent) {
  const auto delays = std::make_unique<delay_histogram>();
  for (int at = 1; at <= 1000; ++at) delays->add(at * 1e-6);
  const delay_histogram::entries all = delays->all();
  EXPECT_NEAR(percentile(all, 0.5), 500e-6, 16e-6);
  EXPECT_NEAR(percentile(all, 0.99), 990e-6, 31e-6);
  EXPECT_NEAR(percentile(all, 1), 1000e-6, 31e-6);
  EXPECT_EQ(percentile({}, 0.5), 0);
}

TEST(DelayHistogram, rounds_are_added_up) {
  const delay_histogram::entries one{{10, 1}, {20, 2}};
  const delay_histogram::entries other{{5, 1}, {20, 3}};
  EXPECT_EQ(merged({&one, &other}), (delay_histogram::entries{{5, 1}, {10, 1}, {20, 5}}));
}

TEST(Payload, any_bit_that_is_wrong_is_noticed) {
  for (const std::size_t size : {std::size_t{8}, std::size_t{64}, std::size_t{1024}}) {
    outgoing_message<0> sent{size};
    incoming_message<0> received{size};
    for (std::size_t byte = 0; byte < size; ++byte) {
      sluice::copy_bytes(sent.write(7), received.memory());
      EXPECT_NO_THROW(received.verify(size, 7));
      received.memory()[byte] ^= std::byte{0x10};
      EXPECT_THROW(received.verify(size, 7), std::runtime_error) << byte << " of " << size;
    }
  }
}

TEST(Payload, a_message_that_was_made_anew_is_checked_as_a_whole) {
  std::vector<std::byte> message(512);
  produce(message, 3);
  EXPECT_NO_THROW(check_produced(message, 512, 3));
  EXPECT_THROW(check_produced(message, 512, 4), std::runtime_error);
  EXPECT_THROW(check_produced(message, 1024, 3), std::runtime_error);
  message[300] ^= std::byte{1};
  EXPECT_THROW(check_produced(message, 512, 3), std::runtime_error);
}

}  // namespace
