// F9, step by step: the creator of shared memory is killed at each edge of each system call.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sluice/primitive/shared_memory.hpp>
#include <string>

#include "support/isolation.hpp"
#include "support/leftovers.hpp"
#include "support/runtime_directory.hpp"
#include "support/traced_child.hpp"

namespace {

using namespace sluice;
using test::kill_at_each_step;
using test::step_size;

// How the memory gets its name; `label` is that of the test.
struct way {
  const char* label;
  memory_name (*name)(const std::string& text);
};

class MemoryCrash : public ::testing::TestWithParam<way> {
 protected:
  void SetUp() override {
    if (const char* reason = test::reason_not_to_trace(); *reason != '\0') GTEST_SKIP() << reason;
  }
};
INSTANTIATE_TEST_SUITE_P(
    Kinds, MemoryCrash,
    ::testing::Values(
        way{"file", [](const std::string& text) { return memory_name{text}; }},
        way{"posix", [](const std::string& text) { return memory_name::posix(text); }},
        way{"system_v", [](const std::string&) { return memory_name::system_v(::getpid()); }},
        way{"system_v_by_name",
            [](const std::string& text) { return memory_name::system_v(text); }}),
    [](const auto& one) { return std::string{one.param.label}; });

// The runtime directory without the files in the making, which the next creation clears.
std::size_t visible_names() {
  const std::filesystem::directory_iterator all{test::private_runtime_directory::current()};
  return static_cast<std::size_t>(std::ranges::count_if(
      all, [](const auto& entry) { return !entry.path().filename().string().starts_with('.'); }));
}

TEST_P(MemoryCrash, creator_killed_at_any_system_call_leaves_complete_memory_or_none) {
  const memory_name name = GetParam().name(test::unique_name());
  const auto before = test::process_state::now();
  const memory_create_options options{.size_bytes = 3 * 4096,
                                      .initialize = [](mutable_bytes bytes) -> result<void> {
                                        std::ranges::fill(bytes, std::byte{0x5a});
                                        return {};
                                      }};
  int complete = 0;
  int none = 0;
  const long killed = kill_at_each_step({
      .size = step_size::system_call,
      .operation =
          [&] {
            auto made = shared_memory::create(name, options);
            if (!made) ::abort();
            made->persist();
          },
      .judge =
          [&] {
            if (auto found = shared_memory::open(name, {.size_bytes = options.size_bytes}); found) {
              ++complete;
              EXPECT_TRUE(std::ranges::all_of(
                  found->bytes(), [](std::byte one) { return one == std::byte{0x5a}; }));
              EXPECT_TRUE(found->unlink());
            } else {
              ++none;
              EXPECT_EQ(found.error(), std::errc::no_such_file_or_directory)
                  << found.error().message();
              EXPECT_EQ(visible_names(), 0U);
              // And nothing is in the way of the next creator, who leaves nothing of the dead one.
              auto made = shared_memory::create(name, options);
              ASSERT_TRUE(made) << made.error().message();
              ASSERT_TRUE(made->unlink());
              made = failure{errc::removed, "test"};
              EXPECT_THAT(test::leftovers(before, test::process_state::now()),
                          ::testing::IsEmpty());
            }
          },
  });
  EXPECT_GT(killed, 10);
  EXPECT_GT(complete, 0);
  EXPECT_GT(none, 5);
  if (auto last = shared_memory::open(name)) {
    EXPECT_TRUE(last->unlink());
  }
}

}  // namespace
