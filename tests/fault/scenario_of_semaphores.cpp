#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <new>
#include <sluice/sluice.hpp>
#include <string>

#include "fault/scenario.hpp"

namespace sluice::test {

namespace {

using namespace std::chrono_literals;
using values = std::vector<std::uint16_t>;

semaphore_name file() { return "semaphore"; }
semaphore_name posix() { return semaphore_name::posix("sluice-t-" + std::to_string(::getpid())); }
system_v_name key() { return system_v_name::key(::getpid() << 4); }
system_v_name named() { return "set"; }

// --- POSIX ---------------------------------------------------------------------------------------

template <semaphore_name (*Name)()>
void create_semaphore(struck_step& step) {
  auto made = step([] { return posix_semaphore::create(Name(), {.initial = 1}); });
  if (made) {
    EXPECT_TRUE(made->try_wait());
  }
}

template <semaphore_name (*Name)()>
void open_semaphore(struck_step& step) {
  const auto made = posix_semaphore::create(Name(), {.initial = 1});
  ASSERT_TRUE(made);
  auto opened = step([] { return posix_semaphore::open(Name()); });
  if (opened) {
    EXPECT_TRUE(opened->try_wait());
  }
}

void take_semaphore_over(struck_step& step) {
  {
    auto made = posix_semaphore::create(file(), {.initial = 1});
    ASSERT_TRUE(made);
    made->persist();
  }
  auto taken = step([] { return posix_semaphore::open_or_create(file(), {.mode = 0400}); });
  if (taken) {
    EXPECT_TRUE(taken->try_wait());
  }
  static_cast<void>(posix_semaphore::unlink(file()));  // where it was not taken over
}

void unlink_semaphore(struck_step& step) {
  const auto made = posix_semaphore::create(file());
  ASSERT_TRUE(made);
  auto removed = step([] { return posix_semaphore::unlink(file()); });
  if (removed) {
    EXPECT_FALSE(posix_semaphore::open(file()));
  }
}

// --- System V ------------------------------------------------------------------------------------

template <system_v_name (*Name)()>
void create_set(struck_step& step) {
  auto made = step([] { return system_v_semaphore_set::create(Name(), {.initial = {1, 2}}); });
  if (made) {
    EXPECT_EQ(made->values().value(), (values{1, 2}));
  } else {
    // Where the failed call was to remove it again.
    static_cast<void>(system_v_semaphore_set::unlink(Name(), {.untouched = true}));
  }
}

template <system_v_name (*Name)()>
void open_set(struck_step& step) {
  const auto made = system_v_semaphore_set::create(Name(), {.initial = {1, 2}});
  ASSERT_TRUE(made);
  auto opened = step([] { return system_v_semaphore_set::open(Name(), {.count = 2}); });
  if (opened) {
    EXPECT_EQ(opened->values().value(), (values{1, 2}));
  }
}

void open_or_create_set(struck_step& step) {
  auto made = step([] { return system_v_semaphore_set::open_or_create(key(), {.initial = {3}}); });
  if (made) {
    EXPECT_EQ(made->values().value(), values{3});
  }
}

template <system_v_name (*Name)()>
void unlink_set(struck_step& step) {
  const auto made = system_v_semaphore_set::create(Name());
  ASSERT_TRUE(made);
  auto removed = step([] { return system_v_semaphore_set::unlink(Name()); });
  if (removed) {
    EXPECT_FALSE(system_v_semaphore_set::open(Name()));
  }
}

void use_set(struck_step& step) {
  auto set = system_v_semaphore_set::create_private({.initial = {1, 2}});
  ASSERT_TRUE(set);
  auto told = step([&]() -> result<semaphore_set_status> {
    return set->apply({{.index = 0, .change = -1}, {.index = 1, .change = -2}}, 10s)
        .and_then([&] {
          return set->set_values(values{4, 5});
        })
        .and_then([&] { return set->set_access({.mode = 0640}); })
        .and_then([&] { return set->values(); })
        .and_then([&](const values&) { return set->status(); });
  });
  if (told) {
    EXPECT_EQ(told->mode, 0640U);
    EXPECT_EQ(set->values().value(), (values{4, 5}));
  }
}

void use_one_of_a_set(struck_step& step) {
  auto set = system_v_semaphore_set::create_private({.initial = {1}});
  ASSERT_TRUE(set);
  auto one = set->semaphore(0).value();
  auto value = step([&] {
    return one.notify()
        .and_then([&] { return one.wait(10s); })
        .and_then([&] { return one.waiters(); })
        .and_then([&](std::size_t) { return one.last_process(); })
        .and_then([&](pid_t) { return one.value(); });
  });
  if (value) {
    EXPECT_EQ(*value, 1);
  }
}

void hold_unit(struck_step& step) {
  auto set = system_v_semaphore_set::create_private({.initial = {1}});
  ASSERT_TRUE(set);
  auto one = set->semaphore(0).value();
  {
    auto held = step([&] { return one.hold(10s); });
    EXPECT_EQ(one.value().value(), held ? 0 : 1);
  }
  EXPECT_EQ(one.value().value(), 1);
}

// --- The event in shared memory ------------------------------------------------------------------

void wait_for_shared_event(struck_step& step) {
  auto memory = memory_map::create_anonymous(sizeof(shared_event)).value();
  auto& event = *new (memory.writable_bytes().data()) shared_event;
  auto waited = step([&]() -> result<void> {
    auto outcome = event.wait(1ms);
    if (!outcome && outcome.error() == std::errc::timed_out) return event.notify();
    return outcome;
  });
  if (waited) {
    EXPECT_TRUE(event.try_wait());
  }
}

}  // namespace

const std::vector<scenario>& semaphore_scenarios() {
  static const std::vector<scenario> table{
      {"create_semaphore_file", create_semaphore<file>},
      {"create_posix_semaphore", create_semaphore<posix>},
      {"open_semaphore_file", open_semaphore<file>},
      {"open_posix_semaphore", open_semaphore<posix>},
      {"take_semaphore_over", take_semaphore_over},
      {"unlink_semaphore", unlink_semaphore},
      {"create_set_by_key", create_set<key>},
      {"create_set_by_name", create_set<named>},
      {"open_set_by_key", open_set<key>},
      {"open_set_by_name", open_set<named>},
      {"open_or_create_set", open_or_create_set},
      {"unlink_set_by_key", unlink_set<key>},
      {"unlink_set_by_name", unlink_set<named>},
      {"use_set", use_set},
      {"use_one_of_a_set", use_one_of_a_set},
      {"hold_unit", hold_unit},
      {"wait_for_shared_event", wait_for_shared_event},
  };
  return table;
}

}  // namespace sluice::test
