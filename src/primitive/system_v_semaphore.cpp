#include <array>
#include <sluice/primitive/system_v_semaphore.hpp>

#include "os/syscall.hpp"
#include "os/syscall_semaphores.hpp"

namespace sluice {

namespace {

using syscall::semaphore_number;
using syscall::semaphore_step;

result<void> operate(int id, const semaphore_step& step, deadline until) {
  return syscall::semaphores_operate(id, std::span{&step, 1}, until);
}

}  // namespace

result<void> semaphore_unit::release() {
  const pid_t owner = std::exchange(owner_, 0);
  if (owner == 0)
    return failure{std::errc::invalid_argument, "semaphore_unit::release", "it was given back"};
  if (owner != syscall::process_id())
    return failure{std::errc::operation_not_permitted, "semaphore_unit::release",
                   "the unit is held by another process, from which this one was forked"};
  // With undo as well: what the kernel would have given back at our death is settled by this.
  constexpr std::int16_t flags = syscall::step_undo | syscall::step_no_wait;
  return operate(id_, {.index = index_, .change = 1, .flags = flags}, deadline::never());
}

result<void> system_v_semaphore::notify(std::uint16_t times) {
  if (times == 0 || times > max_value)
    return failure{std::errc::invalid_argument, "system_v_semaphore::notify", "1 to 32767 units"};
  return operate(id_, {.index = index_, .change = static_cast<std::int16_t>(times)},
                 deadline::never());
}

result<void> system_v_semaphore::try_wait() {
  return operate(id_, {.index = index_, .change = -1, .flags = syscall::step_no_wait},
                 deadline::never());
}

result<void> system_v_semaphore::wait(deadline until) {
  return operate(id_, {.index = index_, .change = -1}, until);
}

result<semaphore_unit> system_v_semaphore::try_hold() {
  constexpr std::int16_t flags = syscall::step_undo | syscall::step_no_wait;
  auto taken = operate(id_, {.index = index_, .change = -1, .flags = flags}, deadline::never());
  if (!taken) return failure{taken.error()};
  return semaphore_unit{id_, index_, syscall::process_id()};
}

result<semaphore_unit> system_v_semaphore::hold(deadline until) {
  auto taken = operate(id_, {.index = index_, .change = -1, .flags = syscall::step_undo}, until);
  if (!taken) return failure{taken.error()};
  return semaphore_unit{id_, index_, syscall::process_id()};
}

result<std::uint16_t> system_v_semaphore::value() const {
  auto value = syscall::semaphore_get(id_, index_, semaphore_number::value);
  if (!value) return failure{value.error()};
  return static_cast<std::uint16_t>(*value);
}

result<void> system_v_semaphore::set_value(std::uint16_t value) {
  return syscall::semaphore_set(id_, index_, value);
}

result<std::size_t> system_v_semaphore::waiters() const {
  auto count = syscall::semaphore_get(id_, index_, semaphore_number::waiters_for_more);
  if (!count) return failure{count.error()};
  return static_cast<std::size_t>(*count);
}

result<std::size_t> system_v_semaphore::waiters_for_zero() const {
  auto count = syscall::semaphore_get(id_, index_, semaphore_number::waiters_for_zero);
  if (!count) return failure{count.error()};
  return static_cast<std::size_t>(*count);
}

result<pid_t> system_v_semaphore::last_process() const {
  return syscall::semaphore_get(id_, index_, semaphore_number::last_process);
}

}  // namespace sluice
