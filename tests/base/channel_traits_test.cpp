#include <gtest/gtest.h>

#include <limits>
#include <sluice/base/channel_traits.hpp>

namespace sluice {
namespace {

struct stating_class {
  static constexpr channel_capabilities capabilities{.mechanism = "stated", .many_senders = true};
};
struct referring_class {
  static constexpr const channel_capabilities& capabilities = stating_class::capabilities;
};
struct silent_class {};
struct misleading_class {
  static constexpr int capabilities = 1;
};

template <class C>
concept has_traits = requires { channel_traits<C>; };

static_assert(has_traits<stating_class> && has_traits<referring_class>);
static_assert(!has_traits<silent_class> && !has_traits<misleading_class>);
static_assert(channel_traits<stating_class>.many_senders);  // known when compiling

TEST(ChannelTraits, are_what_the_class_states) {
  EXPECT_EQ(channel_traits<stating_class>.mechanism, "stated");
  EXPECT_EQ(&channel_traits<referring_class>, &stating_class::capabilities);
}

// Whoever forgets a cell promises the least.
TEST(ChannelTraits, promise_nothing_that_was_not_stated) {
  constexpr channel_capabilities least{};
  EXPECT_FALSE(least.keeps_boundaries || least.many_senders || least.many_receivers);
  EXPECT_FALSE(least.pollable || least.zero_copy || least.carries_handles || least.selective);
  EXPECT_FALSE(least.survives_processes);
  EXPECT_EQ(least.order, ordering::per_sender);
  EXPECT_EQ(least.reaches, reach::one_machine);
  EXPECT_EQ(least.max_message_bytes, std::numeric_limits<std::size_t>::max());
}

}  // namespace
}  // namespace sluice
