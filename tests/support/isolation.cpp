#include "support/isolation.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>

namespace sluice::test {

namespace {

bool own_ipc = false;

bool take_own_ipc() {
  if (::unshare(CLONE_NEWNS | CLONE_NEWIPC) != 0) return false;
  // Private first, or the new /dev/shm would appear in the namespace we came from.
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
  return ::mount("sluice-test", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777") == 0;
}

}  // namespace

void isolate_this_process() {
  if (::getpgrp() != ::getpid() && ::setpgid(0, 0) == 0) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  own_ipc = take_own_ipc();
}

bool has_own_ipc() noexcept { return own_ipc; }

std::string unique_name() {
  static std::atomic<int> made{0};
  return "t-" + std::to_string(::getpid()) + "-" + std::to_string(++made);
}

}  // namespace sluice::test
