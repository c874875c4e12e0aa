#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <sluice/os/liveness.hpp>
#include <string>

#include "fault/scenario.hpp"
#include "os/syscall_liveness.hpp"

namespace sluice::test {

namespace {

unique_fd memory() { return unique_fd{::memfd_create("slots", MFD_CLOEXEC)}; }

void expect_works(result<liveness>& made) {
  if (made) {
    EXPECT_TRUE(made->try_hold(1).value());
  }
}

void open_liveness(struck_step& step) {
  const unique_fd file = memory();
  auto made = step([&] { return liveness::open(file.get()); });
  expect_works(made);
}

void adopt_description(struck_step& step) {
  unique_fd file = memory();
  auto made = step([&] { return liveness::from_native(std::move(file)); });
  expect_works(made);
}

// A slot is never believed to be held, or free, because the kernel refused to say.
void hold_a_slot(struck_step& step) {
  const unique_fd file = memory();
  liveness mine = liveness::open(file.get()).value();
  liveness other = liveness::open(file.get()).value();
  auto held = step([&] { return mine.try_hold(1); });
  if (held) {
    EXPECT_TRUE(*held);
  }
  EXPECT_EQ(other.is_held_by_others(1).value(), held.has_value());
  EXPECT_TRUE(mine.check()) << "the next call is not concerned";
}

void hold_a_taken_slot(struck_step& step) {
  const unique_fd file = memory();
  liveness mine = liveness::open(file.get()).value();
  liveness other = liveness::open(file.get()).value();
  ASSERT_TRUE(other.try_hold(1).value());
  auto held = step([&] { return mine.try_hold(1); });
  if (held) {
    EXPECT_FALSE(*held);
  }
}

void let_a_slot_go(struck_step& step) {
  const unique_fd file = memory();
  liveness mine = liveness::open(file.get()).value();
  liveness other = liveness::open(file.get()).value();
  ASSERT_TRUE(mine.try_hold(1).value());
  auto gone = step([&] { return mine.let_go(1); });
  EXPECT_EQ(other.is_held_by_others(1).value(), !gone.has_value());
}

void ask_for_a_slot(struck_step& step) {
  const unique_fd file = memory();
  liveness mine = liveness::open(file.get()).value();
  liveness other = liveness::open(file.get()).value();
  ASSERT_TRUE(mine.try_hold(1).value());
  auto held = step([&] { return other.is_held_by_others(1); });
  if (held) {
    EXPECT_TRUE(*held);
  }
}

void check_liveness(struck_step& step) {
  const unique_fd file = memory();
  liveness mine = liveness::open(file.get()).value();
  static_cast<void>(step([&] { return mine.check(); }));
  EXPECT_TRUE(mine.check()) << "a call that was refused proves no loss";
}

// Also when the kernel cannot be asked whether the descriptor is ours, it is closed.
void drop_liveness(struck_step& step) {
  const unique_fd file = memory();
  auto mine = liveness::open(file.get());
  ASSERT_TRUE(mine);
  static_cast<void>(step([&]() -> result<void> {
    mine = failure{std::errc::invalid_argument, "dropped"};
    return {};
  }));
  EXPECT_FALSE(liveness::open(file.get()).value().is_held_by_others(1).value());
}

void make_barriers(struck_step& step) {
  static_cast<void>(step([] {
    return syscall::register_for_barriers().and_then([] { return syscall::barrier_for_all(); });
  }));
}

}  // namespace

const std::vector<scenario>& liveness_scenarios() {
  static const std::vector<scenario> table{
      {"open_liveness", open_liveness},   {"adopt_description", adopt_description},
      {"hold_a_slot", hold_a_slot},       {"hold_a_taken_slot", hold_a_taken_slot},
      {"let_a_slot_go", let_a_slot_go},   {"ask_for_a_slot", ask_for_a_slot},
      {"check_liveness", check_liveness}, {"drop_liveness", drop_liveness},
      {"make_barriers", make_barriers},
  };
  return table;
}

}  // namespace sluice::test
