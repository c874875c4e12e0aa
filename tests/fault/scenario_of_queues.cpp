#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <sluice/sluice.hpp>
#include <string>

#include "fault/scenario.hpp"
#include "support/isolation.hpp"
#include "support/runtime_directory.hpp"

namespace sluice::test {

namespace {

using namespace std::chrono_literals;

// What is given back where an outcome holds nothing to look at.
result<void> only_success(auto&& outcome) {
  if (!outcome) return failure{outcome.error()};
  return {};
}

// What a wait that must end without success makes of a scenario.
result<void> only_timed_out(auto&& outcome) {
  if (!outcome && outcome.error() == std::errc::timed_out) return {};
  return only_success(outcome);
}

void expect_carries(auto& sender, auto& receiver) {
  std::array<std::byte, 10> buffer;
  ASSERT_TRUE(sender.try_send(bytes_of("abc")));
  EXPECT_EQ(receiver.try_receive(buffer).value(), 3u);
  EXPECT_EQ(text_of(const_bytes{buffer}.first(3)), "abc");
}

void expect_carries(const system_v_queue& queue) {
  auto sender = system_v_queue_sender::over(queue).value();
  auto receiver = system_v_queue_receiver::over(queue).value();
  expect_carries(sender, receiver);
}

// --- System V ----------------------------------------------------------------------------------

void create_system_v_queue(struck_step& step) {
  auto made = step([] { return system_v_queue::create("ticks", {.capacity_bytes = 1000}); });
  if (made) expect_carries(*made);
}

void create_private_system_v_queue(struck_step& step) {
  auto made = step([] { return system_v_queue::create_private({.capacity_bytes = 1000}); });
  if (made) expect_carries(*made);
}

void open_system_v_queue(struck_step& step) {
  const auto made = system_v_queue::create("ticks").value();
  auto found = step([] { return system_v_queue::open("ticks"); });
  if (found) expect_carries(*found);
}

void open_or_create_system_v_queue(struck_step& step) {
  const auto path = private_runtime_directory::current();
  const auto made = system_v_queue::create(system_v_name::of_file(path, 1).value()).value();
  auto found = step([&path] {
    return system_v_name::of_file(path, 1).and_then(
        [](const system_v_name& name) { return system_v_queue::open_or_create(name); });
  });
  if (found) expect_carries(*found);
}

void look_at_and_set_system_v_queue(struck_step& step) {
  auto made = system_v_queue::create("ticks").value();
  auto seen = step([&] {
    return made.set({.mode = 0400})
        .and_then([&] { return made.status(); })
        .and_then([&](const system_v_queue_status& status) -> result<mode_t> {
          auto intact = made.is_intact();
          if (!intact) return failure{intact.error()};
          EXPECT_TRUE(*intact);
          return status.mode;
        });
  });
  if (seen) {
    EXPECT_EQ(*seen, 0400u);
  }
}

void unlink_system_v_queue(struck_step& step) {
  auto made = system_v_queue::create("ticks").value();
  auto gone = step([&] { return made.unlink(); });
  if (gone) {
    EXPECT_FALSE(made.is_intact().value());
  }
}

void unlink_system_v_queue_by_name(struck_step& step) {
  const auto made = system_v_queue::create("ticks").value();
  auto gone = step([] { return system_v_queue::unlink("ticks"); });
  if (gone) {
    EXPECT_FALSE(made.is_intact().value());
  }
}

void send_over_system_v_queue(struck_step& step) {
  const auto made = system_v_queue::create_private().value();
  std::array<std::byte, 10> buffer;
  auto got = step([&]() -> result<std::size_t> {
    auto sender = system_v_queue_sender::over(made);
    if (!sender) return failure{sender.error()};
    auto receiver = system_v_queue_receiver::over(made);
    if (!receiver) return failure{receiver.error()};
    if (auto sent = sender->send(bytes_of("abc"), 7, 10s); !sent) return failure{sent.error()};
    if (auto ready = receiver->wait_readable(10s); !ready) return failure{ready.error()};
    return receiver->receive(buffer, message_selection::exactly(7), 10s);
  });
  if (got) {
    EXPECT_EQ(text_of(const_bytes{buffer}.first(*got)), "abc");
  }
}

void keep_a_message_of_a_system_v_queue(struck_step& step) {
  const auto made = system_v_queue::create_private().value();
  ASSERT_TRUE(system_v_queue_sender::over(made).value().send(bytes_of("abc")));
  auto receiver = system_v_queue_receiver::over(made).value();
  std::array<std::byte, 10> buffer;
  auto size = step([&] {
    return receiver.next_size().and_then([&](std::size_t) { return receiver.receive(buffer); });
  });
  if (size) {
    EXPECT_EQ(*size, 3u);
  }
}

void give_up_on_a_system_v_queue(struck_step& step) {
  const auto made = system_v_queue::create_private({.capacity_bytes = 3}).value();
  auto sender = system_v_queue_sender::over(made).value();
  auto receiver = system_v_queue_receiver::over(made).value();
  std::array<std::byte, 10> buffer;
  const auto waited = step([&] {
    return only_timed_out(receiver.receive(buffer, 1ms))
        .and_then([&] { return sender.send(bytes_of("abc")); })
        .and_then([&] { return only_timed_out(sender.send(bytes_of("abc"), 1ms)); });
  });
  static_cast<void>(waited);
}

void tell_limits_of_queues(struck_step& step) {
  auto told = step([] {
    return system_v_queue_limits::now().and_then(
        [](const system_v_queue_limits&) { return posix_queue_limits::now(); });
  });
  if (told) {
    EXPECT_GT(told->queues, 0u);
  }
}

// --- POSIX -------------------------------------------------------------------------------------

void create_posix_queue(struck_step& step) {
  const std::string name = unique_name();
  auto made = step([&] { return posix_queue::create(name, {.capacity_messages = 2}); });
  if (!made) return;
  auto sender = posix_queue_sender::open(name).value();
  auto receiver = posix_queue_receiver::open(name).value();
  expect_carries(sender, receiver);
}

void open_posix_queue(struck_step& step) {
  const std::string name = unique_name();
  const auto made = posix_queue::create(name).value();
  auto found = step([&] { return posix_queue::open_or_create(name); });
  if (found) {
    EXPECT_TRUE(found->is_intact().value());
  }
}

void unlink_posix_queue(struck_step& step) {
  auto made = posix_queue::create(unique_name()).value();
  auto gone = step([&] { return made.unlink(); });
  if (gone) {
    EXPECT_FALSE(made.is_intact().value());
  }
}

void look_at_posix_queue(struck_step& step) {
  auto made = posix_queue::create(unique_name()).value();
  auto seen = step([&] { return made.status(); });
  if (seen) {
    EXPECT_EQ(seen->mode, 0600u);
  }
}

void send_over_posix_queue(struck_step& step) {
  const std::string name = unique_name();
  const auto made = posix_queue::create(name).value();
  std::array<std::byte, 10> buffer;
  auto got = step([&]() -> result<std::size_t> {
    auto sender = posix_queue_sender::open(name).and_then([](posix_queue_sender&& opened) {
      return posix_queue_sender::from_native(std::move(opened).release_handle());
    });
    if (!sender) return failure{sender.error()};
    auto receiver = posix_queue_receiver::open(name).and_then([](posix_queue_receiver&& opened) {
      return posix_queue_receiver::from_native(std::move(opened).release_handle());
    });
    if (!receiver) return failure{receiver.error()};
    if (auto sent = sender->send(bytes_of("abc"), 7, 10s); !sent) return failure{sent.error()};
    if (auto ready = receiver->wait_readable(10s); !ready) return failure{ready.error()};
    return receiver->receive(buffer, 10s);
  });
  if (got) {
    EXPECT_EQ(text_of(const_bytes{buffer}.first(*got)), "abc");
  }
}

void give_up_on_a_posix_queue(struck_step& step) {
  const std::string name = unique_name();
  const auto made = posix_queue::create(name, {.capacity_messages = 1}).value();
  auto sender = posix_queue_sender::open(name).value();
  auto receiver = posix_queue_receiver::open(name).value();
  std::array<std::byte, 10> buffer;
  const auto waited = step([&] {
    return only_timed_out(receiver.receive(buffer, 1ms))
        .and_then([&] { return sender.send(bytes_of("abc")); })
        .and_then([&] { return only_timed_out(sender.send(bytes_of("abc"), 1ms)); });
  });
  static_cast<void>(waited);
}

}  // namespace

const std::vector<scenario>& queue_scenarios() {
  static const std::vector<scenario> table{
      {"create_system_v_queue", create_system_v_queue},
      {"create_private_system_v_queue", create_private_system_v_queue},
      {"open_system_v_queue", open_system_v_queue},
      {"open_or_create_system_v_queue", open_or_create_system_v_queue},
      {"look_at_and_set_system_v_queue", look_at_and_set_system_v_queue},
      {"unlink_system_v_queue", unlink_system_v_queue},
      {"unlink_system_v_queue_by_name", unlink_system_v_queue_by_name},
      {"send_over_system_v_queue", send_over_system_v_queue},
      {"keep_a_message_of_a_system_v_queue", keep_a_message_of_a_system_v_queue},
      {"give_up_on_a_system_v_queue", give_up_on_a_system_v_queue},
      {"tell_limits_of_queues", tell_limits_of_queues},
      {"create_posix_queue", create_posix_queue},
      {"open_posix_queue", open_posix_queue},
      {"unlink_posix_queue", unlink_posix_queue},
      {"look_at_posix_queue", look_at_posix_queue},
      {"send_over_posix_queue", send_over_posix_queue},
      {"give_up_on_a_posix_queue", give_up_on_a_posix_queue},
  };
  return table;
}

}  // namespace sluice::test
