// The door, third part: new processes. These go through the C library and not through the seam,
// because at-fork handlers must run and because a vfork needs the library's own care.

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "os/syscall.hpp"
#include "os/syscall_invoke.hpp"

namespace sluice::syscall {

namespace {

// What posix_spawn(3) shall do with descriptors: the plan and the temporary copies it refers to.
class spawn_plan {
 public:
  spawn_plan() noexcept { ::posix_spawn_file_actions_init(&actions_); }
  spawn_plan(const spawn_plan&) = delete;
  spawn_plan& operator=(const spawn_plan&) = delete;
  ~spawn_plan() { ::posix_spawn_file_actions_destroy(&actions_); }

  result<void> pass(const std::vector<passed_descriptor>& descriptors) {
    int highest = 2;
    for (const auto& one : descriptors) highest = std::max(highest, one.target);
    for (const auto& one : descriptors) {
      // Copies above all targets: so no source is overwritten before it was used, and dup2 to
      // another number clears close-on-exec.
      auto copy = duplicate(one.source, highest + 1);
      if (!copy) return failure{copy.error()};
      if (auto added =
              check(::posix_spawn_file_actions_adddup2(&actions_, copy->get(), one.target));
          !added)
        return added;
      copies_.push_back(std::move(*copy));
    }
    for (int fd = 3; fd <= highest; ++fd) {
      const bool wanted = std::ranges::any_of(
          descriptors, [fd](const passed_descriptor& one) { return one.target == fd; });
      if (wanted) continue;
      if (auto added = check(::posix_spawn_file_actions_addclose(&actions_, fd)); !added)
        return added;
    }
    return check(::posix_spawn_file_actions_addclosefrom_np(&actions_, highest + 1));
  }

  [[nodiscard]] const posix_spawn_file_actions_t* actions() const noexcept { return &actions_; }

 private:
  static result<void> check(int number) {
    if (number != 0) return failed(-number, "posix_spawn_file_actions");
    return {};
  }
  posix_spawn_file_actions_t actions_;
  std::vector<unique_fd> copies_;
};

// A clean start: nothing blocked, nothing ignored.
class spawn_attributes {
 public:
  spawn_attributes() noexcept {
    ::posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t all;
    ::sigemptyset(&none);
    // Not sigfillset(3): that leaves out the two signals which the C library keeps for itself, and
    // the library would then have the child ignore them.
    std::memset(&all, 0xff, sizeof all);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setsigdefault(&attributes_, &all);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  spawn_attributes(const spawn_attributes&) = delete;
  spawn_attributes& operator=(const spawn_attributes&) = delete;
  ~spawn_attributes() { ::posix_spawnattr_destroy(&attributes_); }
  [[nodiscard]] const posix_spawnattr_t* get() const noexcept { return &attributes_; }

 private:
  posix_spawnattr_t attributes_;
};

failure failed_to_start(int number, const char* operation) {
  if (number != EAGAIN) return failed(-number, operation);
  return failure{
      error::from_errno(number, operation,
                        "too many processes: raise RLIMIT_NPROC (ulimit -u), the control "
                        "group's pids.max, or the sysctl kernel.pid_max")};
}

// The form that exec takes: an array of C strings with a null at its end.
std::vector<char*> as_array(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  // exec's signature has no const, but it writes to none of the strings.
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

result<pid_t> fork() {
  const pid_t id = ::fork();
  if (id < 0) return failed_to_start(errno, "fork");
  return id;
}

result<pid_t> spawn(const spawn_options& options) {
  spawn_plan plan;
  if (auto passed = plan.pass(options.descriptors); !passed) return failure{passed.error()};
  const spawn_attributes attributes;
  const std::vector<char*> arguments = as_array(options.arguments);
  std::vector<char*> environment;
  if (options.environment) environment = as_array(*options.environment);

  pid_t id = 0;
  const int number =
      ::posix_spawnp(&id, arguments.front(), plan.actions(), attributes.get(), arguments.data(),
                     options.environment ? environment.data() : ::environ);
  if (number != 0) return failed_to_start(number, "posix_spawn");
  return id;
}

void abandon_child(pid_t id) noexcept {
  // By number: it is our child and nobody has reaped it, so the number is still its own.
  once(SYS_kill, id, SIGKILL);
  constexpr void* nothing = nullptr;
  retried(SYS_wait4, id, nothing, 0, nothing);
}

void exit_now(int code) noexcept { ::_exit(code); }

}  // namespace sluice::syscall
