#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <optional>
#include <sluice/channel/ring_channel.hpp>

#include "fault/scenario.hpp"

namespace sluice::test {

namespace {

using namespace std::chrono_literals;

constexpr const char* name = "ring";
const ring_channel_options small{.capacity_bytes = 4096};
const ring_end_options sleepy{.wait = {.spin = 0ns}};

ring_channel anonymous() { return ring_channel::create_anonymous(small).value(); }

// One message through a ring whose roles are free.
void expect_works(const ring_channel& ring) {
  auto sender = ring_sender::attach(ring);
  auto receiver = ring_receiver::attach(ring);
  ASSERT_TRUE(sender && receiver);
  EXPECT_TRUE(sender->try_send(bytes_of("message")));
  EXPECT_EQ(text_of(receiver->try_peek().value().bytes()), "message");
}
void expect_works(const result<ring_channel>& ring) {
  if (ring) expect_works(*ring);
}

void create_ring(struck_step& step) {
  expect_works(step([] { return ring_channel::create(name, small); }));
}

void create_anonymous_ring(struck_step& step) {
  expect_works(step([] { return ring_channel::create_anonymous(small); }));
}

void open_ring(struck_step& step) {
  const auto made = ring_channel::create(name, small).value();
  expect_works(step([] { return ring_channel::open(name); }));
  EXPECT_TRUE(made.memory().is_intact().value());
}

void take_ring_over(struck_step& step) {
  {
    auto made = ring_channel::create(name, small).value();
    made.persist();
  }
  expect_works(step([] { return ring_channel::open_or_create(name, small); }));
  EXPECT_TRUE(ring_channel::unlink(name));
}

void adopt_ring_handle(struck_step& step) {
  const auto made = anonymous();
  unique_fd fd{::fcntl(made.native_handle(), F_DUPFD_CLOEXEC, 0)};
  expect_works(step([&] { return ring_channel::from_native(std::move(fd)); }));
}

void unlink_ring(struck_step& step) {
  const auto made = ring_channel::create(name, small).value();
  auto gone = step([] { return ring_channel::unlink(name); });
  EXPECT_EQ(made.memory().is_intact().value(), !gone.has_value());
}

void ask_whether_ring_is_intact(struck_step& step) {
  const auto made = ring_channel::create(name, small).value();
  auto intact = step([&] { return made.memory().is_intact(); });
  if (intact) {
    EXPECT_TRUE(*intact);
  }
}

// Also where the last one cannot remove the name: then the next one finds it.
void leave_ring(struck_step& step) {
  auto made = std::optional{ring_channel::create(name, small).value()};
  auto sender = std::optional{ring_sender::open(name).value()};
  made.reset();
  static_cast<void>(step([&]() -> result<void> {
    sender.reset();
    return {};
  }));
  expect_works(ring_channel::open_or_create(name, small));
}

template <class End>
void open_end(struck_step& step) {
  const auto ring = ring_channel::create(name, small).value();
  {
    auto end = step([] { return End::open(name); });
    EXPECT_TRUE(ring.memory().is_intact().value());
  }
  expect_works(ring);
}

template <class End>
void attach_end(struck_step& step) {
  const auto ring = anonymous();
  static_cast<void>(step([&] { return End::attach(ring); }));
  expect_works(ring);
}

// A participant of a named ring shares the care for the name, or there is none.
template <class End>
void attach_end_of_named_ring(struck_step& step) {
  auto ring = std::optional{ring_channel::create(name, small).value()};
  auto end = step([&] { return End::attach(*ring); });
  ring.reset();
  EXPECT_EQ(ring_channel::open(name).has_value(), end.has_value());
}

// The two ends of a ring, and what the end of a wait means.
struct both_ends {
  ring_channel ring = anonymous();
  ring_sender sender = ring_sender::attach(ring, sleepy).value();
  ring_receiver receiver = ring_receiver::attach(ring, sleepy).value();
};

result<void> unless_in_vain(result<void> waited) {
  if (!waited && waited.error() == std::errc::timed_out) return {};
  return waited;
}

void wait_for_message(struck_step& step) {
  both_ends ends;
  static_cast<void>(step([&] { return unless_in_vain(ends.receiver.wait_readable(1ms)); }));
  EXPECT_TRUE(ends.sender.try_send(bytes_of("message")));
  EXPECT_EQ(ends.sender.statistics().wake_ups, 0U) << "nobody sleeps any more";
  EXPECT_TRUE(ends.receiver.wait_readable(deadline::never()));
}

void wait_for_room(struck_step& step) {
  both_ends ends;
  while (ends.sender.try_send(std::vector<std::byte>(500))) continue;
  static_cast<void>(step([&] { return unless_in_vain(ends.sender.wait_writable(1ms)); }));
  { auto released = ends.receiver.try_peek().value(); }
  EXPECT_TRUE(ends.sender.wait_writable(deadline::never()));
}

void wait_for_a_peer(struck_step& step) {
  const auto ring = anonymous();
  auto sender = ring_sender::attach(ring, sleepy).value();
  static_cast<void>(step([&] { return unless_in_vain(sender.wait_for_peer(1ms)); }));
}

// A death is seen, or the kernel's refusal is told: nobody is taken for dead without its word.
void ask_for_a_peer(struck_step& step) {
  both_ends ends;
  auto seen = step([&] { return ends.receiver.peer(); });
  if (seen) {
    EXPECT_EQ(*seen, ring_presence::alive);
  }
  EXPECT_EQ(ends.receiver.peer().value(), ring_presence::alive);
}

void ask_for_a_dead_peer(struck_step& step) {
  both_ends ends;
  {
    const auto gone = std::optional{std::move(ends.sender)};
    // As if it had died: its lock is free, and it has not said that it leaves.
  }
  ends.ring.memory().slot(0).state.store(static_cast<std::uint32_t>(ring::slot_state::attached));
  auto seen = step([&] { return ends.receiver.peer(); });
  if (seen) {
    EXPECT_EQ(*seen, ring_presence::died);
  }
  EXPECT_EQ(ends.receiver.peer().value(), ring_presence::died);
  EXPECT_TRUE(ring_sender::attach(ends.ring)) << "the slot is held by nobody";
}

// Whoever sleeps is woken by a call that cannot be told of: its sleep has a cap.
void wake_a_sleeper(struck_step& step) {
  both_ends ends;
  ends.ring.memory().slot(1).resting.store(static_cast<std::uint32_t>(ring::rest::parked));
  auto sent = step([&] { return ends.sender.try_send(bytes_of("message")); });
  EXPECT_TRUE(sent) << "what was published was sent";
  EXPECT_EQ(ends.receiver.next_size().value(), 7U);
}

// Readable or in error, never silent while a message is there.
void poll_for_message(struck_step& step) {
  both_ends ends;
  auto handle = step([&] { return ends.receiver.poll_handle(); });
  EXPECT_TRUE(ends.sender.try_send(bytes_of("message")));
  handle = ends.receiver.poll_handle();
  ASSERT_TRUE(handle) << handle.error().message();
  pollfd one{.fd = *handle, .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&one, 1, 0), 1);
  EXPECT_EQ(ends.receiver.next_size().value(), 7U);
}

void look_in_vain_while_polled(struck_step& step) {
  both_ends ends;
  const int handle = ends.receiver.poll_handle().value();
  EXPECT_TRUE(ends.sender.try_send(bytes_of("first")));
  { auto dealt_with = ends.receiver.try_peek().value(); }
  auto size = step([&]() -> result<std::size_t> {
    auto seen = ends.receiver.next_size();
    if (!seen && would_block(seen.error())) return 0;
    return seen;
  });
  EXPECT_TRUE(ends.sender.try_send(bytes_of("second")));
  pollfd one{.fd = handle, .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&one, 1, 0), 1) << size.has_value();
  EXPECT_EQ(ends.receiver.next_size().value(), 6U);
}

// As one who sleeps: by its timer.
void wake_one_who_is_polled(struck_step& step) {
  auto ring = anonymous();
  auto sender = ring_sender::attach(ring, sleepy).value();
  auto receiver =
      ring_receiver::attach(ring, {.wait = {.spin = 0ns, .longest_sleep = 1ms}}).value();
  const int handle = receiver.poll_handle().value();
  EXPECT_TRUE(step([&] { return sender.try_send(bytes_of("message")); }));
  pollfd one{.fd = handle, .events = POLLIN, .revents = 0};
  EXPECT_EQ(::poll(&one, 1, -1), 1);
  EXPECT_EQ(receiver.next_size().value(), 7U);
}

void attach_anew(struck_step& step) {
  both_ends ends;
  static_cast<void>(step([&]() -> result<void> {
    auto attached = ends.sender.attach();  // the role is its own
    if (!attached && attached.error() == std::errc::device_or_resource_busy) return {};
    return attached;
  }));
  EXPECT_TRUE(ends.sender.try_send(bytes_of("message")));
  EXPECT_EQ(ends.receiver.next_size().value(), 7U);
}

}  // namespace

const std::vector<scenario>& ring_scenarios() {
  static const std::vector<scenario> table{
      {"create_ring", create_ring},
      {"create_anonymous_ring", create_anonymous_ring},
      {"open_ring", open_ring},
      {"take_ring_over", take_ring_over},
      {"adopt_ring_handle", adopt_ring_handle},
      {"unlink_ring", unlink_ring},
      {"ask_whether_ring_is_intact", ask_whether_ring_is_intact},
      {"leave_ring", leave_ring},
      {"open_ring_sender", open_end<ring_sender>},
      {"open_ring_receiver", open_end<ring_receiver>},
      {"attach_ring_sender", attach_end<ring_sender>},
      {"attach_ring_receiver", attach_end<ring_receiver>},
      {"attach_to_named_ring", attach_end_of_named_ring<ring_sender>},
      {"wait_for_ring_message", wait_for_message},
      {"wait_for_ring_room", wait_for_room},
      {"wait_for_ring_peer", wait_for_a_peer},
      {"ask_for_ring_peer", ask_for_a_peer},
      {"ask_for_dead_ring_peer", ask_for_a_dead_peer},
      {"wake_ring_sleeper", wake_a_sleeper},
      {"poll_for_ring_message", poll_for_message},
      {"look_in_vain_while_polled", look_in_vain_while_polled},
      {"wake_one_who_is_polled", wake_one_who_is_polled},
      {"attach_ring_anew", attach_anew},
  };
  return table;
}

}  // namespace sluice::test
