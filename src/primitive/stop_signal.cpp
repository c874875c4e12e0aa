#include <array>
#include <atomic>
#include <sluice/primitive/event.hpp>
#include <sluice/primitive/signal_receiver.hpp>
#include <sluice/primitive/stop_signal.hpp>

#include "os/syscall.hpp"
#include "os/syscall_signals.hpp"

namespace sluice {

struct stop_signal::state {
  state(signal_receiver from, event ended) noexcept
      : receiver(std::move(from)), over(std::move(ended)) {}

  signal_receiver receiver;
  event over;  // notified once, never taken: a stop was requested, or the watching thread shall end
  std::stop_source source = {};
  std::atomic<int> number = 0;
  pid_t watched_by = 0;  // the process whose thread watches: a forked child has none

  result<void> try_wait();
  result<void> wait(deadline until);
  void watch(const std::stop_token& leaving);
};

result<void> stop_signal::state::try_wait() {
  if (source.stop_requested()) return {};
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
void stop_signal::state::watch(const std::stop_token& leaving) {
  while (!leaving.stop_requested()) {
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
  if (watcher_.joinable() && state_->watched_by != syscall::process_id()) {
    watcher_.detach();  // after fork: there is no such thread here to wait for
  } else if (watcher_.joinable()) {
    watcher_.request_stop();
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
  if (watcher_.joinable()) return {};
  // Everything is blocked from the thread's first moment: no signal that is meant for the program's
  // own threads is handled there.
  auto none = scoped_signal_mask::block(signal_set::all());
  if (!none) return failure{none.error()};
  state_->watched_by = syscall::process_id();
  try {
    watcher_ = std::jthread{
        [watched = state_.get()](const std::stop_token& leaving) { watched->watch(leaving); }};
  } catch (const std::system_error& refused) {
    return failure{refused.code(), "stop_signal::watch",
                   "no thread: RLIMIT_NPROC (ulimit -u), or pids.max of the control group"};
  }
  return {};
}

}  // namespace sluice
