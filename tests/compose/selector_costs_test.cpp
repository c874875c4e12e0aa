// What a wait costs: no memory, and the same system calls however many members there are. And that
// an end of any kind needs no memory either.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <new>
#include <optional>
#include <sluice/channel/pipe.hpp>
#include <sluice/channel/ring_channel.hpp>
#include <sluice/channel/udp_socket.hpp>
#include <sluice/channel/unix_datagram.hpp>
#include <sluice/channel/unix_seqpacket.hpp>
#include <sluice/compose/any_channel.hpp>
#include <sluice/compose/framed.hpp>
#include <sluice/compose/selector.hpp>
#include <sluice/primitive/event.hpp>
#include <utility>
#include <vector>

#include "os/syscall_count.hpp"
#include "support/child.hpp"
#include "support/traced_child.hpp"

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

// --- Rings that are idle -------------------------------------------------------------------------

/// So many rings that nobody sends on, and a few receivers of frames, in one selector. Each ring
/// takes five descriptors, so it is made in processes that may have many.
class idle_rings {
 public:
  static constexpr rlim_t descriptors = 8'000;
  [[nodiscard]] static bool may_be_made() {
    rlimit now{};
    return ::getrlimit(RLIMIT_NOFILE, &now) == 0 && now.rlim_max >= descriptors;
  }

  explicit idle_rings(std::size_t number) {
    rlimit now{};
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &now), 0);
    now.rlim_cur = std::max(now.rlim_cur, descriptors);
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &now), 0);
    receivers.reserve(number);
    for (std::size_t i = 0; i < number; ++i) {
      const auto ring = ring_channel::create_anonymous({.capacity_bytes = 4096}).value();
      if (i == number / 2) sender.emplace(ring_sender::attach(ring).value());
      receivers.push_back(
          ring_receiver::attach(ring, {.wait = {.spin = 0ns, .longest_sleep = 24h}}).value());
      keys.push_back(all.add_readable(receivers.back()).value());
    }
    static_cast<void>(all.add_readable(in).value());
    // Each is told of at first, and a look finds nothing.
    while (all.wait(deadline::now())) {
      for (ring_receiver& one : receivers) EXPECT_FALSE(one.try_receive(writable_bytes_of(got)));
      EXPECT_FALSE(in.try_receive(writable_bytes_of(got)));
    }
  }
  void send_to_one() { EXPECT_TRUE(sender->try_send(bytes_of(7))); }
  /// Without having been told: only it knows that there is a second message.
  void read_ahead() {
    EXPECT_TRUE(out.try_send(bytes_of(1)) && out.try_send(bytes_of(2)));
    EXPECT_TRUE(in.try_receive(writable_bytes_of(got)));
  }
  [[nodiscard]] ring_receiver& that_is_sent_to() { return receivers[receivers.size() / 2]; }

  pipe made = pipe::create().value();
  framed_sender<pipe_writer> out =
      framed_sender<pipe_writer>::create(std::move(made.writer)).value();
  framed_receiver<pipe_reader> in =
      framed_receiver<pipe_reader>::create(std::move(made.reader)).value();
  std::vector<ring_receiver> receivers;
  std::vector<selector_key> keys;
  std::optional<ring_sender> sender;
  selector all = selector::create().value();
  int got = 0;
};

TEST(SelectorOfIdleRings, a_wait_over_a_thousand_makes_two_system_calls_and_allocates_nothing) {
  if (!idle_rings::may_be_made()) GTEST_SKIP() << "RLIMIT_NOFILE is too low for a thousand rings";
  child waiting{[] {
    idle_rings rings{1000};
    const auto told_of = [&](std::uint64_t number) {
      for (int wait = 0; wait < 100; ++wait)
        EXPECT_EQ(told_by(rings.all.wait(deadline::now())), number);
    };
    EXPECT_EQ(system_calls_in([&] {
                EXPECT_EQ(rings.all.wait(deadline::now()).error(), std::errc::timed_out);
              }),
              2U);
    rings.send_to_one();
    EXPECT_EQ(system_calls_in([&] { told_of(1); }), 200U);
    EXPECT_EQ(allocations_in([&] { told_of(1); }), 0U);
    rings.read_ahead();
    EXPECT_EQ(system_calls_in([&] { told_of(2); }), 200U);
    EXPECT_EQ(allocations_in([&] { told_of(2); }), 0U);
  }};
  waiting.wait_success();
}

long instructions_of_a_wait(std::size_t rings, const std::function<void(idle_rings&)>& before) {
  std::optional<idle_rings> idle;
  traced_child waiting{[&] {
                         idle.emplace(rings);
                         before(*idle);
                       },
                       [&] { static_cast<void>(idle->all.wait(deadline::now())); }};
  long count = 0;
  while (waiting.step(step_size::instruction)) ++count;
  return count;
}

// Neither in the kernel nor in user space anybody goes through the members: a wait over a thousand
// runs no more instructions than one over ten. Reading the clock may take some more or fewer.
TEST(SelectorOfIdleRings, a_wait_over_a_thousand_runs_as_many_instructions_as_one_over_ten) {
  if (!idle_rings::may_be_made()) GTEST_SKIP() << "RLIMIT_NOFILE is too low for a thousand rings";
  if (const char* reason = reason_not_to_trace(); *reason != '\0') GTEST_SKIP() << reason;
  const std::function<void(idle_rings&)> situations[] = {
      [](idle_rings&) {},                              // nothing is there
      [](idle_rings& rings) { rings.send_to_one(); },  // one has a message
      [](idle_rings& rings) { rings.read_ahead(); },   // somebody has read ahead
  };
  for (const auto& situation : situations) {
    const long few = instructions_of_a_wait(10, situation);
    const long many = instructions_of_a_wait(1000, situation);
    EXPECT_GT(few, 50);
    EXPECT_LT(many, few + 500) << few;
    std::printf("%ld instructions over ten, %ld over a thousand\n", few, many);
  }
}

// Erasing both ends, a hundred messages through them, and moving them elsewhere.
template <class Sender, class Receiver>
std::uint64_t allocations_of_erased(Sender sender, Receiver receiver) {
  std::array<std::byte, 64> message{};
  int arrived = 0;
  const std::uint64_t made = allocations_in([&] {
    any_sender to{std::move(sender)};
    any_receiver from{std::move(receiver)};
    const auto pass_on = [&](any_sender& out, any_receiver& in) {
      for (int count = 0; count < 50; ++count)
        if (out.send(message) && in.receive(message).value_or(0) == message.size()) ++arrived;
    };
    pass_on(to, from);
    any_sender to_elsewhere{std::move(to)};
    any_receiver from_elsewhere{std::move(from)};
    pass_on(to_elsewhere, from_elsewhere);
  });
  EXPECT_EQ(arrived, 100);
  return made;
}

TEST(AnyChannelCosts, an_erased_end_lies_where_it_is_and_a_message_needs_no_memory) {
  const auto ring = ring_channel::create_anonymous({.capacity_bytes = 4096}).value();
  EXPECT_EQ(
      allocations_of_erased(ring_sender::attach(ring).value(), ring_receiver::attach(ring).value()),
      0U);
  auto ends = pipe::create().value();
  EXPECT_EQ(
      allocations_of_erased(framed_sender<pipe_writer>::create(std::move(ends.writer)).value(),
                            framed_receiver<pipe_reader>::create(std::move(ends.reader)).value()),
      0U);
  auto connection = unix_seqpacket::create_pair().value();
  EXPECT_EQ(allocations_of_erased(std::move(connection.first), std::move(connection.second)), 0U);
  auto datagrams = unix_datagram_receiver::create_pair().value();
  EXPECT_EQ(allocations_of_erased(std::move(datagrams.sender), std::move(datagrams.receiver)), 0U);
}

TEST(AnyChannelCosts, a_udp_receiver_has_its_room_once_and_for_all) {
  auto receiver = udp_socket::create().value();
  auto sender = udp_socket::create().value();
  ASSERT_TRUE(sender.connect(receiver.address()));
  EXPECT_EQ(allocations_of_erased(std::move(sender), std::move(receiver)), 1U);
}

}  // namespace
}  // namespace sluice::test
