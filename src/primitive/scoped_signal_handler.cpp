#include <cassert>
#include <sluice/primitive/scoped_signal_handler.hpp>
#include <sluice/primitive/signal_set.hpp>
#include <utility>

#include "os/syscall_signals.hpp"

namespace sluice {

result<scoped_signal_handler> scoped_signal_handler::set(int number, function handler) {
  constexpr const char* operation = "scoped_signal_handler";
  if (number == SIGKILL || number == SIGSTOP)
    return failure{std::errc::invalid_argument, operation,
                   "what SIGKILL and SIGSTOP do cannot be changed"};
  if (!is_signal(number))
    return failure{std::errc::invalid_argument, operation, "no signal that programs can use"};
  struct sigaction wanted {};
  wanted.sa_handler = handler;
  wanted.sa_flags = SA_RESTART | SA_ONSTACK;
  return syscall::exchange_signal_action(number, wanted)
      .transform([number](const struct sigaction& before) {
        return scoped_signal_handler{number, before};
      });
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

scoped_signal_handler::scoped_signal_handler(scoped_signal_handler&& other) noexcept
    : number_(std::exchange(other.number_, 0)), before_(other.before_) {}

scoped_signal_handler::~scoped_signal_handler() {
  if (number_ == 0) return;
  [[maybe_unused]] const auto restored = syscall::exchange_signal_action(number_, before_);
  assert(restored);
}

}  // namespace sluice
