#include <gtest/gtest.h>
#include <unistd.h>

#include <sluice/primitive/managed_segment.hpp>
#include <string>
#include <vector>

#include "support/isolation.hpp"

namespace {

using namespace sluice;

constexpr std::size_t size = std::size_t{1} << 18;

TEST(SegmentFormat, memory_that_is_too_small_or_read_only_is_refused) {
  for (const std::size_t bytes : {1U, 64U, 200U}) {
    auto made =
        managed_segment::create_in(shared_memory::create_anonymous({.size_bytes = bytes}).value());
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error(), std::errc::invalid_argument);
  }
  const std::string name = test::unique_name();
  auto named = managed_segment::create(name, {.size_bytes = size}).value();
  auto seen = managed_segment::open(name, {.access = map_access::read_only});
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error(), std::errc::permission_denied);
  EXPECT_FALSE(managed_segment::create(test::unique_name(), {}));
  EXPECT_FALSE(managed_segment::create("", {.size_bytes = size}));
  EXPECT_FALSE(managed_segment::open("none"));
}

// F45, H2: another layout, each with its own message
TEST(SegmentFormat, every_mismatch_of_the_header_has_its_own_error) {
  const auto tried = [](std::size_t offset) {
    auto memory = shared_memory::create_anonymous({.size_bytes = size}).value();
    unique_fd copy{::dup(memory.native_handle())};
    auto segment = managed_segment::create_in(std::move(memory)).value();
    segment.memory().writable_bytes()[offset] ^= std::byte{0x40};
    auto again = shared_memory::from_native(std::move(copy)).value();
    auto attached = managed_segment::attach(std::move(again));
    return attached ? std::string{"accepted"} : attached.error().message();
  };
  std::vector<std::string> messages;
  for (const std::size_t offset : {0U, 8U, 12U, 16U, 20U, 24U, 28U, 32U})
    messages.push_back(tried(offset));
  for (std::size_t i = 0; i < messages.size(); ++i) {
    EXPECT_NE(messages[i], "accepted") << i;
    for (std::size_t j = 0; j < i; ++j) EXPECT_NE(messages[i], messages[j]);
  }
}

}  // namespace
