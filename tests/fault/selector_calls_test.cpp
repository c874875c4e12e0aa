// Which calls a selector makes, and what it says when the kernel refuses them.

#include <gtest/gtest.h>
#include <sys/syscall.h>

#include <cerrno>
#include <sluice/compose/selector.hpp>
#include <sluice/primitive/event.hpp>
#include <string_view>

#include "fault/failing_syscall.hpp"

namespace sluice::test {
namespace {

// F41: the limit on what a user may watch.
TEST(SelectorCalls, F41_beyond_the_limit_of_watched_descriptors_names_it) {
  selector all = selector::create().value();
  event one = event::create({.initial = 1}).value();
  {
    const fault_plan plan{{.calls = {SYS_epoll_ctl}, .error_number = ENOSPC}};
    auto refused = all.add_readable(one);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error(), std::errc::no_space_on_device);
    EXPECT_NE(std::string_view{refused.error().hint()}.find("fs.epoll.max_user_watches"),
              std::string_view::npos)
        << refused.error().message();
  }
  EXPECT_EQ(all.size(), 0U);
  EXPECT_TRUE(all.add_readable(one));
  EXPECT_TRUE(all.wait(deadline::now()));
}

// Whatever is set, paused or told of by timers is no business of the kernel's.
TEST(SelectorCalls, timers_make_none_of_their_own) {
  selector all = selector::create().value();
  const fault_plan plan;
  const selector_key timer = all.add_timer(deadline::never()).value();
  EXPECT_TRUE(all.set_timer(timer, deadline::now()));
  EXPECT_TRUE(all.wait());
  EXPECT_TRUE(all.pause(timer));
  EXPECT_TRUE(all.resume(timer));
  EXPECT_TRUE(all.remove(timer));
  EXPECT_EQ(plan.calls(), plan.calls_of(SYS_getpid) + plan.calls_of(SYS_epoll_pwait));
  EXPECT_EQ(plan.calls_of(SYS_epoll_pwait), 1U);
}

}  // namespace
}  // namespace sluice::test
