#include <cassert>
#include <sluice/primitive/scoped_signal_mask.hpp>

#include "os/syscall_signals.hpp"

namespace sluice {

result<scoped_signal_mask> scoped_signal_mask::block(signal_set signals) {
  const auto before = syscall::block_signals(signals.bits());
  if (!before) return failure{before.error()};
  return scoped_signal_mask{signal_set::from_bits(*before)};
}

result<scoped_signal_mask> scoped_signal_mask::unblock(signal_set signals) {
  const auto before = syscall::unblock_signals(signals.bits());
  if (!before) return failure{before.error()};
  return scoped_signal_mask{signal_set::from_bits(*before)};
}

result<signal_set> scoped_signal_mask::current() {
  return syscall::block_signals(0).transform(
      [](std::uint64_t now) { return signal_set::from_bits(now); });
}

void scoped_signal_mask::restore() noexcept {
  assert(thread_ == std::this_thread::get_id() && "a mask ends on the thread that it belongs to");
  [[maybe_unused]] const auto restored = syscall::set_signal_mask(before_.bits());
  assert(restored);
}

}  // namespace sluice
