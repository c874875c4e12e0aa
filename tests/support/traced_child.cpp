#include "support/traced_child.hpp"

#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "support/watchdog.hpp"

namespace sluice::test {

namespace {

// Tracer and victim on one core: each step is a hand-over, four times as fast without another core.
class one_core {
 public:
  one_core() {
    ::sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t first;
    CPU_ZERO(&first);
    for (unsigned core = 0; core < CPU_SETSIZE; ++core)
      if (CPU_ISSET(core, &before_)) {
        CPU_SET(core, &first);
        break;
      }
    ::sched_setaffinity(0, sizeof first, &first);
  }
  one_core(const one_core&) = delete;
  one_core& operator=(const one_core&) = delete;
  ~one_core() { ::sched_setaffinity(0, sizeof before_, &before_); }

 private:
  cpu_set_t before_{};
};

}  // namespace

traced_child::traced_child(const std::function<void()>& prepare,
                           const std::function<void()>& operation)
    : id_(::fork()) {
  if (id_ == 0) {
    prepare();
    if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(1);
    // One function for both, so that the dynamic linker's search for it is over before the stop.
    ::syscall(SYS_kill, ::getpid(), SIGSTOP);
    operation();
    ::syscall(SYS_exit_group, 0);
  }
  int status = 0;
  ended_ = ::waitpid(id_, &status, 0) != id_ || !WIFSTOPPED(status);
  EXPECT_FALSE(ended_) << "the victim ended before its operation";
  if (!ended_) {
    ::ptrace(PTRACE_SETOPTIONS, id_, nullptr, PTRACE_O_EXITKILL);
  }
}

traced_child::~traced_child() {
  if (ended_) return;
  ::kill(id_, SIGKILL);
  int status = 0;
  ::waitpid(id_, &status, 0);
}

bool traced_child::step(step_size size) {
  const auto request = size == step_size::instruction ? PTRACE_SINGLESTEP : PTRACE_SYSCALL;
  int status = 0;
  if (ended_ || ::ptrace(request, id_, nullptr, nullptr) != 0 ||
      ::waitpid(id_, &status, 0) != id_ || !WIFSTOPPED(status))
    ended_ = true;
  return !ended_;
}

bool traced_child::step(step_size size, long count) {
  for (long done = 0; done < count; ++done)
    if (!step(size)) return false;
  return true;
}

namespace {

bool wants_every_step(const crash_run& run) {
  const char* every = std::getenv("SLUICE_EVERY_INSTRUCTION");  // NOLINT(concurrency-mt-unsafe)
  return !run.image || (every != nullptr && *every == '1');
}

// After how many steps a victim is to die: a run through the whole operation tells.
std::vector<long> deaths_of(const crash_run& run) {
  const bool every = wants_every_step(run);
  std::vector<long> deaths{0};
  run.reset();
  traced_child scout{run.prepare, run.operation};
  std::vector<std::byte> before;
  for (long steps = 0;; ++steps) {
    const const_bytes now = run.image ? run.image() : const_bytes{};
    if (every || !std::ranges::equal(now, before)) {
      before.assign(now.begin(), now.end());
      if (steps != 0) deaths.push_back(steps);
    }
    if (!scout.step(run.size)) return deaths;
  }
}

bool step_through_changes(traced_child& victim, const crash_run& run, std::size_t count) {
  std::vector<std::byte> before(run.image().begin(), run.image().end());
  while (count > 0) {
    if (!victim.step(run.size)) return false;
    const const_bytes now = run.image();
    if (std::ranges::equal(now, before)) continue;
    before.assign(now.begin(), now.end());
    --count;
  }
  return true;
}

}  // namespace

long kill_at_each_step(const crash_run& run) {
  const one_core here;
  long killed = 0;
  for (const long steps : deaths_of(run)) {
    run.reset();
    {
      traced_child victim{run.prepare, run.operation};
      const bool recounts = run.recounts && !wants_every_step(run);
      EXPECT_TRUE(recounts ? step_through_changes(victim, run, static_cast<std::size_t>(killed))
                           : victim.step(run.size, steps))
          << "it ended earlier than the first one";
      if (run.meanwhile) {
        run.meanwhile();
        while (victim.step(step_size::system_call)) continue;
      }
    }
    ++killed;
    run.judge();
    if (::testing::Test::HasFailure()) {
      ADD_FAILURE() << "killed after step " << steps;
      break;
    }
  }
  return killed;
}

const char* reason_not_to_trace() {
  if (slowness() > 1) return "a sanitizer's own instructions would be stepped through";
  const pid_t id = ::fork();
  if (id == 0) ::_exit(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : 1);
  int status = 0;
  ::waitpid(id, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? "" : "ptrace(2) is not permitted here";
}

}  // namespace sluice::test
