#include "supervisor.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <new>
#include <optional>
#include <sluice/os/memory_map.hpp>
#include <sluice/os/process.hpp>

#include "machine.hpp"

namespace bench {

namespace {

/// After a failure: the other one may be about to say more, or waits for good.
constexpr double seconds_for_the_other = 0.05;

constexpr std::array side_names{"the receiving process", "the sending process"};

void note(shared_page& page, side me, const char* why) noexcept {
  auto& what = page.what[static_cast<std::size_t>(me)];
  std::strncpy(what.data(), why, what.size() - 1);
}

int play(shared_page& page, side me, const pace& how, const std::function<void(stage&)>& body) {
  // Should the supervisor be killed, so are we.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  try {
    const bool apart = how.where == placement::two_cores && me == side::follower;
    pin_to(apart ? allowed_cores().back() : allowed_cores().front());
    if (how.where == placement::one_core) be_a_batch(true);
    stage here{page, me, how};
    body(here);
    return 0;
  } catch (const std::exception& failed) {
    note(page, me, failed.what());
    return 1;
  }
}

/// The two processes. They are killed and reaped when this goes.
class pair {
 public:
  pair(shared_page& page, const pace& how, const bodies& both)
      : both_{sluice::process::fork([&] {
                return play(page, side::leader, how, both.leader);
              }).value(),
              sluice::process::fork([&] {
                return play(page, side::follower, how, both.follower);
              }).value()} {}
  pair(const pair&) = delete;
  pair& operator=(const pair&) = delete;
  ~pair() { kill(); }

  [[nodiscard]] sluice::process& operator[](std::size_t which) noexcept { return both_[which]; }
  void kill() noexcept {
    for (sluice::process& one : both_) {
      static_cast<void>(one.send_signal(SIGKILL));
      static_cast<void>(one.wait());
    }
  }

 private:
  std::array<sluice::process, 2> both_;
};

/// What is known of one that has ended: "" if it ended well.
std::string failure_of(const shared_page& page, std::size_t which, sluice::exit_status ended) {
  if (ended.success()) return "";
  const char* said = page.what[which].data();
  if (*said != '\0') return fmt::format("{}: {}", side_names[which], said);
  if (ended.signal != 0)
    return fmt::format("{} was killed by signal {}", side_names[which], ended.signal);
  return fmt::format("{} ended with {}", side_names[which], ended.code);
}

}  // namespace

run_result supervisor::run(const pace& how, const std::function<bodies()>& make) {
  const auto memory = sluice::memory_map::create_anonymous(sizeof(shared_page)).value();
  auto& page = *new (memory.writable_bytes().data()) shared_page;
  // What the links hold is the children's from here on: a death then ends a stream.
  auto both = std::make_optional(make());
  pair children{page, how, *both};
  both.reset();

  std::array<bool, 2> ended{};
  std::string failure;
  double until = monotonic_seconds() + limit_seconds_;
  while (!ended[0] || !ended[1]) {
    std::array<pollfd, 3> events{};
    for (std::size_t which = 0; which < 2; ++which) {
      events[which].fd = ended[which] ? -1 : children[which].native_handle();
      events[which].events = POLLIN;
    }
    events[2] = {.fd = stop_.native_handle(), .events = POLLIN, .revents = 0};
    const double left = std::max(0.0, until - monotonic_seconds());
    const int ready = ::poll(events.data(), events.size(), static_cast<int>(left * 1000) + 1);
    if (events[2].revents != 0) throw interrupted{"interrupted"};
    if (ready == 0 && failure.empty())
      failure = fmt::format(
          "not done after {} s, so it was killed: it hangs, or --limit_s is short", limit_seconds_);
    if (ready == 0) break;
    for (std::size_t which = 0; which < 2; ++which) {
      if (ready < 0 || events[which].revents == 0) continue;
      ended[which] = true;
      const std::string why = failure_of(page, which, children[which].wait().value());
      if (why.empty()) continue;
      failure += (failure.empty() ? "" : "; ") + why;
      until = monotonic_seconds() + seconds_for_the_other;
    }
  }
  return {.measured = page.outcome, .failure = std::move(failure)};
}

}  // namespace bench
