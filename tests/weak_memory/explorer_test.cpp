// Whether the scheduler tries what the language allows, and nothing else: the small programs that
// the literature keeps for that.

#include "explorer.hpp"

#include <gtest/gtest.h>

#include <set>
#include <sluice/ring/atomic.hpp>

namespace sluice::weak {
namespace {

using number = ring::atomic<std::uint64_t>;
using outcomes = std::set<std::vector<std::uint64_t>>;
constexpr auto relaxed = std::memory_order_relaxed;
constexpr auto acquire = std::memory_order_acquire;
constexpr auto release = std::memory_order_release;
constexpr auto seq_cst = std::memory_order_seq_cst;

number& x() { return *reinterpret_cast<number*>(memory()); }
number& y() { return *reinterpret_cast<number*>(memory() + 64); }
std::uint64_t seen[4];

// What the first so many of `seen` can be in the end. Along all paths it must be the same.
outcomes outcomes_of(std::vector<std::function<void()>> threads, std::size_t count) {
  outcomes found[2];
  for (const paths which : {paths::that_differ, paths::all}) {
    outcomes& here = found[which == paths::all ? 1 : 0];
    const program what{.called = "litmus",
                       .prepare = [] { std::fill(std::begin(seen), std::end(seen), 9); },
                       .threads = threads,
                       .finish =
                           [&here, count] {
                             here.insert({seen, seen + count});
                           }};
    EXPECT_EQ(explore(what, nullptr, which).violation, "");
  }
  EXPECT_EQ(found[0], found[1]) << "paths were left out that lead elsewhere";
  return found[0];
}

outcomes message_passing(std::memory_order written, std::memory_order read) {
  return outcomes_of({[=] {
                        x().store(1, relaxed);
                        y().store(1, written);
                      },
                      [=] {
                        seen[0] = y().load(read);
                        seen[1] = x().load(relaxed);
                      }},
                     2);
}

TEST(WeakMemoryExplorer, what_was_released_is_seen_by_who_acquires_it_and_by_no_other) {
  const outcomes whole{{0, 0}, {0, 1}, {1, 1}};
  const outcomes torn{{0, 0}, {0, 1}, {1, 0}, {1, 1}};
  EXPECT_EQ(message_passing(release, acquire), whole);
  EXPECT_EQ(message_passing(relaxed, acquire), torn);
  EXPECT_EQ(message_passing(release, relaxed), torn);
}

TEST(WeakMemoryExplorer, fences_pass_a_message_as_orders_do) {
  const auto threads = [](std::memory_order written, std::memory_order read) {
    return outcomes_of({[=] {
                          x().store(1, relaxed);
                          ring::atomic_thread_fence(written);
                          y().store(1, relaxed);
                        },
                        [=] {
                          seen[0] = y().load(relaxed);
                          ring::atomic_thread_fence(read);
                          seen[1] = x().load(relaxed);
                        }},
                       2);
  };
  EXPECT_FALSE(threads(release, acquire).contains({1, 0}));
  EXPECT_TRUE(threads(acquire, acquire).contains({1, 0}));
  EXPECT_TRUE(threads(release, release).contains({1, 0}));
}

outcomes store_buffering(std::function<void()> first, std::function<void()> second) {
  return outcomes_of({[=] {
                        x().store(1, release);
                        first();
                        seen[0] = y().load(acquire);
                      },
                      [=] {
                        y().store(1, release);
                        second();
                        seen[1] = x().load(acquire);
                      }},
                     2);
}

TEST(WeakMemoryExplorer, both_miss_the_other_unless_both_fence_or_one_makes_the_barrier) {
  const auto full = [] { ring::atomic_thread_fence(seq_cst); };
  const auto nothing = [] {};
  const std::vector<std::uint64_t> missed{0, 0};
  EXPECT_TRUE(store_buffering(nothing, nothing).contains(missed));
  EXPECT_TRUE(store_buffering(full, nothing).contains(missed));
  EXPECT_FALSE(store_buffering(full, full).contains(missed));
  EXPECT_FALSE(store_buffering(barrier_for_all, nothing).contains(missed));
}

TEST(WeakMemoryExplorer, who_has_read_something_old_may_still_do_all_else_before_what_is_newer) {
  const auto full = [] { ring::atomic_thread_fence(seq_cst); };
  const outcomes found = outcomes_of({[=] {
                                        x().store(1, relaxed);
                                        full();
                                        y().store(1, relaxed);
                                      },
                                      [=] {
                                        seen[0] = y().load(relaxed);
                                        full();
                                        seen[1] = x().load(relaxed);
                                        y().store(2, relaxed);
                                      },
                                      [=] {
                                        seen[2] = y().load(relaxed);
                                        full();
                                        seen[3] = x().load(relaxed);
                                      }},
                                     4);
  EXPECT_TRUE(found.contains({0, 0, 2, 0}));
}

TEST(WeakMemoryExplorer, two_readers_may_see_two_writers_in_different_orders) {
  const auto readers = [](std::memory_order fenced) {
    return outcomes_of({[] { x().store(1, release); }, [] { y().store(1, release); },
                        [=] {
                          seen[0] = x().load(acquire);
                          ring::atomic_thread_fence(fenced);
                          seen[1] = y().load(acquire);
                        },
                        [=] {
                          seen[2] = y().load(acquire);
                          ring::atomic_thread_fence(fenced);
                          seen[3] = x().load(acquire);
                        }},
                       4);
  };
  EXPECT_TRUE(readers(relaxed).contains({1, 0, 1, 0}));
  EXPECT_FALSE(readers(seq_cst).contains({1, 0, 1, 0}));
}

TEST(WeakMemoryExplorer, one_word_is_never_seen_to_go_back_and_two_never_take_the_same_of_it) {
  const outcomes forth = outcomes_of({[] {
                                        x().store(1, relaxed);
                                        x().store(2, relaxed);
                                      },
                                      [] {
                                        seen[0] = x().load(relaxed);
                                        seen[1] = x().load(relaxed);
                                      }},
                                     2);
  for (const auto& one : forth) EXPECT_LE(one[0], one[1]);
  EXPECT_EQ(forth.size(), 6U);
  const auto take = [](std::size_t who) {
    return [who] { seen[who] = x().fetch_add(1, relaxed); };
  };
  EXPECT_EQ(outcomes_of({take(0), take(1)}, 2), (outcomes{{0, 1}, {1, 0}}));
}

TEST(WeakMemoryExplorer, what_was_released_is_handed_on_by_who_modifies_it) {
  const outcomes found = outcomes_of({[] {
                                        x().store(1, relaxed);
                                        y().store(1, release);
                                      },
                                      [] { y().fetch_add(1, relaxed); },
                                      [] {
                                        seen[0] = y().load(acquire);
                                        seen[1] = x().load(relaxed);
                                      }},
                                     2);
  EXPECT_TRUE(found.contains({2, 1}));
  EXPECT_FALSE(found.contains({2, 0}));
}

TEST(WeakMemoryExplorer, bytes_that_race_and_sleepers_that_nobody_wakes_are_violations) {
  const auto pass = [](std::memory_order order) {
    return program{.called = "bytes",
                   .prepare = [] {},
                   .threads = {[=] {
                                 plain_write(memory() + 128, 8);
                                 y().store(1, order);
                               },
                               [] {
                                 if (y().load(acquire) == 1) plain_read(memory() + 128, 8);
                               }}};
  };
  EXPECT_EQ(explore(pass(release)).violation, "");
  EXPECT_EQ(explore(pass(relaxed)).violation, "bytes are read while somebody may write them");
  const auto wake = [](bool really) {
    return program{.called = "sleep",
                   .prepare = [] {},
                   .threads = {[=] {
                                 x().store(1, release);
                                 if (really) static_cast<void>(wake_one({&x(), 8}));
                               },
                               [] {
                                 sleep_while({&x(), 8}, 0);
                               }}};
  };
  EXPECT_EQ(explore(wake(true)).violation, "");
  EXPECT_EQ(explore(wake(false)).violation, "somebody sleeps for ever");
}

TEST(WeakMemoryExplorer, who_waits_for_a_killed_thread_sees_what_it_did_until_then) {
  const program what{.called = "death",
                     .prepare = [] {},
                     .threads = {[] {
                                   x().store(1, relaxed);
                                   y().store(1, relaxed);
                                 },
                                 [] {
                                   join(0);
                                   seen[0] = y().load(relaxed);
                                   seen[1] = x().load(relaxed);
                                   expect(seen[0] <= seen[1], "in its order");
                                 }},
                     .mortal = 0};
  const verdict said = explore(what);
  EXPECT_EQ(said.violation, "");
  EXPECT_EQ(said.runs, 3U);
}

}  // namespace
}  // namespace sluice::weak
