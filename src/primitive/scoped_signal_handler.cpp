#include <cassert>
#include <sluice/primitive/scoped_signal_handler.hpp>
#include <sluice/primitive/signal_set.hpp>

#include "os/syscall_signals.hpp"

namespace sluice {

result<scoped_signal_handler> scoped_signal_handler::set(int number, function handler) {
  constexpr const char* operation = "scoped_signal_handler";
  if (number == SIGKILL || number == SIGSTOP)
    return failure{std::errc::invalid_argument, operation,
                   "what SIGKILL and SIGSTOP do cannot be changed"};
  if (!is_signal(number))
    return failure{std::errc::invalid_argument, operation, "no signal that programs can use"};
  syscall::signal_action before;
  const int outcome = syscall::exchange_signal_action(
      number, {.handler = handler, .flags = SA_RESTART | SA_ONSTACK}, before);
  if (outcome != 0) return syscall::action_refused(outcome);
  return scoped_signal_handler{number, {before.handler, before.flags, before.blocked}};
}

result<scoped_signal_handler> scoped_signal_handler::call(int number, function handler) {
  // The two values that would be read as "default" and "ignore" have functions of their own.
  if (handler == nullptr || handler == SIG_IGN)
    return failure{std::errc::invalid_argument, "scoped_signal_handler", "this is no function"};
  return set(number, handler);
}

result<scoped_signal_handler> scoped_signal_handler::ignore(int number) {
  return set(number, SIG_IGN);
}

result<scoped_signal_handler> scoped_signal_handler::restore_default(int number) {
  return set(number, SIG_DFL);
}

void scoped_signal_handler::restore() noexcept {
  [[maybe_unused]] const auto restored = syscall::set_signal_action(
      number_, {.handler = before_.handler, .flags = before_.flags, .blocked = before_.blocked});
  assert(restored);
}

}  // namespace sluice
