// Sets of System V semaphores: several at once, everything that the kernel tells and sets, names,
// limits, and what is refused.

#include <gtest/gtest.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sluice/primitive/system_v_semaphore_set.hpp>
#include <string>
#include <vector>

#include "support/another_user.hpp"
#include "support/asleep.hpp"
#include "support/child.hpp"
#include "support/isolation.hpp"
#include "support/runtime_directory.hpp"

namespace sluice {
namespace {

using namespace std::chrono_literals;
using test::child;
using test::patience;
using test::wait_until_asleep;
using values = std::vector<std::uint16_t>;
using name = system_v_name;

key_t fresh_key() {
  static int last = 0;
  return (::getpid() << 8) + 100 + ++last;
}

template <class Result>
void expect_refused(const Result& outcome, auto code) {
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error(), code) << outcome.error().message();
  EXPECT_NE(*outcome.error().hint(), '\0') << "nothing explains it";
}

system_v_semaphore_set make(const values& initial) {
  return system_v_semaphore_set::create_private({.initial = initial}).value();
}

TEST(SystemVSemaphoreSet, makes_all_operations_at_once_or_none) {
  auto set = make({1, 0, 5});
  EXPECT_TRUE(
      would_block(set.try_apply({{.index = 0, .change = -1}, {.index = 1, .change = -1}}).error()));
  EXPECT_EQ(set.values().value(), (values{1, 0, 5}));
  EXPECT_TRUE(set.try_apply({{.index = 0, .change = -1}, {.index = 1}, {.index = 2, .change = 2}}));
  EXPECT_EQ(set.values().value(), (values{0, 0, 7}));
  child waiter{[&] {
    EXPECT_TRUE(
        set.apply({{.index = 0, .change = -1}, {.index = 1, .change = -1}}, deadline{patience}));
  }};
  wait_until_asleep(waiter.id());
  EXPECT_TRUE(set.try_apply({{.index = 0, .change = 1}}));
  EXPECT_EQ(set.values().value(), (values{1, 0, 7})) << "it must not have taken the one alone";
  EXPECT_TRUE(set.try_apply({{.index = 1, .change = 1}}));
  waiter.wait_success();
  EXPECT_EQ(set.values().value(), (values{0, 0, 7}));
}

TEST(SystemVSemaphoreSet, waits_until_a_semaphore_is_zero) {
  auto set = make({2});
  EXPECT_TRUE(would_block(set.try_apply({{.change = 0}}).error()));
  EXPECT_EQ(set.apply({{.change = 0}}, 20ms).error(), std::errc::timed_out);
  child waiter{[&] { EXPECT_TRUE(set.apply({{.change = 0}}, deadline{patience})); }};
  auto one = set.semaphore(0).value();
  for (const deadline until{patience}; one.waiters_for_zero().value() != 1 && !until.has_passed();)
    ::usleep(100);
  EXPECT_EQ(one.waiters_for_zero().value(), 1U);
  EXPECT_EQ(one.waiters().value(), 0U);
  EXPECT_TRUE(one.try_wait());
  EXPECT_TRUE(one.try_wait());
  waiter.wait_success();
}

TEST(SystemVSemaphoreSet, makes_more_operations_than_fit_on_the_stack) {
  auto set = make(values(40, 1));
  std::vector<semaphore_operation> all;
  for (std::uint16_t i = 0; i < 40; ++i) all.push_back({.index = i, .change = -1});
  EXPECT_TRUE(set.try_apply(all));
  EXPECT_EQ(set.values().value(), values(40, 0));
}

TEST(SystemVSemaphoreSet, tells_values_waiters_and_the_last_process) {
  auto set = make({4, 0});
  EXPECT_EQ(set.size(), 2U);
  auto one = set.semaphore(1).value();
  std::vector<child> waiters;
  for (int i = 0; i < 2; ++i) waiters.emplace_back([&] { EXPECT_TRUE(one.wait()); });
  for (const deadline until{patience}; one.waiters().value() != 2 && !until.has_passed();)
    ::usleep(100);
  EXPECT_EQ(one.waiters().value(), 2U);
  EXPECT_TRUE(one.notify(2));
  for (child& each : waiters) each.wait_success();
  EXPECT_EQ(one.value().value(), 0);
  EXPECT_EQ(one.waiters().value(), 0U);
  child last{[&] { EXPECT_TRUE(one.notify()); }};
  last.wait_success();
  EXPECT_EQ(one.last_process().value(), last.id());
}

TEST(SystemVSemaphoreSet, sets_values_and_wakes_whom_they_let_through) {
  auto set = make({0, 0});
  child waiter{[&] { EXPECT_TRUE(set.apply({{.index = 1, .change = -3}}, deadline{patience})); }};
  wait_until_asleep(waiter.id());
  const values wanted{7, 4};
  EXPECT_TRUE(set.set_values(wanted));
  waiter.wait_success();
  EXPECT_EQ(set.values().value(), (values{7, 1}));
  auto one = set.semaphore(0).value();
  EXPECT_TRUE(one.set_value(system_v_semaphore::max_value));
  EXPECT_EQ(one.value().value(), system_v_semaphore::max_value);
}

TEST(SystemVSemaphoreSet, tells_and_sets_owner_mode_and_times) {
  const key_t key = fresh_key();
  const auto before = std::chrono::system_clock::now() - 2s;
  auto set = system_v_semaphore_set::create(name::key(key), {.initial = {1, 2}, .mode = 0640});
  ASSERT_TRUE(set) << set.error().message();
  const auto status = set->status().value();
  EXPECT_EQ(status.key, key);
  EXPECT_EQ(status.owner, ::geteuid());
  EXPECT_EQ(status.creator, ::geteuid());
  EXPECT_EQ(status.group, ::getegid());
  EXPECT_EQ(status.mode, 0640U);
  EXPECT_EQ(status.count, 2U);
  ASSERT_TRUE(status.last_operation);
  EXPECT_GT(*status.last_operation, before);
  EXPECT_GT(status.last_change, before);
  EXPECT_TRUE(set->set_access({.mode = 0600, .group = 12}));
  EXPECT_EQ(set->status().value().mode, 0600U);
  EXPECT_EQ(set->status().value().group, 12U);
  EXPECT_EQ(set->status().value().owner, ::geteuid());
  expect_refused(set->set_access({.mode = 0700}), std::errc::invalid_argument);
}

TEST(SystemVSemaphoreSet, refuses_bad_input_with_the_reason_also_for_nobody) {
  const auto all = [] {
    using set = system_v_semaphore_set;
    for (const semaphore_set_create_options& bad :
         {semaphore_set_create_options{.initial = {}},
          semaphore_set_create_options{.initial = {0, 32768}},
          semaphore_set_create_options{.mode = 0700},
          semaphore_set_create_options{.mode = 04600}}) {
      expect_refused(set::create(name::key(1), bad), std::errc::invalid_argument);
      expect_refused(set::open_or_create(name::key(1), bad), std::errc::invalid_argument);
      expect_refused(set::create_private(bad), std::errc::invalid_argument);
      expect_refused(set::create("x", bad), std::errc::invalid_argument);
    }
    for (const name& bad : {name::key(0), name::id(-1), name{""}, name{"a/b"}, name{".x"}}) {
      expect_refused(set::create(bad), std::errc::invalid_argument);
      expect_refused(set::open(bad), std::errc::invalid_argument);
      expect_refused(set::open_or_create(bad), std::errc::invalid_argument);
      expect_refused(set::unlink(bad), std::errc::invalid_argument);
    }
    expect_refused(set::create(name::id(3)), std::errc::invalid_argument);
    expect_refused(set::open_or_create(name::id(3)), std::errc::invalid_argument);
    expect_refused(set::create("shared", {.mode = 0660}), std::errc::invalid_argument);
    for (const int project : {0, 256, -1})
      expect_refused(name::of_file("/", project), std::errc::invalid_argument);
    EXPECT_EQ(name::of_file("/no/such/file", 1).error(), std::errc::no_such_file_or_directory);
    auto made = make({1, 1});
    expect_refused(made.semaphore(2), std::errc::invalid_argument);
    expect_refused(made.try_apply({{.index = 2, .change = 1}}), std::errc::invalid_argument);
    expect_refused(made.try_apply(std::span<const semaphore_operation>{}),
                   std::errc::invalid_argument);
    expect_refused(made.set_values(values{1}), std::errc::invalid_argument);
    expect_refused(made.set_values(values{1, 40000}), std::errc::invalid_argument);
    expect_refused(made.semaphore(0).value().notify(0), std::errc::invalid_argument);
  };
  all();
  if (!test::may_change_user()) return;
  test::as_nobody([&] {
    ::unsetenv("SLUICE_RUNTIME_DIR");  // of root
    all();
    std::filesystem::remove_all("/dev/shm/sluice-65534");
  });
}

TEST(SystemVSemaphoreSet, is_found_by_key_id_file_key_and_a_name_of_ours) {
  const std::string file = test::private_runtime_directory::current() + "/any";
  std::ofstream{file} << "x";
  const auto by_file = name::of_file(file, 7);
  ASSERT_TRUE(by_file);
  EXPECT_EQ(by_file->number(), ::ftok(file.c_str(), 7));
  for (const name& one : {name::key(fresh_key()), *by_file, name{"workers"}}) {
    EXPECT_EQ(system_v_semaphore_set::open(one).error(), std::errc::no_such_file_or_directory);
    EXPECT_EQ(system_v_semaphore_set::unlink(one).error(), std::errc::no_such_file_or_directory);
    auto made = system_v_semaphore_set::create(one, {.initial = {3, 4}});
    ASSERT_TRUE(made) << made.error().message();
    expect_refused(system_v_semaphore_set::create(one), std::errc::file_exists);
    for (const name& way : {one, name::id(made->id())}) {
      auto opened = system_v_semaphore_set::open(way, {.count = 2});
      ASSERT_TRUE(opened) << opened.error().message();
      EXPECT_EQ(opened->values().value(), (values{3, 4}));
      EXPECT_TRUE(opened->is_intact().value());
      expect_refused(system_v_semaphore_set::open(way, {.count = 3}), errc::incompatible);
    }
    {
      auto again = system_v_semaphore_set::open_or_create(one, {.initial = {0, 0}});
      ASSERT_TRUE(again) << again.error().message();
      EXPECT_EQ(again->values().value(), (values{3, 4}));
    }
    EXPECT_TRUE(made->is_intact().value()) << "who only opened it does not remove it";
    expect_refused(system_v_semaphore_set::open_or_create(one, {.initial = {0}}),
                   errc::incompatible);
  }
  std::filesystem::remove(file);
}

TEST(SystemVSemaphoreSet, goes_with_its_creator_unless_it_persists) {
  const name key = name::key(fresh_key());
  for (const name& one : {key, name{"mine"}}) {
    {
      auto made = system_v_semaphore_set::create(one).value();
      child other{[&] { const auto moved = std::move(made); }};
      other.wait_success();
      EXPECT_TRUE(system_v_semaphore_set::open(one)) << "the child must not remove its parent's";
    }
    EXPECT_FALSE(system_v_semaphore_set::open(one));
    system_v_semaphore_set::create(one).value().persist();
    EXPECT_TRUE(system_v_semaphore_set::open(one));
    EXPECT_TRUE(system_v_semaphore_set::unlink(one));
  }
}

// F27
TEST(SystemVSemaphoreSet, removed_while_it_is_waited_for_tells_so) {
  const name key = name::key(fresh_key());
  auto set = system_v_semaphore_set::create(key, {.initial = {0}}).value();
  child waiter{[&] { EXPECT_EQ(set.semaphore(0).value().wait().error(), errc::removed); }};
  child timed{
      [&] { EXPECT_EQ(set.apply({{.change = -1}}, deadline{patience}).error(), errc::removed); }};
  wait_until_asleep(waiter.id());
  wait_until_asleep(timed.id());
  ASSERT_EQ(::semctl(set.id(), 0, IPC_RMID), 0);
  waiter.wait_success();
  timed.wait_success();
  EXPECT_FALSE(set.is_intact().value());
  EXPECT_EQ(set.values().error(), errc::removed);
  EXPECT_EQ(set.status().error(), errc::removed);
  EXPECT_EQ(set.semaphore(0).value().value().error(), errc::removed);
  // Another one under the same key is never taken for it.
  auto other = system_v_semaphore_set::create(key).value();
  EXPECT_EQ(set.try_apply({{.change = 1}}).error(), errc::removed);
  EXPECT_EQ(set.unlink().error(), errc::removed);
  EXPECT_TRUE(other.is_intact().value());
}

// F27
TEST(SystemVSemaphoreSet, of_our_name_that_ipcrm_removed_is_made_anew) {
  auto set = system_v_semaphore_set::create("again", {.initial = {1}}).value();
  ASSERT_EQ(::semctl(set.id(), 0, IPC_RMID), 0);
  EXPECT_EQ(system_v_semaphore_set::open("again").error(), errc::removed);
  auto anew = system_v_semaphore_set::open_or_create("again", {.initial = {2}}).value();
  EXPECT_EQ(anew.values().value(), values{2});
  EXPECT_EQ(set.unlink().error(), errc::removed);
  EXPECT_TRUE(anew.is_intact().value());
}

// F28
TEST(SystemVSemaphoreSet, under_a_key_that_collides_or_was_squatted_is_refused) {
  const name key = name::key(fresh_key());
  const int other_program = ::semget(key.number(), 3, IPC_CREAT | IPC_EXCL | 0600);
  ASSERT_GE(other_program, 0);
  expect_refused(system_v_semaphore_set::open(key, {.untouched = true, .count = 1}),
                 errc::incompatible);
  expect_refused(system_v_semaphore_set::open_or_create(key, {.initial = {1}}), errc::incompatible);
  ASSERT_EQ(::semctl(other_program, 0, IPC_RMID), 0);
  if (!test::may_change_user()) GTEST_SKIP() << "becoming another user needs root";
  int squatted = -1;
  test::as_nobody([&] { ASSERT_GE(::semget(key.number(), 1, IPC_CREAT | 0666), 0); });
  squatted = ::semget(key.number(), 0, 0);
  for (auto& outcome : {system_v_semaphore_set::open(key, {.untouched = true}),
                        system_v_semaphore_set::open_or_create(key)})
    expect_refused(outcome, std::errc::permission_denied);
  expect_refused(system_v_semaphore_set::unlink(key), std::errc::permission_denied);
  expect_refused(system_v_semaphore_set::open(key, {.owner = test::nobody, .untouched = true}),
                 std::errc::permission_denied);
  EXPECT_TRUE(system_v_semaphore_set::open(
      key, {.owner = test::nobody, .world_writable = true, .untouched = true}));
  ASSERT_EQ(::semctl(squatted, 0, IPC_RMID), 0);
  const auto ours = system_v_semaphore_set::create(key).value();
  test::as_nobody(
      [&] { expect_refused(system_v_semaphore_set::open(key), std::errc::permission_denied); });
}

// F29: in this test's own IPC namespace
TEST(SystemVSemaphoreLimits, are_told_and_name_the_sysctl) {
  if (!test::has_own_ipc()) GTEST_SKIP() << "needs an IPC namespace of its own";
  std::string before;
  std::getline(std::ifstream{"/proc/sys/kernel/sem"}, before);
  const auto set_limits = [](const std::string& text) {
    std::ofstream{"/proc/sys/kernel/sem"} << text << std::flush;
  };
  set_limits("10 30 5 4");
  {
    const auto limits = system_v_semaphore_set::limits().value();
    EXPECT_EQ(limits.semaphores_per_set, 10U);
    EXPECT_EQ(limits.semaphores, 30U);
    EXPECT_EQ(limits.operations, 5U);
    EXPECT_EQ(limits.sets, 4U);
    EXPECT_EQ(limits.value, 32767U);
    const auto expect_named = [](const auto& outcome, std::errc code, const char* limit) {
      ASSERT_FALSE(outcome);
      EXPECT_EQ(outcome.error(), code) << outcome.error().message();
      const std::string hint = outcome.error().hint();
      EXPECT_NE(hint.find(limit), hint.npos) << hint;
    };
    const auto create = [](std::size_t count) {
      return system_v_semaphore_set::create_private({.initial = values(count, 1)});
    };
    expect_named(create(11), std::errc::invalid_argument, "semmsl");
    auto set = create(10).value();
    const std::vector<semaphore_operation> six(6, {.index = 0, .change = 1});
    expect_named(set.try_apply(six), std::errc::argument_list_too_long, "semopm");
    auto one = set.semaphore(0).value();
    EXPECT_TRUE(one.set_value(32767));
    expect_named(one.notify(), std::errc::result_out_of_range, "semvmx");
    EXPECT_EQ(one.value().value(), 32767) << "nothing was changed";
    auto second = create(10).value();
    expect_named(create(10).and_then([&](auto third) {
      auto fourth = create(1);
      third.persist();
      static_cast<void>(third.unlink());
      return fourth;
    }),
                 std::errc::no_space_on_device, "semmns");
    auto third = create(1).value();
    auto fourth = create(1).value();
    expect_named(create(1), std::errc::no_space_on_device, "semmni");
    EXPECT_EQ(system_v_semaphore_set::limits().value().sets_in_use, 4U);
    EXPECT_EQ(system_v_semaphore_set::limits().value().semaphores_in_use, 22U);
  }
  set_limits(before);
}

}  // namespace
}  // namespace sluice
