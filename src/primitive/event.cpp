#include <sluice/base/retry.hpp>
#include <sluice/primitive/event.hpp>
#include <string>

#include "os/syscall.hpp"

namespace sluice {

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
  if (auto set = syscall::set_nonblocking(fd.get(), true); !set) return failure{set.error()};
  return event{std::move(fd)};
}

result<void> event::notify(std::uint64_t times) {
  if (times == 0 || times == ~std::uint64_t{0})
    return failure{std::errc::invalid_argument, "event::notify", "1 to 2^64-2 notifications"};
  auto written = syscall::write(fd_.get(), bytes_of(times));
  if (!written) return failure{written.error()};
  return {};
}

result<std::uint64_t> event::try_take() {
  std::uint64_t taken = 0;
  auto got = syscall::read(fd_.get(), writable_bytes_of(taken));
  if (!got) return failure{got.error()};
  return taken;
}

result<void> event::try_wait() {
  if (auto taken = try_take(); !taken) return failure{taken.error()};
  return {};
}

result<void> event::wait(deadline until) {
  return retry_until(
      until, [&] { return try_wait(); },
      [&](deadline d) { return syscall::wait_readable(fd_.get(), d); });
}

}  // namespace sluice
