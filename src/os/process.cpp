#include <algorithm>
#include <iterator>
#include <sluice/os/process.hpp>

#include "os/syscall.hpp"

namespace sluice {

namespace {

result<void> check(const spawn_options& options) {
  constexpr const char* operation = "process::spawn";
  if (options.arguments.empty() || options.arguments.front().empty())
    return failure{std::errc::invalid_argument, operation, "arguments must begin with a program"};
  const auto has_nul = [](const std::string& text) { return text.find('\0') != text.npos; };
  for (const std::string& argument : options.arguments)
    if (has_nul(argument))
      return failure{std::errc::invalid_argument, operation, "an argument contains a NUL byte"};
  if (options.environment)
    for (const std::string& entry : *options.environment)
      if (has_nul(entry) || entry.find('=') == entry.npos)
        return failure{std::errc::invalid_argument, operation,
                       "an entry of the environment is not NAME=value"};
  for (auto one = options.descriptors.begin(); one != options.descriptors.end(); ++one) {
    if (one->target < 0 || one->source < 0)
      return failure{std::errc::bad_file_descriptor, operation, "descriptor numbers are 0 or more"};
    const auto same = [&one](const auto& other) { return other.target == one->target; };
    if (std::any_of(std::next(one), options.descriptors.end(), same))
      return failure{std::errc::invalid_argument, operation,
                     "two descriptors cannot have one number in the child"};
  }
  return {};
}

}  // namespace

result<process> process::adopt(pid_t id) {
  auto fd = syscall::process_handle(id);
  if (fd) return process{std::move(*fd), id};
  if (fd.error() == std::errc::no_such_process)
    return failure{fd.error().with_hint(
        "the child was reaped by somebody else: is SIGCHLD ignored in this process?")};
  syscall::abandon_child(id);
  return failure{fd.error()};
}

result<process> process::spawn(const spawn_options& options) {
  if (auto checked = check(options); !checked) return failure{checked.error()};
  auto id = syscall::spawn(options);
  if (!id) return failure{id.error()};
  return adopt(*id);
}

result<process> process::fork(const std::function<int()>& body) {
  auto id = syscall::fork();
  if (!id) return failure{id.error()};
  if (*id == 0) [&]() noexcept { syscall::exit_now(body()); }();
  return adopt(*id);
}

result<process> process::open(pid_t id) {
  if (id <= 0)
    return failure{std::errc::invalid_argument, "process::open", "a process number is above 0"};
  auto fd = syscall::process_handle(id);
  if (!fd) return failure{fd.error()};
  return process{std::move(*fd), id};
}

result<void> process::send_signal(int number) const {
  return syscall::send_signal(fd_.get(), number);
}

result<void> process::wait_for_exit(deadline until) const {
  return syscall::wait_readable(fd_.get(), until);
}

result<exit_status> process::wait(deadline until) {
  if (status_) return *status_;
  for (;;) {
    if (auto dead = wait_for_exit(until); !dead) return failure{dead.error()};
    auto child = syscall::reap(fd_.get());
    if (!child) return failure{child.error()};
    if (child->yes) {
      status_ = child->by_signal ? exit_status{.code = 0, .signal = child->value}
                                 : exit_status{.code = child->value, .signal = 0};
      return *status_;
    }
    // Dead and yet not to be reaped: a tracer holds it. Nothing tells when that ends.
    if (until.has_passed()) return failure{std::errc::timed_out, "process::wait"};
    static_cast<void>(syscall::sleep(earlier(until, std::chrono::milliseconds{1})));
  }
}

}  // namespace sluice
