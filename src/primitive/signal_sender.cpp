#include <sluice/primitive/signal_sender.hpp>
#include <sluice/primitive/signal_set.hpp>

#include "os/syscall.hpp"
#include "os/syscall_signals.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "signal_sender::send";

result<void> check_for_group(int number, std::uint64_t payload) {
  if (is_real_time(number))
    return failure{std::errc::not_supported, operation,
                   "the kernel does not tell when a member of the group lost a real-time signal: "
                   "send to each process"};
  if (payload != 0)
    return failure{std::errc::not_supported, operation, "a signal to a group has no payload"};
  return {};
}

// Asked first, since a dead process that nobody has reaped takes signals without complaint, and not
// afterwards, since the signal may be what ends it.
result<void> check_alive(int process) {
  auto dead = syscall::is_readable(process);
  if (!dead) return failure{dead.error()};
  if (*dead) return failure{std::errc::no_such_process, operation, "the process has died"};
  return {};
}

}  // namespace

pid_t current_thread_id() noexcept { return syscall::thread_id(); }

result<signal_sender> signal_sender::to_process(const process& target) {
  auto fd = syscall::duplicate(target.native_handle());
  if (!fd) return failure{fd.error()};
  return signal_sender{target::process, std::move(*fd), target.id()};
}

signal_sender signal_sender::to_self() noexcept { return {target::self, unique_fd{}, 0}; }

result<signal_sender> signal_sender::to_thread(pid_t thread) {
  if (thread <= 0)
    return failure{std::errc::invalid_argument, "signal_sender::to_thread",
                   "a thread is named by its kernel id (current_thread_id), above 0"};
  return signal_sender{target::thread, unique_fd{}, thread};
}

result<signal_sender> signal_sender::to_group(const process& leader) {
  auto fd = syscall::duplicate(leader.native_handle());
  if (!fd) return failure{fd.error()};
  return signal_sender{target::group, std::move(*fd), leader.id()};
}

result<void> signal_sender::send(int number, std::uint64_t payload) const {
  if (!is_signal(number))
    return failure{std::errc::invalid_argument, operation, "no signal that programs can use"};
  const syscall::queued_signal signal{.number = number, .payload = payload};
  switch (kind_) {
    case target::self:
      return syscall::queue_signal_to_self(signal);
    case target::thread:
      return syscall::queue_signal_to_thread(id_, signal);
    case target::group:
      if (auto checked = check_for_group(number, payload); !checked) return checked;
      return syscall::send_signal_to_group(fd_.get(), id_, number);
    case target::process:
      break;
  }
  if (auto alive = check_alive(fd_.get()); !alive) return alive;
  return syscall::queue_signal(fd_.get(), signal);
}

}  // namespace sluice
