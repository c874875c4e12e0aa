#include <array>
#include <sluice/base/retry.hpp>
#include <sluice/primitive/scoped_signal_mask.hpp>
#include <sluice/primitive/signal_receiver.hpp>

#include "os/signal_status.hpp"
#include "os/syscall.hpp"
#include "os/syscall_signals.hpp"

namespace sluice {

namespace {

result<void> check(signal_set signals) {
  const auto refuse = [](const char* why) {
    return failure{std::errc::invalid_argument, "signal_receiver", why};
  };
  if (signals.empty()) return refuse("the set is empty");
  for (int number : signals.numbers()) {
    if (number == SIGKILL || number == SIGSTOP)
      return refuse("nobody receives SIGKILL or SIGSTOP: the kernel acts on them at once");
    if (is_synchronous(number))
      return refuse(
          "SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP and SIGSYS are raised by an instruction that "
          "would run again: they can be handled (scoped_signal_handler), not received");
    if (!is_signal(number)) return refuse("the C library keeps this signal for itself");
  }
  auto blocked = scoped_signal_mask::current();
  if (!blocked) return failure{blocked.error()};
  if (!blocked->contains(signals))
    return refuse(
        "a signal that is not blocked has its usual effect: block it first, before the first "
        "thread is started (scoped_signal_mask::block)");
  return {};
}

signal_origin origin_of(const syscall::signal_record& record) noexcept {
  switch (record.code) {
    case SI_USER:
    case SI_TKILL:
      return signal_origin::process;
    case SI_QUEUE:
      return signal_origin::queue;
    case SI_TIMER:
      return signal_origin::timer;
    default:
      return record.number == SIGCHLD && record.code > 0 ? signal_origin::child
                                                         : signal_origin::kernel;
  }
}

received_signal as_received(const syscall::signal_record& record) noexcept {
  const signal_origin origin = origin_of(record);
  return {.number = record.number,
          .origin = origin,
          .sender = record.sender,
          .user = record.user,
          .payload = record.payload,
          .status = origin == signal_origin::child ? record.status : 0};
}

}  // namespace

static_assert(signal_receiver::max_batch == syscall::max_signal_records);

result<signal_receiver> signal_receiver::create(signal_set signals) {
  if (auto checked = check(signals); !checked) return failure{checked.error()};
  auto fd = syscall::signal_descriptor(signals.bits());
  if (!fd) return failure{fd.error()};
  return signal_receiver{std::move(*fd), signals};
}

result<signal_receiver> signal_receiver::from_native(unique_fd fd) {
  auto bits = signal_status::of_descriptor(fd.get());
  if (!bits) return failure{bits.error()};
  const signal_set signals = signal_set::from_bits(*bits);
  if (auto checked = check(signals); !checked) return failure{checked.error()};
  if (auto set = syscall::set_nonblocking(fd.get(), true); !set) return failure{set.error()};
  return signal_receiver{std::move(fd), signals};
}

result<received_signal> signal_receiver::try_take() {
  syscall::signal_record record;
  auto got = syscall::read_signals(fd_.get(), {&record, 1});
  if (!got) return failure{got.error()};
  return as_received(record);
}

result<std::size_t> signal_receiver::try_take(std::span<received_signal> into) {
  std::array<syscall::signal_record, max_batch> records;
  const std::size_t room = std::min(into.size(), records.size());
  auto got = syscall::read_signals(fd_.get(), std::span{records}.first(room));
  for (std::size_t i = 0; got && i < *got; ++i) into[i] = as_received(records[i]);
  return got;
}

result<void> signal_receiver::wait_readable(deadline until) const {
  return syscall::wait_readable(fd_.get(), until);
}

result<received_signal> signal_receiver::take(deadline until) {
  return retry_until(
      until, [&] { return try_take(); }, [&](deadline d) { return wait_readable(d); });
}

}  // namespace sluice
