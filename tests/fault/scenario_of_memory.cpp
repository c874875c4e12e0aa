#include <gtest/gtest.h>
#include <unistd.h>

#include <sluice/sluice.hpp>
#include <string>

#include "fault/scenario.hpp"

namespace sluice::test {

namespace {

memory_name posix_name() { return memory_name::posix("sluice-t-" + std::to_string(::getpid())); }
memory_name key() { return memory_name::system_v(::getpid() << 4); }

memory_create_options plan() {
  return {.size_bytes = 10'000, .initialize = [](mutable_bytes bytes) -> result<void> {
            bytes.back() = std::byte{1};
            return {};
          }};
}

void expect_filled(const result<shared_memory>& memory) {
  if (memory) {
    EXPECT_EQ(memory->bytes().back(), std::byte{1});
  }
}

template <memory_name (*Name)()>
void create_memory(struck_step& step) {
  expect_filled(step([] { return shared_memory::create(Name(), plan()); }));
}

template <memory_name (*Name)()>
void open_memory(struck_step& step) {
  const auto made = shared_memory::create(Name(), plan());
  ASSERT_TRUE(made);
  expect_filled(step([] { return shared_memory::open(Name()); }));
}

template <memory_name (*Name)()>
void take_memory_over(struck_step& step) {
  {
    auto made = shared_memory::create(Name(), plan());
    ASSERT_TRUE(made);
    made->persist();
  }
  expect_filled(step([] { return shared_memory::open_or_create(Name(), plan()); }));
  static_cast<void>(shared_memory::unlink(Name()));  // where it was not taken over
}

template <memory_name (*Name)()>
void unlink_memory(struck_step& step) {
  const auto made = shared_memory::create(Name(), plan());
  ASSERT_TRUE(made);
  auto removed = step([] { return shared_memory::unlink(Name()); });
  if (removed) {
    EXPECT_FALSE(shared_memory::open(Name()));
  }
}

memory_name file() { return "memory"; }
memory_name key_file() { return memory_name::system_v("memory"); }

void create_anonymous(struck_step& step) {
  expect_filled(step([] { return shared_memory::create_anonymous(plan()); }));
}

void take_over_handle(struck_step& step) {
  auto made = shared_memory::create_anonymous(plan());
  ASSERT_TRUE(made);
  unique_fd fd = std::move(*made).release_handle();
  expect_filled(step([&] { return shared_memory::from_native(std::move(fd)); }));
}

}  // namespace

const std::vector<scenario>& memory_scenarios() {
  static const std::vector<scenario> table{
      {"create_memory_file", create_memory<file>},
      {"create_posix_memory", create_memory<posix_name>},
      {"create_segment", create_memory<key>},
      {"create_segment_by_name", create_memory<key_file>},
      {"open_memory_file", open_memory<file>},
      {"open_segment", open_memory<key>},
      {"open_segment_by_name", open_memory<key_file>},
      {"take_memory_file_over", take_memory_over<file>},
      {"take_segment_over", take_memory_over<key>},
      {"take_segment_over_by_name", take_memory_over<key_file>},
      {"unlink_memory_file", unlink_memory<file>},
      {"unlink_segment", unlink_memory<key>},
      {"unlink_segment_by_name", unlink_memory<key_file>},
      {"create_anonymous_memory", create_anonymous},
      {"take_over_memory_handle", take_over_handle},
  };
  return table;
}

}  // namespace sluice::test
