// F9, step by step: the creator of shared memory is killed at each edge of each system call.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <sluice/primitive/shared_memory.hpp>

#include "support/isolation.hpp"
#include "support/runtime_directory.hpp"
#include "support/traced_child.hpp"

namespace {

using namespace sluice;
using test::kill_at_each_step;
using test::step_size;

class MemoryCrash : public ::testing::TestWithParam<memory_kind> {
 protected:
  void SetUp() override {
    if (const char* reason = test::reason_not_to_trace(); *reason != '\0') GTEST_SKIP() << reason;
  }
};
INSTANTIATE_TEST_SUITE_P(Kinds, MemoryCrash,
                         ::testing::Values(memory_kind::file, memory_kind::posix,
                                           memory_kind::system_v),
                         [](const auto& one) {
                           return std::string{one.param == memory_kind::file    ? "file"
                                              : one.param == memory_kind::posix ? "posix"
                                                                                : "system_v"};
                         });

TEST_P(MemoryCrash, creator_killed_at_any_system_call_leaves_complete_memory_or_none) {
  const std::string text = test::unique_name();
  const memory_name name = GetParam() == memory_kind::file    ? memory_name{text}
                           : GetParam() == memory_kind::posix ? memory_name::posix(text)
                                                              : memory_name::system_v(::getpid());
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
              EXPECT_TRUE(std::filesystem::is_empty(test::private_runtime_directory::current()));
              // And the next creator is not in the way of anything.
              auto made = shared_memory::create(name, options);
              ASSERT_TRUE(made) << made.error().message();
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
