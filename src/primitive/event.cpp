#include <atomic>
#include <cerrno>
#include <sluice/base/retry.hpp>
#include <sluice/primitive/event.hpp>
#include <string>
#include <utility>

#include "os/syscall.hpp"
#include "os/syscall_invoke.hpp"

namespace sluice {

namespace {

// Up to so many at once go into a counter whose description blocks: to fill it with these takes two
// hundred years at ten million calls a second. All others can come near the maximum, where write(2)
// would wait, only through a description that does not block (decision 0094).
constexpr std::uint64_t few = 256;

}  // namespace

result<event> event::create(const event_options& options) {
  auto fd = syscall::event_counter(options.initial, options.counting);
  if (!fd) return failure{fd.error()};
  return event{std::move(*fd)};
}

result<event> event::from_native(unique_fd fd) {
  auto status = syscall::status(fd.get());
  if (!status) return failure{status.error()};
  // The kernel tells what an anonymous descriptor is only by the name of its link. Without /proc
  // the first use tells.
  auto link = syscall::read_link(("/proc/self/fd/" + std::to_string(fd.get())).c_str());
  if (link && *link != "anon_inode:[eventfd]")
    return failure{std::errc::invalid_argument, "event::from_native", "not an eventfd"};
  event made{std::move(fd)};
  // Nobody knows how full it is, nor who else writes.
  if (auto set = made.become_nonblocking(); !set) return failure{set.error()};
  return made;
}

// Relaxed: at worst two threads set the same flag, or one takes the longer way once more.
bool event::is_nonblocking() const noexcept {
  return std::atomic_ref{nonblocking_}.load(std::memory_order_relaxed);
}

result<void> event::become_nonblocking() const {
  if (is_nonblocking()) return {};
  auto set = syscall::set_nonblocking(fd_.get(), true);
  if (set) std::atomic_ref{nonblocking_}.store(true, std::memory_order_relaxed);
  return set;
}

result<void> event::notify(std::uint64_t times) {
  if (times == 0 || times == ~std::uint64_t{0})
    return failure{std::errc::invalid_argument, "event::notify", "1 to 2^64-2 notifications"};
  if (times > few) [[unlikely]] {
    if (auto set = become_nonblocking(); !set) return set;
  }
  const long written = syscall::write_outcome(fd_.get(), bytes_of(times));
  if (written < 0) [[unlikely]]
    return syscall::failed(written, "write");
  return {};
}

result<std::uint64_t> event::try_take() {
  for (;;) {
    std::uint64_t taken = 0;
    const int flags = is_nonblocking() ? 0 : syscall::no_wait;
    const long got = syscall::read_outcome(fd_.get(), writable_bytes_of(taken), flags);
    if (got >= 0) [[likely]]
      return taken;
    if (flags == 0 || !syscall::is_unsupported(got)) return syscall::failed(got, "read");
    // Before Linux 5.8, or in a sandbox that refuses calls with flags.
    if (auto set = become_nonblocking(); !set) return failure{set.error()};
  }
}

result<void> event::try_wait() {
  if (auto taken = try_take(); !taken) return failure{taken.error()};
  return {};
}

result<void> event::wait(deadline until) {
  return retry_until(
      until,
      [&]() -> result<void> {
        if (!until.is_never()) return try_wait();
        std::uint64_t taken = 0;
        const long got = syscall::read_outcome(fd_.get(), writable_bytes_of(taken), 0);
        if (got >= 0) [[likely]]
          return {};
        return syscall::failed(got, "read");
      },
      [&](deadline d) { return syscall::wait_readable(fd_.get(), d); });
}

int event::native_handle() const noexcept {
  // There is nothing to be refused; where a sandbox does all the same, the handle can be polled.
  static_cast<void>(become_nonblocking());
  return fd_.get();
}

unique_fd event::release_handle() && noexcept {
  static_cast<void>(native_handle());
  return std::move(fd_);
}

}  // namespace sluice
