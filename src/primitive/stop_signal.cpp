#include <array>
#include <atomic>
#include <memory>
#include <sluice/primitive/event.hpp>
#include <sluice/primitive/signal_receiver.hpp>
#include <sluice/primitive/stop_signal.hpp>

#include "os/syscall.hpp"
#include "os/syscall_signals.hpp"

namespace sluice {

namespace {

failure copied_by_fork() noexcept {
  return {std::errc::operation_not_permitted, "stop_signal",
          "made before fork(2): the child makes one of its own"};
}

}  // namespace

struct stop_signal::state {
  state(signal_receiver from, event ended) noexcept
      : receiver(std::move(from)), over(std::move(ended)) {}

  signal_receiver receiver;
  event over;  // notified once, never taken: a stop was requested, or the watching thread shall end
  std::stop_source source = {};
  std::atomic<int> number = 0;
  std::atomic<bool> leaving = false;  // the watching thread shall end
  // Whose `over` and whose watching thread these are: a forked child has the descriptor of the
  // parent's, and of the thread a handle to nothing.
  pid_t made_by = syscall::process_id();

  [[nodiscard]] bool is_forked_copy() const noexcept { return made_by != syscall::process_id(); }
  result<void> try_wait();
  result<void> wait(deadline until);
  void watch();
};

result<void> stop_signal::state::try_wait() {
  if (source.stop_requested()) return {};
  if (is_forked_copy()) return copied_by_fork();
  auto came = receiver.try_take();
  if (!came && source.stop_requested()) return {};
  if (!came) return failure{came.error()};
  int none = 0;
  // Relaxed: whoever acts on the number learnt of the stop first, which request_stop publishes.
  number.compare_exchange_strong(none, came->number, std::memory_order_relaxed);
  source.request_stop();
  auto told = over.notify();
  if (!told && would_block(told.error())) return {};  // it stands already, and wakes who waits
  return told;
}

result<void> stop_signal::state::wait(deadline until) {
  for (;;) {
    auto stopped = try_wait();
    if (stopped || !would_block(stopped.error())) return stopped;
    auto ready =
        syscall::wait_any_readable({receiver.native_handle(), over.native_handle()}, until);
    if (!ready) return ready;
  }
}

// Until a stop was requested, or the owner leaves and wakes us by `over`.
void stop_signal::state::watch() {
  while (!leaving) {
    auto stopped = try_wait();
    if (stopped || !would_block(stopped.error())) return;
    const std::array both{receiver.native_handle(), over.native_handle()};
    if (auto ready = syscall::wait_any_readable(both, deadline::never()); !ready) return;
  }
}

stop_signal::stop_signal(scoped_signal_mask mask, std::unique_ptr<state> made) noexcept
    : mask_(std::move(mask)), state_(std::move(made)) {}
stop_signal::stop_signal(stop_signal&& other) noexcept = default;

stop_signal::~stop_signal() {
  if (!state_) return;
  if (watcher_.joinable() && state_->is_forked_copy()) {
    // After fork there is no such thread here. Its handle is forgotten and not even detached: the
    // C library may have given what it points to to another thread.
    std::construct_at(&watcher_);
  } else if (watcher_.joinable()) {
    state_->leaving = true;
    static_cast<void>(state_->over.notify());
    watcher_.join();
  }
  if (!stop_requested()) return;
  std::array<received_signal, signal_receiver::max_batch> same_request;
  while (auto taken = state_->receiver.try_take(same_request)) {
  }
}

result<stop_signal> stop_signal::create(signal_set signals) {
  auto mask = scoped_signal_mask::block(signals);
  if (!mask) return failure{mask.error()};
  auto receiver = signal_receiver::create(signals);
  if (!receiver) return failure{receiver.error()};
  auto over = event::create();
  if (!over) return failure{over.error()};
  return stop_signal{std::move(*mask),
                     std::make_unique<state>(std::move(*receiver), std::move(*over))};
}

std::stop_token stop_signal::token() const noexcept { return state_->source.get_token(); }
bool stop_signal::stop_requested() const noexcept { return state_->source.stop_requested(); }
int stop_signal::number() const noexcept { return state_->number.load(std::memory_order_relaxed); }

result<void> stop_signal::try_wait() { return state_->try_wait(); }
result<void> stop_signal::wait(deadline until) { return state_->wait(until); }
int stop_signal::native_handle() const noexcept { return state_->receiver.native_handle(); }

result<void> stop_signal::watch() {
  if (state_->is_forked_copy()) return copied_by_fork();
  if (watcher_.joinable()) return {};
  // Everything is blocked from the thread's first moment: no signal that is meant for the program's
  // own threads is handled there.
  auto none = scoped_signal_mask::block(signal_set::all());
  if (!none) return failure{none.error()};
  try {
    watcher_ = std::thread{[watched = state_.get()] { watched->watch(); }};
  } catch (const std::system_error& refused) {
    return failure{refused.code(), "stop_signal::watch",
                   "no thread: RLIMIT_NPROC (ulimit -u), or pids.max of the control group"};
  }
  return {};
}

}  // namespace sluice
