// What a wait costs: no memory, and the same system calls however many members there are.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <new>
#include <sluice/channel/pipe.hpp>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/compose/framed.hpp>
#include <sluice/compose/selector.hpp>
#include <sluice/primitive/event.hpp>
#include <utility>
#include <vector>

#include "os/syscall_count.hpp"
#include "support/child.hpp"

namespace {
std::atomic<std::uint64_t> allocations = 0;

void* counted(void* made) {
  allocations += 1;
  if (made == nullptr) throw std::bad_alloc{};
  return made;
}
}  // namespace

// Every way to memory in this program. Not inlined, or g++ 12 sees free() of what operator new
// made and warns of a mismatch.
void* operator new(std::size_t bytes) { return counted(std::malloc(bytes)); }
void* operator new(std::size_t bytes, std::align_val_t to) {
  const auto alignment = static_cast<std::size_t>(to);
  return counted(std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment));
}
[[gnu::noinline]] void operator delete(void* made) noexcept { std::free(made); }
[[gnu::noinline]] void operator delete(void* made, std::size_t) noexcept { std::free(made); }
void operator delete(void* made, std::align_val_t) noexcept { std::free(made); }
void operator delete(void* made, std::size_t, std::align_val_t) noexcept { std::free(made); }

namespace sluice::test {
namespace {

using namespace std::chrono_literals;

template <class F>
std::uint64_t allocations_in(F run) {
  const std::uint64_t before = allocations;
  run();
  return allocations - before;
}
template <class F>
std::uint64_t system_calls_in(F run) {
  const std::uint64_t before = syscall::calls_so_far();
  run();
  return syscall::calls_so_far() - before;
}

std::uint64_t told_by(const result<selection>& found) {
  std::uint64_t count = 0;
  for (const ready& one : found.value()) count += one.key == selector_key{} ? 0U : 1U;
  return count;
}

// Of every kind: events, of which some are ready all the time, timers that run out again and again,
// receivers that have read ahead, and rings.
class SelectorCosts : public ::testing::Test {
 protected:
  struct frames {
    explicit frames(pipe ends)
        : sender(framed_sender<pipe_writer>::create(std::move(ends.writer)).value()),
          receiver(framed_receiver<pipe_reader>::create(std::move(ends.reader)).value()) {}
    framed_sender<pipe_writer> sender;
    framed_receiver<pipe_reader> receiver;
  };

  void add_events(std::size_t number, std::uint32_t ready) {
    for (std::size_t i = 0; i < number; ++i) {
      events.push_back(event::create({.initial = ready}).value());
      keys.push_back(all.add_readable(events.back()).value());
    }
  }
  void add_the_others() {
    for (int i = 0; i < 100; ++i) timers.push_back(all.add_timer(1us, 1us).value());
    for (int i = 0; i < 20; ++i) {
      ahead.emplace_back(pipe::create().value());
      keys.push_back(all.add_readable(ahead.back().receiver).value());
    }
    keys.push_back(all.add_readable(receiver).value());
  }
  void send_to_all() {
    for (frames& one : ahead) {
      ASSERT_TRUE(one.sender.try_send(bytes_of(1)) && one.sender.try_send(bytes_of(2)));
    }
    ASSERT_TRUE(sender.try_send(bytes_of(1)) && sender.try_send(bytes_of(2)));
  }
  // One message of each: the others were read ahead.
  void look_at_all() {
    int got = 0;
    for (frames& one : ahead) static_cast<void>(one.receiver.try_receive(writable_bytes_of(got)));
    static_cast<void>(receiver.try_receive(writable_bytes_of(got)));
  }

  ring_channel ring = ring_channel::create_anonymous({.capacity_bytes = 4096}).value();
  ring_sender sender = ring_sender::attach(ring).value();
  ring_receiver receiver = ring_receiver::attach(ring).value();
  std::vector<event> events;
  std::vector<frames> ahead;
  std::vector<selector_key> keys;
  std::vector<selector_key> timers;
  selector all = selector::create().value();
};

TEST_F(SelectorCosts, no_wait_allocates_whatever_is_ready) {
  add_events(300, 1);
  add_events(300, 0);
  EXPECT_GT(allocations_in([&] { add_the_others(); }), 0U) << "allocations are not counted";
  std::uint64_t told = 0;
  for (int round = 0; round < 200; ++round) {
    send_to_all();  // frames: from room that grows once
    look_at_all();
    EXPECT_EQ(allocations_in([&] {
                for (int wait = 0; wait < 5; ++wait) told += told_by(all.wait());
              }),
              0U)
        << "in round " << round;
    look_at_all();
    look_at_all();  // in vain
  }
  EXPECT_GT(told, 200U * 5U * 100U) << "not much was ready";
}

TEST_F(SelectorCosts, setting_pausing_and_removing_allocate_nothing) {
  add_events(300, 1);
  add_the_others();
  EXPECT_EQ(allocations_in([&] {
              for (const selector_key key : timers) EXPECT_TRUE(all.set_timer(key, 1h));
              for (const selector_key key : keys) {
                EXPECT_TRUE(all.pause(key));
                EXPECT_TRUE(all.resume(key));
              }
              for (const selector_key key : timers) EXPECT_TRUE(all.pause(key) && all.resume(key));
              for (const selector_key key : keys) EXPECT_TRUE(all.remove(key));
              for (const selector_key key : timers) EXPECT_TRUE(all.remove(key));
            }),
            0U);
  EXPECT_EQ(all.size(), 0U);
}

// One asks who this process is, and one waits.
TEST_F(SelectorCosts, a_wait_over_a_thousand_members_makes_two_system_calls_as_one_over_ten) {
  constexpr std::uint64_t waits = 100;
  const auto calls_of_waits = [&](std::uint64_t ready) {
    return system_calls_in([&] {
      for (std::uint64_t i = 0; i < waits; ++i) EXPECT_EQ(told_by(all.wait()), ready);
    });
  };
  add_events(1, 1);
  add_events(9, 0);
  EXPECT_EQ(calls_of_waits(1), 2 * waits);
  add_events(990, 0);
  EXPECT_EQ(all.size(), 1000U);
  EXPECT_EQ(calls_of_waits(1), 2 * waits);
  // Also where all of them are ready: it tells of some, and of the others next time.
  for (event& one : events) ASSERT_TRUE(one.notify());
  EXPECT_EQ(calls_of_waits(told_by(all.wait())), 2 * waits);
}

TEST_F(SelectorCosts, a_wait_with_timers_and_with_who_read_ahead_makes_two_system_calls) {
  constexpr std::uint64_t waits = 100;
  add_the_others();
  send_to_all();
  look_at_all();
  EXPECT_EQ(system_calls_in([&] {
              for (std::uint64_t i = 0; i < waits; ++i) EXPECT_GT(told_by(all.wait()), 0U);
            }),
            2 * waits);
}

}  // namespace
}  // namespace sluice::test
