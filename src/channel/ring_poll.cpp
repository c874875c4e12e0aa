#include "channel/ring_poll.hpp"

#include "os/syscall.hpp"
#include "os/syscall_bell.hpp"
#include "os/syscall_watch.hpp"

namespace sluice {

namespace {

// 0 says in a slot that there is no bell.
result<std::uint64_t> number_for(int bell) {
  constexpr int attempts = 8;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    auto number = syscall::random_number();
    if (!number) return number;
    if (*number == 0) continue;
    auto ours = syscall::number_bell(bell, *number);
    if (!ours) return failure{ours.error()};
    if (*ours) return number;
  }
  return failure{std::errc::file_exists, "poll_handle", "no number for the bell was free"};
}

}  // namespace

result<ring_poll> ring_poll::make() {
  auto bell = syscall::bell_socket();
  if (!bell) return failure{bell.error()};
  auto number = number_for(bell->get());
  if (!number) return failure{number.error()};
  auto timer = syscall::timer();
  if (!timer) return failure{timer.error()};
  auto watched = syscall::watch_list();
  if (!watched) return failure{watched.error()};
  for (const int part : {bell->get(), timer->get()}) {
    if (auto added = syscall::watch_readable(watched->get(), part, 0); !added)
      return failure{added.error()};
  }
  ring_poll made{std::move(*watched), std::move(*bell), std::move(*timer), *number};
  if (auto rung = made.ring(); !rung) return failure{rung.error()};
  return made;
}

result<void> ring_poll::ring() const {
  auto rung = ring(number_);
  if (!rung) return failure{rung.error()};
  return {};
}

result<bool> ring_poll::ring(std::uint64_t number) const {
  return syscall::ring_bell(bell_.get(), number);
}

result<void> ring_poll::hush() const { return syscall::hush_bell(bell_.get()); }

result<void> ring_poll::expect(std::chrono::nanoseconds span) {
  const auto wanted = deadline{span}.when();
  if (!is_due() && due_ <= wanted) return {};
  auto set = syscall::set_timer(timer_.get(), span);
  if (set) due_ = wanted;
  return set;
}

}  // namespace sluice
