#include <sluice/channel/signal_channel.hpp>

#include "channel/growing_pause.hpp"
#include "channel/signal_channel_format.hpp"
#include "os/signal_status.hpp"
#include "os/syscall.hpp"
#include "os/syscall_signals.hpp"

namespace sluice {

namespace {

constexpr const char* operation = "signal_channel_sender";

}  // namespace

struct signal_channel_sender::state {
  unique_fd receiver;  // pidfd
  pid_t id;            // the receiver's, to find it in /proc
  signal_pair pair;
  pid_t announced_as = 0;  // the process that announced this sender; another after fork
  bool full = false;       // the last message found no room

  [[nodiscard]] result<bool> is_dead(deadline until) const;
  [[nodiscard]] result<void> queue(const syscall::queued_signal& signal);
  [[nodiscard]] result<void> announce();
  [[nodiscard]] result<void> try_send(const_bytes message);
  [[nodiscard]] result<void> wait_until_held_back(deadline until) const;
  [[nodiscard]] result<void> wait_for_room(deadline until);
  [[nodiscard]] bool must_announce_end() const noexcept;
  [[nodiscard]] result<void> try_end();
  void end_without_waiting() noexcept;
};

// Waits for the receiver's death; false when it still lives at the deadline.
result<bool> signal_channel_sender::state::is_dead(deadline until) const {
  auto dead = syscall::wait_readable(receiver.get(), until);
  if (dead) return true;
  if (dead.error() == std::errc::timed_out) return false;
  return failure{dead.error()};
}

result<void> signal_channel_sender::state::queue(const syscall::queued_signal& signal) {
  constexpr const char* gone = "the receiver's process has ended";
  // Asked first, since a dead process that nobody has reaped takes signals without complaint, and
  // not afterwards, since the message may be what it was waiting for to end.
  auto dead = syscall::is_readable(receiver.get());
  if (!dead) return failure{dead.error()};
  if (*dead) return failure{std::errc::broken_pipe, operation, gone};
  auto queued = syscall::queue_signal(receiver.get(), signal);
  full = !queued && would_block(queued.error());
  if (!queued && queued.error() == std::errc::no_such_process)
    return failure{std::errc::broken_pipe, operation, gone};
  return queued;
}

result<void> signal_channel_sender::state::announce() {
  if (!receiver) return failure{std::errc::broken_pipe, operation, "this sender has ended"};
  const pid_t self = syscall::process_id();
  if (announced_as == self) return {};
  auto announced = queue({.number = pair.data, .mark = signal_mark::joins});
  if (announced) announced_as = self;
  return announced;
}

result<void> signal_channel_sender::state::try_send(const_bytes message) {
  if (message.size() != signal_message_bytes)
    return failure{std::errc::message_size, operation,
                   "a signal carries eight bytes, no more and no less"};
  if (auto announced = announce(); !announced) return announced;
  syscall::queued_signal signal{.number = pair.data};
  copy_bytes(message, writable_bytes_of(signal.payload));
  return queue(signal);
}

result<void> signal_channel_sender::state::wait_until_held_back(deadline until) const {
  growing_pause pause;
  for (;;) {
    auto found = signal_status::of_process(id);
    // Asked afterwards, so that the answer was about this process and not about a successor.
    const deadline again = found ? pause.next(until) : deadline::now();
    const bool ready = found && signal_set::from_bits(found->blocked).contains(pair.signals());
    auto dead = is_dead(ready ? deadline::now() : again);
    if (!dead) return failure{dead.error()};
    if (*dead)
      return failure{std::errc::broken_pipe, operation, "the receiver's process has ended"};
    if (!found) return failure{found.error()};
    if (ready) return {};
    if (until.has_passed())
      return failure{std::errc::timed_out, operation,
                     "the process does not hold the signals of this pair back: no receiver there"};
  }
}

result<void> signal_channel_sender::state::wait_for_room(deadline until) {
  growing_pause pause;
  while (full) {
    auto dead = is_dead(pause.next(until));
    if (!dead) return failure{dead.error()};
    if (*dead) break;
    auto found = signal_status::of_process(id);
    // Where /proc does not tell, trying again does.
    if (!found || found->queued < found->limit) break;
    if (until.has_passed())
      return failure{std::errc::timed_out, operation, "the receiver's queue stays full"};
  }
  full = false;
  return {};
}

bool signal_channel_sender::state::must_announce_end() const noexcept {
  return receiver && announced_as != 0 && announced_as == syscall::process_id();
}

result<void> signal_channel_sender::state::try_end() {
  if (!must_announce_end()) return {};
  auto ended = queue({.number = pair.end});
  if (!ended && would_block(ended.error())) return ended;
  receiver.reset();
  return ended;
}

void signal_channel_sender::state::end_without_waiting() noexcept {
  if (!must_announce_end()) return;
  auto ended = try_end();
  // As kill(2) sends it, without our number where there is no room for that: one that is pending
  // already swallows it, else it arrives.
  if (!ended && would_block(ended.error()))
    static_cast<void>(syscall::send_signal(receiver.get(), pair.end));
}

signal_pair signal_pair::nth(int n) noexcept {
  const bool exists = n >= 0 && n <= (SIGRTMAX - SIGRTMIN - 1) / 2;
  if (!exists) return {};
  return {.data = SIGRTMIN + 2 * n, .end = SIGRTMIN + 2 * n + 1};
}

signal_channel_sender::signal_channel_sender(std::unique_ptr<state> made) noexcept
    : state_(std::move(made)) {}
signal_channel_sender::signal_channel_sender(signal_channel_sender&&) noexcept = default;
signal_channel_sender& signal_channel_sender::operator=(signal_channel_sender&& other) noexcept {
  std::swap(state_, other.state_);
  return *this;
}
signal_channel_sender::~signal_channel_sender() {
  if (state_) state_->end_without_waiting();
}

result<signal_channel_sender> signal_channel_sender::open(const process& receiver, signal_pair pair,
                                                          deadline until) {
  if (auto checked = check_pair(pair, operation); !checked) return failure{checked.error()};
  auto fd = syscall::duplicate(receiver.native_handle());
  if (!fd) return failure{fd.error()};
  signal_channel_sender made{std::make_unique<state>(
      state{.receiver = std::move(*fd), .id = receiver.id(), .pair = pair})};
  if (auto ready = made.state_->wait_until_held_back(until); !ready) return failure{ready.error()};
  if (auto announced = made.attach(until); !announced) return failure{announced.error()};
  return made;
}

result<void> signal_channel_sender::try_send(const_bytes message) {
  return state_->try_send(message);
}
result<void> signal_channel_sender::wait_writable(deadline until) {
  return state_->wait_for_room(until);
}

result<void> signal_channel_sender::attach(deadline until) {
  return retry_until(
      until, [&] { return state_->announce(); },
      [&](deadline d) { return state_->wait_for_room(d); });
}

result<void> signal_channel_sender::detach(deadline until) {
  return retry_until(
      until, [&] { return state_->try_end(); },
      [&](deadline d) { return state_->wait_for_room(d); });
}

}  // namespace sluice
