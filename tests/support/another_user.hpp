#pragma once
// Another user, for what only the owner may do.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <functional>
#include <utility>

#include "support/child.hpp"

namespace sluice::test {

inline constexpr uid_t nobody = 65534;  // what Linux reserves for users that it cannot name

[[nodiscard]] inline bool may_change_user() noexcept { return ::geteuid() == 0; }

/// Runs the body in a child that is the user nobody. To be asked before: may_change_user().
inline void as_nobody(const std::function<void()>& body) {
  child other{[&body] {
    ASSERT_EQ(::setgid(nobody), 0);
    ASSERT_EQ(::setuid(nobody), 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a change of the user takes it back
    body();
  }};
  other.wait_success();
}

/// The number of a user that nobody else is, also while other tests run: the kernel counts the
/// pending signals of all processes of one user. Small enough for a container's users.
[[nodiscard]] inline uid_t user_of_its_own() {
  return static_cast<uid_t>(10'000 + ::getpid() % 50'000);
}

}  // namespace sluice::test
